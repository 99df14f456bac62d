/** BPF_PROG_TEST_RUN itself: what goes in, what comes out, what is refused. */
import { BPF_ATTACH_TYPE } from '@cpumap/uapi';
import { call, keep, PASS } from './support/fragments.ts';
import { FRAME, type KernelCase } from './support/kernel-case.ts';

const verdict = (number: number | string): string => `
    r0 = ${number}
    exit`;

/** Puts what the context says in `out`: lengths of the metadata and of the packet, and the three numbers behind them. */
const readContext = `
    r6 = r1
    r0 = *(u32 *)(r6 + 0)
    r2 = *(u32 *)(r6 + 8)
    r0 -= r2
    ${keep(0)}
    r0 = *(u32 *)(r6 + 4)
    r2 = *(u32 *)(r6 + 0)
    r0 -= r2
    ${keep(1)}
    r0 = *(u32 *)(r6 + 12)
    ${keep(2)}
    r0 = *(u32 *)(r6 + 16)
    ${keep(3)}
    ${PASS}`;

/** Moves the head by `head`, the tail by `tail`, and makes `meta` bytes of metadata. */
const move = (head: number, tail: number, meta: number): string => `
    r6 = r1
    r2 = ${head}
    ${call('xdp_adjust_head')}
    ${keep(0)}
    r1 = r6
    r2 = ${tail}
    ${call('xdp_adjust_tail')}
    ${keep(1)}
    r1 = r6
    r2 = ${meta}
    ${call('xdp_adjust_meta')}
    ${keep(2)}
    ${PASS}`;

const count = `
    r1 = map_value(out) ll
    r0 = *(u64 *)(r1 + 0)
    r0 += 1
    *(u64 *)(r1 + 0) = r0
    exit`;

const length = (bytes: number): string => FRAME.slice(0, 28).padEnd(2 * bytes, 'ab');
const LINEAR = 4096 - 256 - 320;

export const CASES: readonly KernelCase[] = [
  ...[0, 1, 2, 3, 4, 5, 77, -1].map((n) => ({ name: `verdict ${n}`, text: verdict(n) })),
  { name: 'a verdict of 64 bits', text: 'r0 = 0x1234567890 ll\nexit' },
  { name: 'the context by default', text: readContext },
  { name: 'metadata in front', text: readContext, ctx: { data: 8 } },
  ...[216, 220, 252].map((data) => ({
    name: `metadata, ${data} bytes`,
    text: readContext,
    data: length(300),
    ctx: { data },
  })),
  {
    name: '4 bytes of metadata before the longest frame',
    text: readContext,
    data: length(LINEAR + 4),
    ctx: { data: 4 },
  },
  ...[-200, -204, -208, -212, -216, -220].map((head) => ({
    name: `8 bytes of metadata and the head moves by ${head}`,
    text: move(head, 0, 0),
    ctx: { data: 8 },
  })),
  ...[255, 256, 2, 7, 60, 51, 52].map((data) => ({
    name: `ctx.data ${data} of 64`,
    text: readContext,
    ctx: { data },
  })),
  { name: 'ctx.data_meta 4', text: PASS, ctx: { data_meta: 4 } },
  { name: 'ctx.data_end too large', text: PASS, ctx: { data_end: 65 } },
  { name: 'ctx.egress_ifindex', text: PASS, ctx: { egress_ifindex: 1 } },
  { name: 'ctx.ingress_ifindex 0', text: readContext, ctx: { ingress_ifindex: 0 } },
  { name: 'ctx.ingress_ifindex 0, queue 1', text: readContext, ctx: { ingress_ifindex: 0, rx_queue_index: 1 } },
  { name: 'ctx.ingress_ifindex unknown', text: PASS, ctx: { ingress_ifindex: 999_999 } },
  { name: 'ctx.rx_queue_index unknown', text: PASS, ctx: { ingress_ifindex: 1, rx_queue_index: 1 } },
  ...[0, 1, 13, 14, 15, LINEAR].map((bytes) => ({ name: `${bytes} bytes`, text: readContext, data: length(bytes) })),
  ...[2, 3, 100].map((repeat) => ({ name: `${repeat} times`, text: count, repeat })),
  { name: 'repeat 0', text: count, repeat: 0 },
  { name: 'ends move', text: move(-14, 6, -8) },
  { name: 'ends move inwards', text: move(14, -6, 0) },
  { name: 'ends move 5 times', text: move(-4, 3, -4), repeat: 5 },
  { name: 'ends move until they cannot', text: move(-50, 300, -4), repeat: 20 },
  { name: 'metadata consumed', text: move(4, 0, 4), ctx: { data: 8 } },
  { name: 'a program for cpumap entries', text: PASS, attachType: BPF_ATTACH_TYPE.XDP_CPUMAP },
  { name: 'a program for devmap entries', text: PASS, attachType: BPF_ATTACH_TYPE.XDP_DEVMAP },
];
