/** Batches: what each type has of them, where they stop, and what a batch that stopped half-way has done. */
import type { MapBatch } from '@cpumap/bpf';
import { hex } from '../answer.ts';
import type { Case } from '../case.ts';
import { contentsOf } from './elements.ts';
import { SHAPES, type Shape, specOn } from './shapes.ts';

const FLAGS = [0, 1, 2, 4, 8, 2 ** 32];

function batchCases(shape: Shape): Case[] {
  const { group, ordered, readsIds } = shape;
  const show = readsIds ? () => 'an id' : hex;
  const pairs = ({ keys, values, next }: MapBatch) => {
    const found = keys.map((key, i) => `${hex(key)}=${show(values[i]!)}`);
    return { found: ordered ? found : found.sort(), ended: next === undefined };
  };
  const range = (...numbers: readonly number[]): Uint8Array[] => numbers.map((i) => shape.key(i));
  return [
    {
      group,
      name: 'batches',
      async run(subject, ask) {
        const map = subject.createMap(specOn(subject, shape));
        const values: Uint8Array[] = [];
        for (let i = 0; i < 8; i++) values.push(await shape.value(subject, i));
        ask('lookup in an empty map', () => pairs(map.lookupBatch(undefined, 8)));
        ask('update', () => map.updateBatch(range(0, 1), values.slice(0, 2)));
        ask('contents after update', () => contentsOf(map, ordered, show));
        for (const elemFlags of FLAGS) {
          ask(`lookup, flags ${elemFlags}`, () => pairs(map.lookupBatch(undefined, 64, { elemFlags })));
          ask(`update, flags ${elemFlags}`, () => map.updateBatch(range(1, 0), values.slice(0, 2), { elemFlags }));
          ask(`delete, flags ${elemFlags}`, () => map.deleteBatch(range(1), { elemFlags }));
        }
        ask('contents after flags', () => contentsOf(map, ordered, show));
        ask('update until the map is full', () => map.updateBatch(range(0, 1, 2, 3, 4, 5), values.slice(0, 6)));
        ask('none', () => pairs(map.lookupBatch(undefined, 0)));
        ask('update none', () => map.updateBatch([], []));
        ask('delete none', () => map.deleteBatch([]));
        ask('all', () => pairs(map.lookupBatch(undefined, 64)));
        if (ordered) {
          ask('the first two', () => pairs(map.lookupBatch(undefined, 2)));
          ask('the next two', () => pairs(map.lookupBatch(map.lookupBatch(undefined, 2).next, 2)));
          ask('exactly all', () => pairs(map.lookupBatch(undefined, 4)));
        }
        ask('delete one, one that is not there, one', () => map.deleteBatch(range(0, 77, 1)));
        ask('contents after delete', () => contentsOf(map, ordered, show));
        for (const elemFlags of FLAGS) {
          ask(`lookup and delete, flags ${elemFlags}`, () =>
            pairs(map.lookupAndDeleteBatch(undefined, 64, { elemFlags })),
          );
        }
        ask('contents at last', () => contentsOf(map, ordered, show));
      },
    },
  ];
}

export const BATCH_CASES: readonly Case[] = SHAPES.flatMap(batchCases);
