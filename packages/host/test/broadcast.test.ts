/** BPF_F_BROADCAST and BPF_F_EXCLUDE_INGRESS on devmaps. The events and errnos are those of Linux 6.18.44 with veth devices. */
import type { BpfMap, ProgramFactory } from '@cpumap/bpf';
import type { Host } from '@cpumap/host';
import type { NicDevice } from '@cpumap/nic';
import { copyMacFrame, readSkBuff } from '@cpumap/skb';
import { BPF_F_BROADCAST as ALL, BPF_MAP_TYPE, NET_RX_SUCCESS, BPF_F_EXCLUDE_INGRESS as OTHERS } from '@cpumap/uapi';
import { describe, expect, it } from 'vitest';
import { burst, numberedFrame, sourceOf } from './support/frames.ts';
import { device, endClean, load, send, virtualHost } from './support/machine.ts';

type Slots = readonly (readonly [slot: number, device: number])[];

/** Devices with ifindex 2 to 5 of any length, and 6 of at most 300 bytes and 22 more. Frames come in on 2. */
async function machine(type: number, slots: Slots, flags: number, mode: 'native' | 'generic' = 'native', key = 0) {
  const host = await virtualHost();
  for (let i = 0; i < 4; i++) device(host, { mtu: 9000, buffers: 64, rxRing: 64 });
  device(host, { mtu: 300, buffers: 64, rxRing: 64 });
  const map: BpfMap = host.createMap({ type, keySize: 4, valueSize: 8, maxEntries: 8 });
  for (const [slot, ifindex] of slots) map.update(slot, new Uint8Array(Uint32Array.of(ifindex, 0).buffer));
  const program = await load(
    host,
    ({ helpers, maps }) =>
      () =>
        helpers.redirectMap(maps.map!, key, flags),
    { maps: { map }, frags: true },
  );
  host.attachXdp('nic0', program, mode);
  const sent: [ifindex: number, frame: Uint8Array][] = [];
  const factory = ({ memory }: { memory: Host['memory'] }) => ({
    receive(skb: number) {
      const { dev } = readSkBuff(memory, skb);
      sent.push([host.devices.find(({ pointer }) => pointer === dev)!.ifindex, copyMacFrame(memory, skb)]);
      return NET_RX_SUCCESS;
    },
  });
  await host.addHandler({ factory }, { direction: 'out' });
  return { host, nic: host.devices[0]!, sent };
}

/** What the events say: a redirect shows where it goes or its error, a bulk its device and how many left. */
async function events(host: Host, nic: NicDevice, frames: Uint8Array[]): Promise<string[]> {
  const reader = host.trace.subscribe(['xdp_redirect', 'xdp_redirect_err', 'xdp_devmap_xmit']);
  await send(host, nic, sourceOf(frames));
  const lines = reader.read().records.map(({ event, fields }) => {
    const { to_ifindex, err, sent } = fields as Record<string, number>;
    return event === 'xdp_devmap_xmit' ? `${sent} by ${to_ifindex}` : `to ${to_ifindex}: ${err}`;
  });
  reader.close();
  return lines;
}

const FOUR: Slots = [
  [0, 2],
  [1, 3],
  [3, 4],
  [5, 5],
];

describe.each([
  ['devmap', BPF_MAP_TYPE.DEVMAP],
  ['devmap_hash', BPF_MAP_TYPE.DEVMAP_HASH],
])('%s', (_, type) => {
  it.each<[what: string, slots: Slots, flags: number, lines: string[]]>([
    ['all', FOUR, ALL, ['to 2: 0', '1 by 5', '1 by 4', '1 by 3', '1 by 2']],
    ['all, the other way round', [...FOUR].reverse(), ALL, ['to 2: 0', '1 by 5', '1 by 4', '1 by 3', '1 by 2']],
    ['all but the ingress device', FOUR, ALL | OTHERS, ['to 2: 0', '1 by 5', '1 by 4', '1 by 3']],
    ['the ingress device alone', [[0, 2]], ALL | OTHERS, ['to 2: 0']],
    ['nothing', [], ALL, ['to 0: 0']],
    ['nothing, with a verdict for a miss', [], ALL | 2, ['to 0: 0']],
    ['the entry, without broadcast', FOUR, OTHERS, ['to 2: 0', '1 by 2']],
  ])('%s', async (_what, slots, flags, lines) => {
    const { host, nic, sent } = await machine(type, slots, flags);
    expect(await events(host, nic, [numberedFrame(7)])).toEqual(lines);
    expect(sent.every(([, frame]) => Buffer.compare(frame, numberedFrame(7)) === 0)).toBe(true);
    await endClean(host);
  });

  it('passes over devices that do not take the frame, in native mode', async () => {
    const slots: Slots = [
      [0, 3],
      [1, 6],
      [2, 4],
    ];
    const { host, nic } = await machine(type, slots, ALL);
    expect(await events(host, nic, [numberedFrame(0, 0, 600)])).toEqual(['to 3: 0', '1 by 4', '1 by 3']);
    await endClean(host);
  });

  it('stops at the first that refuses, in generic mode', async () => {
    for (const [slots, line, ifindexes] of [
      [
        [
          [0, 6],
          [1, 3],
          [2, 4],
        ],
        'to 6: -90',
        [],
      ],
      [
        [
          [0, 3],
          [1, 4],
          [2, 6],
        ],
        'to 3: -90',
        [3, 4],
      ],
    ] as [Slots, string, number[]][]) {
      const { host, nic, sent } = await machine(type, slots, ALL, 'generic');
      expect(await events(host, nic, [numberedFrame(0, 0, 600)])).toEqual([line]);
      expect(sent.map(([ifindex]) => ifindex)).toEqual(ifindexes);
      await endClean(host);
    }
  });

  it('fills bulks of sixteen, of copies and frames in turn', async () => {
    const slots: Slots = [
      [0, 3],
      [1, 4],
      [2, 3],
    ];
    const { host, nic } = await machine(type, slots, ALL);
    const lines = await events(host, nic, [...burst(20).frames]);
    expect(lines.filter((line) => line.includes('by'))).toEqual(['16 by 3', '16 by 3', '16 by 4', '4 by 4', '8 by 3']);
    expect(lines.slice(0, 9)).toEqual([...new Array(8).fill('to 3: 0'), '16 by 3']);
    await endClean(host);
  });

  it.each(['native', 'generic'] as const)('copies frames of several buffers, %s mode', async (mode) => {
    const { host, nic, sent } = await machine(type, FOUR, ALL | OTHERS, mode);
    const frames = [60, 3520, 3521, 7617, 9000].map((length, n) => {
      const frame = numberedFrame(n, 0, length);
      for (let i = 46; i < length; i++) frame[i] = (n + i * 5) & 0xff;
      return frame;
    });
    await send(host, nic, sourceOf(frames));
    for (const to of [3, 4, 5]) expect(sent.filter(([dev]) => dev === to).map(([, frame]) => frame)).toEqual(frames);
    await endClean(host);
  });
});

it('is ABORTED for a cpumap, and with flags that nobody knows', async () => {
  for (const [type, flags] of [
    [BPF_MAP_TYPE.CPUMAP, ALL],
    [BPF_MAP_TYPE.DEVMAP, ALL | 4],
    [BPF_MAP_TYPE.DEVMAP, 32],
  ] as const) {
    const host = await virtualHost();
    const nic = device(host);
    const map = host.createMap({ type, keySize: 4, valueSize: 8, maxEntries: 8 });
    map.update(0, new Uint8Array(Uint32Array.of(2, 0).buffer));
    const code: ProgramFactory =
      ({ helpers, maps }) =>
      () =>
        helpers.redirectMap(maps.map!, 0, flags);
    host.attachXdp('nic0', await load(host, code, { maps: { map } }));
    await send(host, nic, burst(1));
    expect(host.statistics().cpus[0]!.xdp.aborted).toBe(1);
    await endClean(host);
  }
});
