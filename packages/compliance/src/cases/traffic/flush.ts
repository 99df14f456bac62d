/** When bulk queues are flushed, and in which order. */
import type { Case } from '../../case.ts';
import type { Plan } from '../../traffic/frames.ts';
import { PLAN } from '../../traffic/frames.ts';
import { bench, cpuMap, enqueues, part, same, setEntry, toTarget } from './setup.ts';

const GROUP = 'traffic, flush';
const QSIZE = 2048;
const POLL = 64;

/** Sequences of targets, a digit for each frame: maps and CPUs in turn. */
const ORDERS: Readonly<Record<string, readonly number[]>> = {
  'one after the other': [0, 1, 2, 3],
  backwards: [3, 2, 1, 0],
  'twice each': [0, 1, 2, 3, 0, 1, 2, 3],
  'twice each, backwards the second time': [0, 1, 2, 3, 3, 2, 1, 0],
  'two alternate, 20 frames': Array.from({ length: 20 }, (_, i) => i % 2),
  'two of two maps alternate, 12 frames': Array.from({ length: 12 }, (_, i) => (i % 2) * 2),
  'nine of the first, then one of each': [...new Array<number>(9).fill(0), 1, 2, 3],
  'one of each, then nine of the first': [0, 1, 2, 3, ...new Array<number>(9).fill(0)],
  'eight of each': [0, 1, 2, 3].flatMap((target) => new Array<number>(8).fill(target)),
  'nine of each': [0, 1, 2, 3].flatMap((target) => new Array<number>(9).fill(target)),
  'all in turn, 64 frames': Array.from({ length: POLL }, (_, i) => i % 4),
  'runs of three, 64 frames': Array.from({ length: POLL }, (_, i) => Math.floor(i / 3) % 4),
};

/** Key 0 and 1 are CPUs of the map `a`, 2 and 3 of the map `b`. */
const BY_KEY = `r2 = *(u32 *)(r7 + ${PLAN.key})
    if r2 > 1 goto other
    r1 = map(a) ll
    r3 = 0
    call 51
    exit
  other:
    r2 += -2
    r1 = map(b) ll
    r3 = 0
    call 51
    exit`;

export const FLUSH_CASES: readonly Case[] = [
  {
    group: GROUP,
    name: 'bulk sizes',
    async run(subject, ask) {
      const { main, send } = await bench(subject);
      const target = cpuMap(subject, 'target');
      setEntry(target, 0, QSIZE);
      const program = await main(toTarget, { target });
      for (let n = 1; n <= 70; n++) {
        await ask.later(`${n} frames`, async () => {
          const seen = await send(program, same(n));
          return { events: enqueues(seen), ...part(seen, n <= POLL ? 'batches' : 'sums') };
        });
      }
    },
  },
  {
    group: GROUP,
    name: 'order of several slots and maps',
    async run(subject, ask) {
      const { main, send } = await bench(subject);
      const [a, b] = [cpuMap(subject, 'a'), cpuMap(subject, 'b')];
      for (const map of [a, b]) for (const cpu of [0, 1]) setEntry(map, cpu, QSIZE);
      const program = await main(BY_KEY, { a, b });
      for (const [name, keys] of Object.entries(ORDERS)) {
        const plans = keys.map((key): Plan => ({ length: 60, key, flow: key }));
        for (const cpu of [0, 1]) {
          await ask.later(`${name}, on CPU ${cpu}`, async () =>
            part(await send(program, plans, { cpu }), 'events', 'sums', 'delivered'),
          );
        }
      }
    },
  },
];
