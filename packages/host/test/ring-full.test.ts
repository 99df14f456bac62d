/** A ring that is full, through the whole engine in native mode: who accepts what, and where the loss shows. */
import { ACCEPT_ALL, type Host } from '@cpumap/host';
import type { NicDevice } from '@cpumap/nic';
import { RELEASES, type Release } from '@cpumap/uapi';
import { afterEach, describe, expect, it } from 'vitest';
import { collect } from './support/collect.ts';
import { burst, numberOf } from './support/frames.ts';
import { cpuMap, device, endClean, load, redirectBy, send, virtualHost } from './support/machine.ts';
import { enqueueLine, linesOf } from './support/trace.ts';

let host: Host;
let nic: NicDevice;

afterEach(() => endClean(host));

async function machine(release: Release, qsize: number): Promise<void> {
  host = await virtualHost({ release });
  nic = device(host);
  const map = cpuMap(host);
  map.set(1, { qsize });
  host.attachXdp(
    'nic0',
    await load(
      host,
      redirectBy(() => 1),
      { map },
    ),
  );
}

/** Frames of one burst of 64, in one poll, that the ring took. */
async function acceptedOf64(): Promise<number> {
  const before = host.statistics().cpus[0]!.trace.enqueue[1]!;
  await send(host, nic, burst(64));
  const after = host.statistics().cpus[0]!.trace.enqueue[1]!;
  expect(after.processed - before.processed).toBe(64); // dropped frames were processed too
  return 64 - (after.drops - before.drops);
}

describe.each(RELEASES)('on %s, a burst of 64', (release) => {
  it.each([1, 2, 3, 7, 8, 9, 16, 31, 32, 33, 40, 64])('fills a fresh ring of %i exactly', async (qsize) => {
    await machine(release, qsize);
    expect(await acceptedOf64()).toBe(qsize);
  });

  // Linux 6.18: slots of frames that were taken are cleared by sixteens, so a drained ring is not an empty one
  it.each([
    ...[1, 2, 3, 4, 5, 6, 7, 8, 9, 16, 31].map((size) => [size, size] as const),
    [32, 27],
    [33, 28],
    [40, 35],
    [64, 59],
  ] as const)('into a ring of %i that passed five frames before fits %i times', async (qsize, accepted) => {
    await machine(release, qsize);
    for (let frame = 0; frame < 5; frame++) await send(host, nic, burst(1));
    expect(await acceptedOf64()).toBe(accepted);
  });

  it('is a redirect without error for every frame: the loss shows in the enqueue events alone', async () => {
    await machine(release, 20);
    const list = await collect(host);
    const lines = await linesOf(host, () => send(host, nic, burst(64)));

    expect(lines.filter((line) => line.startsWith('xdp_redirect'))).toHaveLength(64);
    expect(lines.filter((line) => line.includes('err=0'))).toHaveLength(64);
    const drops = [0, 0, 4, 8, 8, 8, 8, 8];
    expect(lines.filter((line) => line.startsWith('xdp_cpumap_enqueue'))).toEqual(
      drops.map((n) => enqueueLine({ map: 1, to: 1, processed: 8, drops: n })),
    );
    expect(list.map(({ frame }) => numberOf(frame))).toEqual(Array.from({ length: 20 }, (_, n) => n));
    const { cpumap, xdp } = host.statistics().cpus[0]!;
    expect([xdp.redirect, xdp.redirect_err]).toEqual([64, 0]);
    expect([cpumap.taken, cpumap.ring_full]).toEqual([64, 44]);
  });

  it('of a stream that outruns the remote CPU loses exactly what the events say', async () => {
    await machine(release, 128);
    await host.addHandler(ACCEPT_ALL);
    const slow = await collect(host);
    await send(host, nic, burst(5000));
    const { enqueue } = host.statistics().cpus[0]!.trace;
    expect(enqueue[1]!.processed).toBe(5000);
    expect(slow).toHaveLength(5000 - enqueue[1]!.drops);
  });
});
