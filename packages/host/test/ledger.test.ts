/** The ledger itself: it balances when every frame ended once, and finds a frame that is missing anywhere. */
import type { Statistics } from '@cpumap/host';
import { describe, expect, it } from 'vitest';
import { closeLedger, type LedgerInput } from '../src/ledger.ts';

type Counters = Record<string, Record<string, number>>;

/** 108 frames of one device: CPU 0 receives them, CPU 1 takes some. Nothing is on its way. */
const CPU0: Counters = {
  xdp: { aborted: 5, drop: 6, pass: 7, tx: 8, redirect: 78, redirect_err: 4, threw: 2 },
  devmap: { enqueued: 6, sent: 3, prog_drop: 2, xmit_drop: 1, generic: 2, clones: 2, nowhere: 2, clone_frags: 5 },
  cpumap: {
    taken: 70,
    ring_full: 10,
    dequeued: 0,
    delivered: 0,
    refused: 0,
    gro_held: 0,
    prog_drop: 0,
    prog_redirect: 0,
  },
  stack: {
    delivered: 5,
    bytes: 0,
    nohandler: 1,
    dropped: 0,
    failed: 1,
    skbs: 7,
    steered: 0,
    unsteered: 3,
    backlog_dropped: 0,
  },
};
const CPU1: Counters = {
  xdp: { aborted: 0, drop: 0, pass: 0, tx: 0, redirect: 0, redirect_err: 0, threw: 0 },
  devmap: { enqueued: 0, sent: 0, prog_drop: 0, xmit_drop: 0, generic: 0, clones: 0, nowhere: 0, clone_frags: 0 },
  cpumap: {
    taken: 9,
    ring_full: 1,
    dequeued: 68,
    delivered: 40,
    refused: 8,
    gro_held: 0,
    prog_drop: 11,
    prog_redirect: 9,
  },
  stack: {
    delivered: 36,
    bytes: 0,
    nohandler: 0,
    dropped: 6,
    failed: 2,
    skbs: 44,
    steered: 3,
    unsteered: 0,
    backlog_dropped: 4,
  },
};

function input(
  change: (cpus: Counters[]) => void = () => undefined,
  rest: Partial<LedgerInput> = {},
  rx = 108,
): LedgerInput {
  const cpus = structuredClone([CPU0, CPU1]);
  change(cpus);
  const statistics = {
    timestampNs: 0,
    devices: [{ name: 'nic0', counters: { rx_packets: rx } }],
    cpus: cpus.map((counters, cpu) => ({ cpu, trace: {}, ...counters })),
  } as unknown as Statistics;
  return { statistics, waiting: new Map(), buffersOut: 0, pending: 0, fragsOut: -5, deadCpus: [], ...rest };
}

describe('the ledger', () => {
  it('balances when every frame ended once', () => {
    expect(closeLedger(input())).toEqual({ balanced: true, inFlight: 0, lost: [], problems: [] });
  });

  it('knows frames on their way: in rings of the device, in rings of entries', () => {
    const onTheirWay = input(
      (cpus) => {
        cpus[0]!.xdp!.redirect! += 3;
        cpus[0]!.cpumap!.taken! += 3;
      },
      { waiting: new Map([[1, 3]]), buffersOut: 8, pending: 5 },
      111,
    );
    expect(closeLedger(onTheirWay)).toEqual({ balanced: true, inFlight: 3, lost: [], problems: [] });
  });

  const counted = Object.entries(CPU0).flatMap(([layer, counters]) =>
    Object.keys(counters).map((name) => [layer, name] as const),
  );
  const told = (name: string): boolean => name === 'threw' || name === 'bytes' || name === 'skbs'; // these count no frames of their own
  it.each(counted.filter(([, name]) => !told(name)))('misses one frame less in %s.%s, and one more', (layer, name) => {
    for (const by of [-1, 1]) {
      const { balanced, problems } = closeLedger(
        input((cpus) => {
          cpus[1]![layer]![name]! += by;
        }),
      );
      expect([balanced, problems.length > 0]).toEqual([false, true]);
    }
  });

  it('misses frames that were received, buffers, and frames in rings', () => {
    expect(closeLedger(input(undefined, {}, 109)).problems).toContain('received and met by a program: 109 against 108');
    expect(closeLedger(input(undefined, { buffersOut: 1 })).problems).toEqual([
      'frames on their way and buffers away from home: 0 against 1',
    ]);
    expect(closeLedger(input(undefined, { pending: 1 })).problems).toHaveLength(1);
    expect(closeLedger(input(undefined, { waiting: new Map([[0, 2]]) })).problems).toEqual([
      'taken and accounted for: 79 against 81',
    ]);
  });

  it('misses a frame that vanished between two layers, buffer and all', () => {
    const vanished = (change: (cpu: Counters) => void) =>
      closeLedger(input((cpus) => change(cpus[1]!), { buffersOut: 1 }));
    const onTheRemoteCpu = vanished(({ cpumap, stack }) => {
      cpumap!.delivered! -= 1;
      stack!.delivered! -= 1;
    });
    expect(onTheRemoteCpu).toMatchObject({ inFlight: 1, problems: ['dequeued and accounted for: 68 against 67'] });
    const inARing = vanished(({ cpumap, stack }) => {
      cpumap!.dequeued! -= 1;
      cpumap!.delivered! -= 1;
      stack!.delivered! -= 1;
    });
    expect(inARing).toMatchObject({ inFlight: 1, problems: ['taken and accounted for: 79 against 78'] });
  });

  it('gives what never came home to the CPUs that died: what waits for them first', () => {
    const rest = {
      waiting: new Map([
        [0, 4],
        [1, 9],
      ]),
      buffersOut: 30,
      pending: 2,
    };
    expect(closeLedger(input(undefined, { ...rest, deadCpus: [1] })).lost).toEqual([{ cpu: 1, frames: 28 }]);
    expect(closeLedger(input(undefined, { ...rest, deadCpus: [1, 0] })).lost).toEqual([
      { cpu: 1, frames: 24 },
      { cpu: 0, frames: 4 },
    ]);
    expect(closeLedger(input(undefined, { deadCpus: [1] }))).toMatchObject({ balanced: false, inFlight: 0 });
  });
});
