/** The commands on elements, the same for every type: an empty map, one with elements, odd keys, every flag, batches. */
import type { BpfMap } from '@cpumap/bpf';
import { u32Of } from '@cpumap/bpf';
import { type Answer, answerOf, hex, refusalOf } from '../answer.ts';
import type { Ask, Case } from '../case.ts';
import type { Subject, SubjectMap } from '../subject.ts';
import { SHAPES, type Shape, specOn } from './shapes.ts';

const FLAGS = [0, 1, 2, 3, 4, 5, 6, 8, 16, 2 ** 31, 2 ** 32, 2 ** 40];

/** Both subjects' possible CPUs are below this, so a cpumap's elements lie at these keys. */
const FULL = [0, 1];

/** What user space reads; ids, which differ, only as whether there is one. */
function reader({ readsIds }: Shape) {
  return (value: Uint8Array): string => (readsIds ? `an id: ${u32Of(value) !== 0}` : hex(value));
}

/**
 * All that is in a map, in the order of the walk where the type has one: each key, with its value or the errno of the
 * lookup; and the errno that ended the walk.
 */
export function contentsOf(map: BpfMap, ordered: boolean, show: (value: Uint8Array) => string = hex): Answer {
  const found: string[] = [];
  for (let last: Uint8Array | undefined; ; ) {
    let key: Uint8Array;
    try {
      key = map.getNextKey(last);
    } catch (error) {
      return { found: ordered ? found : found.sort(), end: refusalOf(error) };
    }
    found.push(`${hex(key)}=${answerOf(() => show(map.lookup(key)))}`);
    last = key;
  }
}

async function filled(subject: Subject, shape: Shape): Promise<{ map: SubjectMap; values: Uint8Array[] }> {
  const map = subject.createMap(specOn(subject, shape));
  const values: Uint8Array[] = [];
  for (const i of FULL) {
    const value = await shape.value(subject, i);
    values.push(value);
    try {
      map.update(shape.key(i), value);
    } catch {
      // the case of empty maps has asked for the errno
    }
  }
  return { map, values };
}

function commands(
  map: SubjectMap,
  shape: Shape,
  ask: Ask,
  keys: readonly number[],
  values: readonly Uint8Array[],
): void {
  const show = reader(shape);
  for (const i of keys) {
    const key = shape.key(i);
    for (const flags of FLAGS) ask(`lookup ${i}, flags ${flags}`, () => show(map.lookup(key, flags)));
    for (const flags of FLAGS) {
      ask(`update ${i}, flags ${flags}`, () => map.update(key, values[i % values.length]!, flags));
      if (flags === 1) ask(`delete ${i} after flags 1`, () => map.delete(key));
    }
    ask(`lookup ${i} after update`, () => show(map.lookup(key)));
    ask(`delete ${i}`, () => map.delete(key));
    ask(`delete ${i} again`, () => map.delete(key));
    for (const flags of FLAGS)
      ask(`lookup and delete ${i}, flags ${flags}`, () => show(map.lookupAndDelete(key, flags)));
  }
}

function elementCases(shape: Shape): Case[] {
  const { group, ordered } = shape;
  const show = reader(shape);
  return [
    {
      group,
      name: 'elements of an empty map',
      async run(subject, ask) {
        const map = subject.createMap(specOn(subject, shape));
        const values = [await shape.value(subject, 0), await shape.value(subject, 1)];
        ask('first key', () => map.getNextKey(undefined));
        ask('contents', () => contentsOf(map, ordered, show));
        commands(map, shape, ask, [0, 1, 3, 4, 5, 255], values);
        ask('contents at last', () => contentsOf(map, ordered, show));
      },
    },
    {
      group,
      name: 'elements of a map that has some',
      async run(subject, ask) {
        const { map, values } = await filled(subject, shape);
        ask('contents', () => contentsOf(map, ordered, show));
        for (const flags of FLAGS)
          ask(`lookup and delete 0, flags ${flags} at first`, () => show(map.lookupAndDelete(shape.key(0), flags)));
        if (ordered) {
          ask('first key', () => map.getNextKey(undefined));
          for (const i of [0, 1, 2, 3, 4, 200]) ask(`key after ${i}`, () => map.getNextKey(shape.key(i)));
        }
        commands(map, shape, ask, [1, 0], values);
        ask('contents at last', () => contentsOf(map, ordered, show));
      },
    },
    {
      group,
      name: 'a full map',
      async run(subject, ask) {
        if (group.startsWith('lru')) return; // what an LRU map drops is its own affair
        const map = subject.createMap(specOn(subject, shape));
        for (let i = 0; i < 6; i++) {
          const value = await shape.value(subject, i);
          ask(`update ${i}`, () => map.update(shape.key(i), value));
        }
        const value = await shape.value(subject, 1);
        ask('replace in a full map', () => map.update(shape.key(1), value));
        ask('only replace what is absent', () => map.update(shape.key(5), value, 2));
        ask('contents', () => contentsOf(map, ordered, show));
      },
    },
    {
      group,
      name: 'frozen',
      async run(subject, ask) {
        const { map, values } = await filled(subject, shape);
        ask('freeze', () => map.freeze());
        ask('freeze again', () => map.freeze());
        ask('lookup', () => show(map.lookup(shape.key(0))));
        ask('update', () => map.update(shape.key(0), values[0]!));
        ask('update with bad flags', () => map.update(shape.key(0), values[0]!, 77));
        ask('delete', () => map.delete(shape.key(0)));
        ask('lookup and delete', () => map.lookupAndDelete(shape.key(0)));
        ask('update batch', () => map.updateBatch([shape.key(0)], [values[0]!]));
        ask('delete batch', () => map.deleteBatch([shape.key(0)]));
        ask('contents', () => contentsOf(map, ordered, show));
      },
    },
  ];
}

export const ELEMENT_CASES: readonly Case[] = SHAPES.flatMap(elementCases);
