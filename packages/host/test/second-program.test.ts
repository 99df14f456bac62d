/** The second program of an entry, on native frames and on the sk_buffs of generic mode. Linux 6.18. */
import type { BpfHelpers, ProgramFactory } from '@cpumap/bpf';
import type { CpuMap, Host, XdpMode } from '@cpumap/host';
import type { NicDevice } from '@cpumap/nic';
import { XDP_ABORTED, XDP_DROP, XDP_MD, XDP_PASS, XDP_REDIRECT, XDP_TX } from '@cpumap/uapi';
import { afterEach, describe, expect, it } from 'vitest';
import { collect, type Delivered } from './support/collect.ts';
import { burst, numberOf } from './support/frames.ts';
import { cpuMap, device, endClean, load, loadRemote, redirectBy, send, virtualHost } from './support/machine.ts';
import { CPUMAP_EVENTS, enqueueLine, kthreadLine, linesOf } from './support/trace.ts';

let host: Host;
let nic: NicDevice;
let map: CpuMap;
let second: CpuMap;
let delivered: Delivered[];

afterEach(() => endClean(host));

/** CPU 0 receives and redirects to CPU 1, whose entry runs `factory`; `second` is another map with an entry for CPU 2. */
async function machine(
  factory: ProgramFactory,
  mode: XdpMode = 'native',
  first = redirectBy(() => 1),
): Promise<number> {
  host = await virtualHost({ cpus: 3 });
  nic = device(host, { channels: 4 });
  map = cpuMap(host);
  second = cpuMap(host);
  second.set(2, { qsize: 8 });
  delivered = await collect(host);
  const remote = await loadRemote(host, factory, { maps: { next: second.map } });
  map.set(1, { qsize: 64, program: remote.id });
  host.attachXdp('nic0', await load(host, first, { map }), mode);
  return remote.id;
}

const verdictsInTurn = (verdicts: readonly number[]): ProgramFactory => {
  return () => {
    let frame = 0;
    return () => verdicts[frame++ % verdicts.length]!;
  };
};

describe('counts in the kthread event', () => {
  // Linux 6.18: the program drops every third of ten frames
  it('10 frames, three dropped', async () => {
    await machine(verdictsInTurn([XDP_PASS, XDP_DROP, XDP_PASS]));
    const lines = await linesOf(host, () => send(host, nic, burst(10)), ['xdp_cpumap_kthread']);
    expect(lines).toEqual([
      kthreadLine('6.18', { map: 1, cpu: 1, processed: 8, sched: 1, xdp: [5, 3, 0] }),
      kthreadLine('6.18', { map: 1, cpu: 1, processed: 2, sched: 0, xdp: [2, 0, 0] }),
    ]);
    expect(delivered.map(({ frame }) => numberOf(frame))).toEqual([0, 2, 3, 5, 6, 8, 9]);
  });

  it('are 0 without a program, and the program is read back as its id', async () => {
    const id = await machine(() => () => XDP_PASS);
    expect(map.get(1)).toEqual({ qsize: 64, program: id });
    map.set(1, { qsize: 64 });
    expect(map.get(1)).toEqual({ qsize: 64, program: 0 });
    const lines = await linesOf(host, () => send(host, nic, burst(1)), ['xdp_cpumap_kthread']);
    expect(lines).toContain(kthreadLine('6.18', { map: 1, cpu: 1, processed: 1, sched: 1, xdp: [0, 0, 0] }));
  });
});

/** What the program does with each of three frames; the event counts that follow; whether frames of sk_buffs are exceptions. */
const OUTCOMES: [
  string,
  (helpers: BpfHelpers, next: number) => number,
  [number, number, number],
  string | undefined,
][] = [
  ['PASS', () => XDP_PASS, [3, 0, 0], undefined],
  ['DROP', () => XDP_DROP, [0, 3, 0], undefined],
  ['ABORTED', () => XDP_ABORTED, [0, 3, 0], 'ABORTED'],
  ['TX', () => XDP_TX, [0, 3, 0], 'TX'],
  ['an unknown verdict', () => 9, [0, 3, 0], '0x9'],
  ['REDIRECT to another entry', (helpers, next) => helpers.redirectMap(next, 2, 0), [0, 0, 3], undefined],
  ['a miss with PASS', (helpers, next) => helpers.redirectMap(next, 0, XDP_PASS), [3, 0, 0], undefined],
  ['REDIRECT without the helper', () => XDP_REDIRECT, [0, 3, 0], undefined],
  ['REDIRECT to a device that cannot transmit', (helpers) => helpers.redirect(1, 0), [0, 3, 0], undefined],
];

describe.each(['native', 'generic'] as const)('the verdict on %s frames', (mode) => {
  it.each(OUTCOMES)('%s', async (what, act, counts, action) => {
    const id = await machine(
      ({ helpers, maps }) =>
        () =>
          act(helpers, maps.next!),
      mode,
    );
    const lines = await linesOf(host, () => send(host, nic, burst(3)));

    const [pass, drop, redirect] = counts;
    expect(lines).toContain(kthreadLine('6.18', { map: 1, cpu: 1, processed: 3, sched: 1, xdp: counts }));
    expect(delivered.filter(({ cpu }) => cpu === 1)).toHaveLength(pass);
    expect(delivered.filter(({ cpu }) => cpu === 2)).toHaveLength(redirect);
    const { cpumap } = host.statistics().cpus[1]!;
    expect([cpumap.prog_drop, cpumap.prog_redirect]).toEqual([drop, redirect]);
    // 6.18 fires no exception for native frames on the remote CPU, whatever the verdict
    const exceptions = lines.filter((line) => line.startsWith('xdp_exception'));
    const expected = mode === 'generic' && action !== undefined ? 3 : 0;
    expect(exceptions).toEqual(new Array(expected).fill(`xdp_exception: prog_id=${id} action=${action} ifindex=2`));
    const failed = lines.filter((line) => line.startsWith('xdp_redirect_err') && line.includes(`prog_id=${id} `));
    expect(failed).toHaveLength(what.startsWith('REDIRECT') ? drop : 0);
  });
});

describe('a redirect onward', () => {
  it('is flushed once per batch, before the event of the kthread that redirected', async () => {
    await machine(
      ({ helpers, maps }) =>
        () =>
          helpers.redirectMap(maps.next!, 2, 0),
    );
    const lines = await linesOf(host, () => send(host, nic, burst(10)), CPUMAP_EVENTS);
    const [first, next] = [map.map.id, second.map.id];
    expect(lines).toEqual([
      enqueueLine({ map: first, to: 1, processed: 8 }),
      enqueueLine({ map: first, to: 1, processed: 2 }),
      enqueueLine({ map: next, cpu: 1, to: 2, processed: 8 }),
      kthreadLine('6.18', { map: first, cpu: 1, processed: 8, sched: 1, xdp: [0, 0, 8] }),
      // the ring of CPU 2 holds eight frames, and CPU 2 had no time yet
      enqueueLine({ map: next, cpu: 1, to: 2, processed: 2, drops: 2 }),
      kthreadLine('6.18', { map: first, cpu: 1, processed: 2, sched: 0, xdp: [0, 0, 2] }),
      kthreadLine('6.18', { map: next, cpu: 2, processed: 8, sched: 1 }),
    ]);
    expect(delivered.map(({ cpu, frame }) => [cpu, numberOf(frame)])).toEqual(
      Array.from({ length: 8 }, (_, n) => [2, n]),
    );
  });

  it('of an sk_buff fails on a full ring, where that of a frame is lost in silence', async () => {
    await machine(
      ({ helpers, maps }) =>
        () =>
          helpers.redirectMap(maps.next!, 2, 0),
      'generic',
    );
    const lines = await linesOf(host, () => send(host, nic, burst(10)), ['xdp_redirect_err', 'xdp_cpumap_kthread']);
    const error = `xdp_redirect_err: prog_id=3 action=REDIRECT ifindex=2 to_ifindex=0 err=-28 map_id=2 map_index=2`;
    expect(lines.slice(0, 4)).toEqual([
      kthreadLine('6.18', { map: 1, cpu: 1, processed: 8, sched: 1, xdp: [0, 0, 8] }),
      error,
      error,
      kthreadLine('6.18', { map: 1, cpu: 1, processed: 2, sched: 0, xdp: [0, 2, 0] }),
    ]);
  });

  it('through three entries arrives with every byte', async () => {
    await machine(
      ({ helpers, maps }) =>
        () =>
          helpers.redirectMap(maps.next!, 2, 0),
    );
    const last = cpuMap(host);
    last.set(0, { qsize: 64 });
    const onward = await loadRemote(
      host,
      ({ helpers, maps }) =>
        () =>
          helpers.redirectMap(maps.last!, 0, 0),
      {
        maps: { last: last.map },
      },
    );
    second.set(2, { qsize: 64, program: onward.id });
    const source = burst(50);
    await send(host, nic, source);
    expect(delivered.map(({ cpu }) => cpu)).toEqual(new Array(50).fill(0));
    expect(delivered.map(({ frame }) => frame)).toEqual(source.frames);
  });
});

describe('what the second program sees and does', () => {
  const word = (memory: { u32: Uint32Array }, ctx: number, field: number): number => memory.u32[(ctx + field) >> 2]!;

  it.each([
    ['native', 0],
    ['generic', 3],
  ] as const)('in %s mode: the device the frame came in on, and RX queue %i', async (mode, queue) => {
    const seen: number[][] = [];
    const look: ProgramFactory =
      ({ memory }) =>
      (ctx) => {
        seen.push(
          [XDP_MD.ingress_ifindex, XDP_MD.rx_queue_index, XDP_MD.egress_ifindex].map((f) => word(memory, ctx, f)),
        );
        return XDP_PASS;
      };
    await machine(look, mode);
    nic.setRxfhIndir(new Array(128).fill(3));
    await send(host, nic, burst(1));
    expect(seen).toEqual([[nic.ifindex, queue, 0]]);
  });

  it.each(['native', 'generic'] as const)(
    'in %s mode: metadata of the first program, and its own changes',
    async (mode) => {
      const first: ProgramFactory =
        ({ memory, helpers, maps }) =>
        (ctx) => {
          expect(helpers.xdpAdjustMeta(ctx, -8)).toBe(0);
          memory.u8.set([1, 2, 3, 4, 5, 6, 7, 8], word(memory, ctx, XDP_MD.data_meta));
          return helpers.redirectMap(maps.cpu_map!, 1, 0);
        };
      const metas: number[] = [];
      const remote: ProgramFactory =
        ({ memory, helpers }) =>
        (ctx) => {
          const [data, meta] = [word(memory, ctx, XDP_MD.data), word(memory, ctx, XDP_MD.data_meta)];
          metas.push(...memory.u8.subarray(meta, data));
          expect(helpers.xdpAdjustHead(ctx, 6)).toBe(0);
          expect(helpers.xdpAdjustTail(ctx, -4)).toBe(0);
          return XDP_PASS;
        };
      await machine(remote, mode, first);
      const source = burst(1);
      await send(host, nic, source);
      expect(metas).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
      expect(delivered[0]!.frame).toEqual(source.frames[0]!.subarray(6, 56));
      expect([...delivered[0]!.meta]).toEqual(metas); // moved along with the head
    },
  );

  it.each(['native', 'generic'] as const)('in %s mode: cannot eat the room of the descriptor', async (mode) => {
    const answers: number[] = [];
    const remote: ProgramFactory =
      ({ helpers }) =>
      (ctx) => {
        answers.push(helpers.xdpAdjustHead(ctx, -217), helpers.xdpAdjustHead(ctx, -216));
        return XDP_PASS;
      };
    await machine(remote, mode);
    await send(host, nic, burst(1));
    expect(answers).toEqual([-22, 0]);
    expect(delivered[0]!.frame).toHaveLength(60 + 216);
  });
});
