/** What the ring of an entry takes: fresh, after it was drained, and full, in native and in generic mode. */
import type { Case } from '../../case.ts';
import { bench, cpuMap, enqueues, part, same, setEntry, toTarget, whole } from './setup.ts';

const GROUP = 'traffic, rings';
const SIZES = [1, 2, 3, 7, 8, 9, 15, 16, 31, 32, 33, 40, 63, 64, 65, 1024];
/** Frames that passed before. */
const DRAINED = [1, 5, 8, 15, 16, 17, 31, 40, 70];

export const RING_CASES: readonly Case[] = [
  {
    group: GROUP,
    name: 'a burst of 64 into a fresh ring',
    async run(subject, ask) {
      const { main, send } = await bench(subject);
      const target = cpuMap(subject, 'target');
      const program = await main(toTarget, { target });
      for (const size of SIZES) {
        setEntry(target, 0, size);
        await ask.later(`of ${size}`, async () => {
          const seen = await send(program, same(64));
          return { events: enqueues(seen), ...part(seen, 'batches', 'delivered') };
        });
      }
    },
  },
  {
    group: GROUP,
    name: 'a burst of 64 into a ring that was drained',
    async run(subject, ask) {
      const { main, send } = await bench(subject);
      const target = cpuMap(subject, 'target');
      const program = await main(toTarget, { target });
      for (const size of [1, 2, 8, 16, 31, 32, 33, 40, 64, 65]) {
        for (const before of DRAINED) {
          setEntry(target, 0, size);
          for (let left = before; left > 0; left -= size) await send(program, same(Math.min(left, size, 64)));
          await ask.later(`of ${size} after ${before} frames`, async () => {
            const seen = await send(program, same(64));
            return { events: enqueues(seen), ...part(seen, 'sums') };
          });
        }
      }
    },
  },
  {
    group: GROUP,
    name: 'generic mode: each frame by itself',
    async run(subject, ask) {
      const { traffic, main, send } = await bench(subject);
      const generic = traffic.device('va');
      const target = cpuMap(subject, 'target');
      const program = await main(toTarget, { target });
      for (const size of [1, 3, 8, 9, 31, 32, 40]) {
        for (const frames of [1, 5, 12, 40]) {
          setEntry(target, 0, size);
          await ask.later(`${frames} frames into a ring of ${size}`, async () =>
            whole(await send(program, same(frames), { generic })),
          );
        }
      }
      for (const size of [31, 32, 40]) {
        setEntry(target, 0, size);
        await send(program, same(5), { generic });
        await ask.later(`40 frames into a ring of ${size} after 5 frames`, async () =>
          whole(await send(program, same(40), { generic })),
        );
      }
    },
  },
];
