/** Generic XDP: redirects of sk_buffs, which 4.15 refuses and 6.18 puts in the ring one by one. */
import type { ProgramFactory } from '@cpumap/bpf';
import type { CpuMap, Host } from '@cpumap/host';
import type { NicDevice } from '@cpumap/nic';
import { type Release, XDP_ABORTED, XDP_DROP, XDP_PASS, XDP_REDIRECT, XDP_TX } from '@cpumap/uapi';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { collect, type Delivered } from './support/collect.ts';
import { burst, numberedFrame, numberOf, sourceOf } from './support/frames.ts';
import { cpuMap, device, endClean, load, redirectBy, send, virtualHost } from './support/machine.ts';
import { enqueueLine, kthreadLine, linesOf } from './support/trace.ts';

let host: Host;
let nic: NicDevice;
let map: CpuMap;
let delivered: Delivered[];

async function machine(release: Release, factory: ProgramFactory, qsize = 64): Promise<void> {
  host = await virtualHost({ release });
  nic = device(host, { channels: 2 });
  map = cpuMap(host);
  map.set(1, { qsize });
  delivered = await collect(host);
  host.attachXdp('nic0', await load(host, factory, { map }), 'generic');
}

afterEach(() => endClean(host));

const redirectLine = (event: string, err: number, mapId = 1, index = 1): string =>
  `${event}: prog_id=2 action=REDIRECT ifindex=2 to_ifindex=0 err=${err} map_id=${mapId} map_index=${index}`;

describe('on Linux 6.18', () => {
  it('each frame is enqueued at once, and its enqueue event comes before the redirect event', async () => {
    await machine(
      '6.18',
      redirectBy(() => 1),
    );
    const lines = await linesOf(host, () => send(host, nic, burst(10)));
    const one = [enqueueLine({ map: 1, to: 1, processed: 1 }), redirectLine('xdp_redirect', 0)];
    expect(lines).toEqual([
      ...new Array(10).fill(one).flat(),
      kthreadLine('6.18', { map: 1, cpu: 1, processed: 8, sched: 1 }),
      kthreadLine('6.18', { map: 1, cpu: 1, processed: 2, sched: 0 }),
    ]);
    expect(delivered.map(({ cpu, frame }) => [cpu, numberOf(frame)])).toEqual(
      Array.from({ length: 10 }, (_, n) => [1, n]),
    );
  });

  it('a full ring is ENOSPC, in the enqueue event a drop that was not processed, then the redirect error', async () => {
    await machine(
      '6.18',
      redirectBy(() => 1),
      3,
    );
    const lines = await linesOf(host, () => send(host, nic, burst(5)));
    const taken = [enqueueLine({ map: 1, to: 1, processed: 1 }), redirectLine('xdp_redirect', 0)];
    const full = [enqueueLine({ map: 1, to: 1, processed: 0, drops: 1 }), redirectLine('xdp_redirect_err', -28)];
    expect(lines).toEqual([
      ...[taken, taken, taken, full, full].flat(),
      kthreadLine('6.18', { map: 1, cpu: 1, processed: 3, sched: 1 }),
    ]);
    const { xdp, trace, cpumap } = host.statistics().cpus[0]!;
    expect([xdp.redirect, xdp.redirect_err]).toEqual([3, 2]);
    expect([...trace.errnos]).toEqual([[28, 2]]);
    expect([cpumap.taken, cpumap.ring_full]).toEqual([3, 0]); // what was not taken is not cpumap's loss
    expect(delivered.map(({ frame }) => numberOf(frame))).toEqual([0, 1, 2]);
  });

  it('the sk_buff keeps its RX queue and is marked, so that generic XDP leaves it alone', async () => {
    await machine(
      '6.18',
      redirectBy(() => 1),
    );
    nic.setRxfhIndir(new Array(128).fill(1));
    await send(host, nic, burst(1));
    expect(delivered[0]!.skb).toMatchObject({ queue_mapping: 2, redirected: 1, skb_iif: 2, len: 46, mac_header: 256 });
    expect(delivered[0]!.frame).toEqual(numberedFrame(0));
  });

  it('what the program moved and wrote is what arrives', async () => {
    await machine('6.18', ({ memory, helpers, maps }) => (ctx) => {
      expect(helpers.xdpAdjustHead(ctx, -4)).toBe(0);
      expect(helpers.xdpAdjustTail(ctx, -10)).toBe(0);
      expect(helpers.xdpAdjustMeta(ctx, -8)).toBe(0);
      const data = memory.u32[ctx >> 2]!;
      memory.u8.fill(0xaa, data, data + 4);
      memory.u8.fill(0xbb, data - 8, data);
      return helpers.redirectMap(maps.cpu_map!, 1, 0);
    });
    await send(host, nic, burst(1));
    const sent = numberedFrame(0);
    expect(delivered[0]!.frame).toEqual(Uint8Array.of(0xaa, 0xaa, 0xaa, 0xaa, ...sent.subarray(0, 50)));
    expect(delivered[0]!.meta).toEqual(new Uint8Array(8).fill(0xbb));
  });

  it.each([
    ['never called the helper', () => XDP_REDIRECT, redirectLine('xdp_redirect_err', -56, 0, 0)],
    [
      'names a device',
      'redirect',
      'xdp_redirect_err: prog_id=2 action=REDIRECT ifindex=2 to_ifindex=9 err=-22 map_id=2147483647 map_index=0',
    ],
  ] as const)('a program that %s loses the frame with its event', async (_, act, line) => {
    await machine(
      '6.18',
      ({ helpers }) =>
        () =>
          act === 'redirect' ? helpers.redirect(9, 0) : act(),
    );
    expect(await linesOf(host, () => send(host, nic, burst(1)))).toEqual([line]);
    expect(delivered).toEqual([]);
  });

  it('native frames and sk_buffs of one batch: frames are delivered first', async () => {
    await machine(
      '6.18',
      redirectBy(() => 1),
    );
    const native = device(host);
    host.attachXdp(
      'nic1',
      await load(
        host,
        redirectBy(() => 1),
        { map },
      ),
    );
    nic.start(sourceOf([0, 1, 2].map((n) => numberedFrame(n))));
    native.start(sourceOf([10, 11, 12].map((n) => numberedFrame(n))));
    const lines = await linesOf(host, () => host.settle(), ['xdp_cpumap_kthread']);
    expect(lines).toEqual([kthreadLine('6.18', { map: 1, cpu: 1, processed: 6, sched: 1 })]);
    expect(delivered.map(({ frame }) => numberOf(frame))).toEqual([10, 11, 12, 0, 1, 2]);
    expect(delivered.map(({ skb }) => skb.redirected)).toEqual([0, 0, 0, 1, 1, 1]);
  });
});

describe('on Linux 4.15', () => {
  it.each([
    ['a filled slot', 1, -56],
    ['an empty slot', 0, -22],
    ['a key beyond the map', 7, -22],
  ])('%s is refused after the lookup', async (_, key, err) => {
    await machine(
      '4.15',
      redirectBy(() => key),
    );
    const lines = await linesOf(host, () => send(host, nic, burst(2)));
    expect(lines).toEqual(new Array(2).fill(redirectLine('xdp_redirect_map_err', err, 1, key)));
    expect(delivered).toEqual([]);
    expect(host.statistics().cpus[0]!.xdp.redirect_err).toBe(2);
  });
});

describe.each(['4.15', '6.18'] as const)('on %s, other verdicts', (release) => {
  beforeEach(async () => {
    const verdicts = [XDP_PASS, XDP_DROP, XDP_ABORTED, XDP_TX, XDP_PASS, 9];
    await machine(release, () => {
      let frame = 0;
      return () => verdicts[frame++]!;
    });
  });

  it('are what they are in native mode', async () => {
    const lines = await linesOf(host, () => send(host, nic, burst(6)));
    expect(lines).toEqual([
      'xdp_exception: prog_id=2 action=ABORTED ifindex=2',
      'xdp_exception: prog_id=2 action=0x9 ifindex=2',
    ]);
    const { xdp } = host.statistics().cpus[0]!;
    expect([xdp.pass, xdp.drop, xdp.aborted, xdp.tx]).toEqual([2, 1, 2, 1]);
    expect(delivered.map(({ cpu, frame }) => [cpu, numberOf(frame)])).toEqual([
      [0, 0],
      [0, 4],
    ]);
  });
});
