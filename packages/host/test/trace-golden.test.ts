/** Which events fire, in which order, with which counts: as Linux 6.18 printed them, and as the source of 4.15 says. */
import { ACCEPT_ALL, type CpuMap, type Host } from '@cpumap/host';
import type { NicDevice } from '@cpumap/nic';
import { RELEASES, type Release } from '@cpumap/uapi';
import { afterEach, describe, expect, it } from 'vitest';
import { burst } from './support/frames.ts';
import { cpuMap, device, endClean, load, redirectBy, send, virtualHost } from './support/machine.ts';
import { CPUMAP_EVENTS, enqueueLine, kthreadLine, linesOf } from './support/trace.ts';

let host: Host;
let nic: NicDevice;

afterEach(() => endClean(host));

/** CPU 0 receives; frames are delivered. Entries hold 64 frames. */
async function machine(release: Release, entries: readonly number[], maps = 1): Promise<CpuMap[]> {
  host = await virtualHost({ release });
  nic = device(host);
  await host.addHandler(ACCEPT_ALL);
  const made = Array.from({ length: maps }, () => cpuMap(host));
  for (const map of made) for (const cpu of entries) map.set(cpu, { qsize: 64 });
  return made;
}

const times = <T>(n: number, line: T): T[] => new Array(n).fill(line);

describe('20 frames in one poll to CPU 1', () => {
  it('on 6.18', async () => {
    const [map] = await machine('6.18', [1]);
    host.attachXdp(
      'nic0',
      await load(
        host,
        redirectBy(() => 1),
        { map: map! },
      ),
    );

    const lines = await linesOf(host, () => send(host, nic, burst(20)));

    const redirect = 'xdp_redirect: prog_id=2 action=REDIRECT ifindex=2 to_ifindex=0 err=0 map_id=1 map_index=1';
    // the ninth frame flushes eight before its own event; what is left waits for the end of the poll
    expect(lines).toEqual([
      ...times(8, redirect),
      'xdp_cpumap_enqueue: enqueue cpu=0 map_id=1 action=REDIRECT processed=8 drops=0 to_cpu=1',
      ...times(8, redirect),
      'xdp_cpumap_enqueue: enqueue cpu=0 map_id=1 action=REDIRECT processed=8 drops=0 to_cpu=1',
      ...times(4, redirect),
      'xdp_cpumap_enqueue: enqueue cpu=0 map_id=1 action=REDIRECT processed=4 drops=0 to_cpu=1',
      'xdp_cpumap_kthread: kthread cpu=1 map_id=1 action=REDIRECT processed=8 drops=0 sched=1 xdp_pass=0 xdp_drop=0 xdp_redirect=0',
      'xdp_cpumap_kthread: kthread cpu=1 map_id=1 action=REDIRECT processed=8 drops=0 sched=0 xdp_pass=0 xdp_drop=0 xdp_redirect=0',
      'xdp_cpumap_kthread: kthread cpu=1 map_id=1 action=REDIRECT processed=4 drops=0 sched=0 xdp_pass=0 xdp_drop=0 xdp_redirect=0',
    ]);
  });

  it('on 4.15', async () => {
    const [map] = await machine('4.15', [1]);
    host.attachXdp(
      'nic0',
      await load(
        host,
        redirectBy(() => 1),
        { map: map! },
      ),
    );

    const lines = await linesOf(host, () => send(host, nic, burst(20)));

    const redirect = 'xdp_redirect_map: prog_id=2 action=REDIRECT ifindex=2 to_ifindex=0 err=0 map_id=1 map_index=1';
    expect(lines).toEqual([
      ...times(8, redirect),
      'xdp_cpumap_enqueue: enqueue cpu=0 map_id=1 action=REDIRECT processed=8 drops=0 to_cpu=1',
      ...times(8, redirect),
      'xdp_cpumap_enqueue: enqueue cpu=0 map_id=1 action=REDIRECT processed=8 drops=0 to_cpu=1',
      ...times(4, redirect),
      'xdp_cpumap_enqueue: enqueue cpu=0 map_id=1 action=REDIRECT processed=4 drops=0 to_cpu=1',
      'xdp_cpumap_kthread: kthread cpu=1 map_id=1 action=REDIRECT processed=8 drops=0 sched=1',
      'xdp_cpumap_kthread: kthread cpu=1 map_id=1 action=REDIRECT processed=8 drops=0 sched=0',
      'xdp_cpumap_kthread: kthread cpu=1 map_id=1 action=REDIRECT processed=4 drops=0 sched=0',
    ]);
  });
});

describe('bulks of one poll', () => {
  it.each([
    [1, [1]],
    [7, [7]],
    [8, [8]],
    [9, [8, 1]],
    [16, [8, 8]],
    [17, [8, 8, 1]],
    [64, [8, 8, 8, 8, 8, 8, 8, 8]],
  ])('%i frames are enqueued as %j, and taken as that', async (frames, bulks) => {
    for (const release of RELEASES) {
      const [map] = await machine(release, [1]);
      host.attachXdp(
        'nic0',
        await load(
          host,
          redirectBy(() => 1),
          { map: map! },
        ),
      );
      const lines = await linesOf(host, () => send(host, nic, burst(frames)), CPUMAP_EVENTS);
      expect(lines).toEqual([
        ...bulks.map((processed) => enqueueLine({ map: 1, to: 1, processed })),
        ...bulks.map((processed, i) => kthreadLine(release, { map: 1, cpu: 1, processed, sched: i === 0 ? 1 : 0 })),
      ]);
      if (release !== RELEASES.at(-1)) await endClean(host);
    }
  });
});

describe('the flush at the end of a poll', () => {
  const enqueues = ['xdp_cpumap_enqueue'] as const;

  // Linux 6.18: 20 frames alternating slots 0 and 1
  it.each([
    ['6.18', 'newest first', [0, 1, 1, 0]],
    ['4.15', 'by index', [0, 1, 0, 1]],
  ] as const)('of two entries on %s: %s', async (release, _, order) => {
    const [map] = await machine(release, [0, 1]);
    host.attachXdp(
      'nic0',
      await load(
        host,
        redirectBy((frame) => frame % 2),
        { map: map! },
      ),
    );
    const lines = await linesOf(host, () => send(host, nic, burst(20)), enqueues);
    const processed = [8, 8, 2, 2];
    expect(lines).toEqual(order.map((to, i) => enqueueLine({ map: 1, to, processed: processed[i]! })));
  });

  // Linux 6.18: 6 frames each to two maps in turn
  it('of two maps on 6.18 comes once, the second map first', async () => {
    const [first, second] = await machine('6.18', [1], 2);
    host.attachXdp('nic0', await load(host, inTurn, { maps: { first: first!.map, second: second!.map } }));
    const lines = await linesOf(host, () => send(host, nic, burst(12)), enqueues);
    expect(lines).toEqual([
      enqueueLine({ map: second!.map.id, to: 1, processed: 6 }),
      enqueueLine({ map: first!.map.id, to: 1, processed: 6 }),
    ]);
  });

  it('of two maps on 4.15 comes with every frame, as only one map may be pending', async () => {
    const [first, second] = await machine('4.15', [1], 2);
    host.attachXdp('nic0', await load(host, inTurn, { maps: { first: first!.map, second: second!.map } }));
    const lines = await linesOf(host, () => send(host, nic, burst(12)), enqueues);
    const ids = [first!.map.id, second!.map.id];
    expect(lines).toEqual(Array.from({ length: 12 }, (_, i) => enqueueLine({ map: ids[i % 2]!, to: 1, processed: 1 })));
  });

  const inTurn: Parameters<typeof load>[1] = ({ helpers, maps }) => {
    let frame = 0;
    return () => helpers.redirectMap(frame++ % 2 === 0 ? maps.first! : maps.second!, 1, 0);
  };
});

describe.each(RELEASES)('a kthread that ends leaves one last empty event, on %s', (release) => {
  it.each([
    ['replaced by the same entry', (map: CpuMap) => map.set(1, { qsize: 64 })],
    ['replaced by a longer ring', (map: CpuMap) => map.set(1, { qsize: 128 })],
    ['deleted by qsize 0', (map: CpuMap) => map.set(1, { qsize: 0 })],
    ['deleted', (map: CpuMap) => map.delete(1)],
    ['with its map closed', (map: CpuMap) => map.map.close()],
  ])('when its entry is %s', async (_, act) => {
    const [map] = await machine(release, [1]);
    const lines = await linesOf(host, async () => {
      act(map!);
      await host.settle();
    });
    expect(lines).toEqual([kthreadLine(release, { map: 1, cpu: 1, processed: 0, sched: 1 })]);
  });

  it('also when it never had time to do anything', async () => {
    const [map] = await machine(release, []);
    const lines = await linesOf(host, async () => {
      for (let round = 0; round < 10; round++) map!.set(1, { qsize: 8 });
      map!.delete(1);
      await host.settle();
    });
    expect(lines).toEqual(times(10, kthreadLine(release, { map: 1, cpu: 1, processed: 0, sched: 1 })));
  });

  it('and none when there was no entry', async () => {
    const [map] = await machine(release, []);
    const lines = await linesOf(host, async () => {
      map!.delete(1);
      map!.set(1, { qsize: 0 });
      await host.settle();
    });
    expect(lines).toEqual([]);
  });
});
