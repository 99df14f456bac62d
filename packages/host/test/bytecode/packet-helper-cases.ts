/** Helpers that move, read and write the packet, and bpf_redirect and bpf_redirect_map by their verdict. */
import { BPF_MAP_TYPE } from '@cpumap/uapi';
import { call, keep, PASS } from './support/fragments.ts';
import { type KernelCase, OUT_NUMBERS } from './support/kernel-case.ts';

type Step = readonly ['head' | 'meta' | 'tail', number];

/** Adjusts one after the other and keeps what each returned; the lengths of packet and metadata are last. */
const adjust = (steps: readonly Step[]): string => `
    r6 = r1
    ${steps
      .map(
        ([end, delta], n) => `
    r1 = r6
    r2 = ${delta}
    ${call(`xdp_adjust_${end}`)}
    ${keep(n)}`,
      )
      .join('')}
    r1 = r6
    ${call('xdp_get_buff_len')}
    ${keep(OUT_NUMBERS - 2)}
    r0 = *(u32 *)(r6 + 0)
    r2 = *(u32 *)(r6 + 8)
    r0 -= r2
    ${keep(OUT_NUMBERS - 1)}
    ${PASS}`;

/** Copies `size` bytes at `offset` of the packet to or from a value of 64 bytes, and keeps what that returned. */
const bytes = (which: 'load' | 'store', offset: number | string, size: number): string => `
    r6 = r1
    r2 = ${offset}
    r3 = map_value(buffer) ll
    r4 = ${size}
    ${call(`xdp_${which}_bytes`)}
    ${keep(0)}
    r2 = map_value(buffer) ll
    r0 = *(u64 *)(r2 + 0)
    ${keep(1)}
    r0 = *(u64 *)(r2 + 56)
    ${keep(2)}
    ${PASS}`;

const BUFFER = { buffer: { type: BPF_MAP_TYPE.ARRAY, keySize: 4, valueSize: 64, maxEntries: 1 } };
const FILLED = [{ map: 'buffer', key: 0, value: 'c0'.repeat(8) + 'c1'.repeat(48) + 'c2'.repeat(8) }];

const redirectMap = (key: string | number, flags: string | number): string => `
    r1 = map(cpus) ll
    r2 = ${key}
    r3 = ${flags}
    ${call('redirect_map')}
    ${keep(0)}
    exit`;

const CPUS = { cpus: { type: BPF_MAP_TYPE.CPUMAP, keySize: 4, valueSize: 8, maxEntries: 4 } };
const CPU_1 = [{ map: 'cpus', key: 1, value: '4000000000000000' }];

const redirect = (ifindex: string | number, flags: string | number): string => `
    r1 = ${ifindex}
    r2 = ${flags}
    ${call('redirect')}
    exit`;

const HEADS = [0, 1, -1, 14, 50, 51, 64, -216, -217, -256, -257, 4096, -4096, 0x7fffffff, -0x80000000];
const METAS = [0, 4, -4, -2, -32, -36, -216, -220, -252, -256, 0x7fffffff, -0x80000000];
const TAILS = [0, 1, -1, -50, -51, -64, 3456, 3457, 4096, 0x7fffffff, -0x80000000];
const one = (end: Step[0]) => (delta: number) => ({
  name: `adjust_${end} by ${delta}`,
  text: adjust([[end, delta]]),
});

const SERIES: readonly (readonly Step[])[] = [
  [
    ['meta', -8],
    ['head', -8],
    ['head', 4],
    ['meta', 4],
  ],
  [
    ['head', 8],
    ['meta', -16],
    ['meta', 8],
    ['meta', 8],
    ['meta', 4],
  ],
  [
    ['head', -216],
    ['meta', -4],
    ['head', 4],
    ['meta', -4],
  ],
  [
    ['tail', -50],
    ['head', 1],
    ['tail', 3506],
    ['tail', 1],
    ['head', 50],
  ],
  [
    ['meta', -32],
    ['head', -184],
    ['head', -185],
    ['tail', -1],
    ['meta', 32],
  ],
];

export const CASES: readonly KernelCase[] = [
  ...HEADS.map(one('head')),
  ...METAS.map(one('meta')),
  ...TAILS.map(one('tail')),
  ...SERIES.map((steps, n) => ({ name: `series ${n + 1}`, text: adjust(steps) })),
  { name: 'a delta of 64 bits', text: adjust([['head', -4]]).replace('r2 = -4', 'r2 = 0x100000004 ll') },
  ...[0, 1, 32, 56, 63, 64, 65, -1, 0xffff, 0x10000].flatMap((offset) =>
    (['load', 'store'] as const).flatMap((which) =>
      [1, 8, 64].map((size) => ({
        name: `${which}_bytes ${size} at ${offset}`,
        text: bytes(which, offset, size),
        maps: BUFFER,
        elements: FILLED,
      })),
    ),
  ),
  ...['0x100000000 ll', '0x10000000a ll'].map((offset) => ({
    name: `load_bytes at ${offset}`,
    text: bytes('load', offset, 8),
    maps: BUFFER,
    elements: FILLED,
  })),
  ...[0, 1, 2, 3, 4, 8, 16, 24, 64, -1, '0x100000000 ll', '0x100000002 ll'].flatMap((flags) =>
    [1, 2].map((key) => ({
      name: `redirect_map ${key === 1 ? 'hit' : 'miss'}, flags ${flags}`,
      text: redirectMap(key, flags),
      maps: CPUS,
      elements: CPU_1,
    })),
  ),
  ...[4, 5, -1, '0x100000001 ll', '0x100000002 ll', '0xffffffff00000001 ll'].map((key) => ({
    name: `redirect_map key ${key}`,
    text: redirectMap(key, 2),
    maps: CPUS,
    elements: CPU_1,
  })),
  {
    name: 'redirect_map, flags that are not constant',
    text: `
    ${call('get_prandom_u32')}
    r0 &= 3
    r6 = r0
    r1 = map(cpus) ll
    r2 = 3
    r3 = r6
    ${call('redirect_map')}
    r0 -= r6
    exit`,
    maps: CPUS,
    elements: CPU_1,
  },
  ...[0, 1, 2, 3, 8, '0x100000000 ll'].map((flags) => ({ name: `redirect, flags ${flags}`, text: redirect(1, flags) })),
  ...[0, -1, 999].map((ifindex) => ({ name: `redirect to ${ifindex}`, text: redirect(ifindex, 0) })),
];
