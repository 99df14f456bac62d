/** Frames of several buffers: who may be attached, what an sk_buff says of them, and what the helpers answer where. */
import type { ProgramFactory } from '@cpumap/bpf';
import { BPF_MAP_TYPE, XDP_DROP, XDP_PASS, XDP_TX } from '@cpumap/uapi';
import { describe, expect, it } from 'vitest';
import { collect } from './support/collect.ts';
import { numberedFrame, sourceOf } from './support/frames.ts';
import { cpuMap, device, endClean, load, loadRemote, redirectBy, send, virtualHost } from './support/machine.ts';

const pass: ProgramFactory = () => () => XDP_PASS;

describe('a native program without frags', () => {
  // veth of Linux 6.18 answers ERANGE too: "Peer MTU is too large to set XDP"
  it.each([
    [3498, false, 'ok'],
    [3499, false, 'ERANGE'],
    [9000, false, 'ERANGE'],
    [9000, true, 'ok'],
  ] as const)('MTU %i, frags %s: %s', async (mtu, frags, answer) => {
    const host = await virtualHost();
    device(host, { mtu });
    const program = await load(host, pass, { frags });
    const attach = (): void => void host.attachXdp('nic0', program);
    if (answer === 'ok') attach();
    else expect(attach).toThrow(expect.objectContaining({ code: answer, hint: expect.stringMatching(/3498 or less/) }));
    await endClean(host);
  });

  it('is attached to any device in generic mode, and on 4.15, where a frame has one buffer', async () => {
    for (const [release, mode] of [
      ['6.18', 'generic'],
      ['4.15', 'native'],
    ] as const) {
      const host = await virtualHost({ release });
      const nic = device(host, { mtu: 9000, buffers: 64 });
      const list = await collect(host);
      host.attachXdp('nic0', await load(host, pass), mode);
      await send(host, nic, sourceOf([numberedFrame(1, 0, 9000)]));
      expect(list.map(({ frame, skb }) => [frame.length, skb.data_len])).toEqual([[9000, 0]]);
      await endClean(host);
    }
  });
});

it.each([
  ['native', 3520, 0, 4096 + 256],
  ['native', 3521, 1, 4096 + 256 + 4096],
  ['native', 7617, 4097, 4096 + 256 + 2 * 4096],
  ['generic', 9000, 5480, 4096 + 256 + 2 * 4096],
] as const)('%s, %i bytes: the sk_buff of the remote CPU', async (mode, length, data_len, truesize) => {
  const host = await virtualHost();
  const nic = device(host, { mtu: 9000, buffers: 64 });
  const map = cpuMap(host);
  map.set(1, { qsize: 64 });
  const list = await collect(host);
  const program = await load(
    host,
    redirectBy(() => 1),
    { map, frags: true },
  );
  host.attachXdp('nic0', program, mode);
  await send(host, nic, sourceOf([numberedFrame(1, 0, length)]));
  expect(list[0]!.skb).toMatchObject({ len: length - 14, data_len, truesize });
  expect(nic.frags()).toBe(Math.ceil(data_len / 4096));
  await endClean(host);
});

describe('bpf_xdp_adjust_tail that grows a frag', () => {
  /** By 8 bytes: where the RX queue says how large its frags are, and where nobody does (Linux 6.18). */
  it.each([
    ['native', 'first', 0, 9008],
    ['generic', 'first', -95, 9000],
    ['native', 'second', -95, 9000],
  ] as const)('%s mode, %s program: %i', async (mode, which, answer, length) => {
    const host = await virtualHost();
    const nic = device(host, { mtu: 9000, buffers: 64 });
    const map = cpuMap(host);
    const list = await collect(host);
    const answers: number[] = [];
    const grow: ProgramFactory =
      ({ helpers }) =>
      (ctx) => {
        answers.push(helpers.xdpAdjustTail(ctx, 8));
        return XDP_PASS;
      };
    const remote = await loadRemote(host, which === 'second' ? grow : pass, { frags: true });
    map.set(1, { qsize: 64, program: remote.id });
    const first: ProgramFactory = (env) => {
      const grows = grow(env);
      const redirects = redirectBy(() => 1)(env);
      return (ctx) => {
        if (which === 'first') grows(ctx);
        return redirects(ctx);
      };
    };
    host.attachXdp('nic0', await load(host, first, { map, frags: true }), mode);
    await send(host, nic, sourceOf([numberedFrame(1, 0, 9000)]));
    expect(answers).toEqual([answer]);
    expect(list[0]!.frame.length).toBe(length);
    await endClean(host);
  });
});

function throws(): number {
  throw new Error('thrown by a program');
}

it.each<[what: string, verdict: () => number]>([
  ['dropped', () => XDP_DROP],
  ['sent back', () => XDP_TX],
  ['of an unknown verdict', () => 9],
  ['of a program that throws', throws],
])('a frame that is %s returns all its buffers', async (_, verdict) => {
  const host = await virtualHost();
  const nic = device(host, { mtu: 9000, buffers: 8, rxRing: 8 });
  host.attachXdp('nic0', await load(host, () => verdict, { frags: true }));
  await send(host, nic, sourceOf(Array.from({ length: 50 }, (__, n) => numberedFrame(n, 0, 9000))));
  expect(nic.statistics()).toMatchObject({ rx_packets: 50, rx_bytes: 450_000 });
  await endClean(host);
});

it('a device takes frames by their whole length, and counts it', async () => {
  const host = await virtualHost();
  const nic = device(host, { mtu: 9000, buffers: 64 });
  const out = device(host, { mtu: 8000, buffers: 64 });
  const map = host.createMap({ type: BPF_MAP_TYPE.DEVMAP, keySize: 4, valueSize: 8, maxEntries: 1 });
  map.update(0, new Uint8Array(Uint32Array.of(out.ifindex, 0).buffer));
  for (const mode of ['native', 'generic'] as const) {
    const program = await load(
      host,
      ({ helpers, maps }) =>
        () =>
          helpers.redirectMap(maps.map!, 0, 0),
      {
        maps: { map },
        frags: true,
      },
    );
    const link = host.attachXdp('nic0', program, mode);
    await send(host, nic, sourceOf([numberedFrame(0, 0, 8018), numberedFrame(1, 0, 8019)]));
    link.detach();
  }
  expect(out.statistics()).toMatchObject({ tx_packets: 2, tx_bytes: 2 * 8018 });
  expect([...host.statistics().cpus[0]!.trace.errnos]).toEqual([[90, 2]]); // EMSGSIZE
  await endClean(host);
});
