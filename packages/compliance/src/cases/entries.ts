/** What the values of cpumaps and devmaps may say: ring sizes, devices, programs; and whose the map is from then on. */
import { BPF_MAP_TYPE } from '@cpumap/uapi';
import type { Case } from '../case.ts';
import { LOOPBACK, NOTHING, type Subject, type SubjectMap } from '../subject.ts';
import { words } from './bytes.ts';
import { contentsOf } from './elements.ts';
import { KINDS, programKinds } from './program-kinds.ts';

const { CPUMAP, DEVMAP, DEVMAP_HASH } = BPF_MAP_TYPE;

interface EntryType {
  readonly group: string;
  readonly type: number;
  /** The first word of a good value. */
  readonly word: number;
  /** Words to be tried. */
  readonly words: readonly number[];
}

const TYPES: readonly EntryType[] = [
  {
    group: 'cpumap',
    type: CPUMAP,
    word: 64,
    words: [0, 1, 2, 3, 7, 31, 32, 64, 1000, 16383, 16384, 16385, 65536, 0x7fffffff, 0x80000000, 0xffffffff],
  },
  { group: 'devmap', type: DEVMAP, word: LOOPBACK, words: [0, LOOPBACK, NOTHING, 0x7fffffff, 0xffffffff] },
  { group: 'devmap_hash', type: DEVMAP_HASH, word: LOOPBACK, words: [0, LOOPBACK, NOTHING, 0x7fffffff, 0xffffffff] },
];

const mapOf = (subject: Subject, type: number, valueSize = 8, maxEntries = 8): SubjectMap =>
  subject.createMap({ type, keySize: 4, valueSize, maxEntries });

const REDIRECT = 'r1 = map(target) ll\n r2 = 0\n r3 = 2\n call 51\n exit';

function entryCases({ group, type, word, words: tried }: EntryType): Case[] {
  return [
    {
      group,
      name: 'entries: the first word of a value',
      run(subject, ask) {
        for (const valueSize of [4, 8]) {
          const map = mapOf(subject, type, valueSize);
          const value = (first: number) => words(first, 0).subarray(0, valueSize);
          for (const first of tried) {
            ask(`${first} in ${valueSize} bytes`, () => map.update(0, value(first)));
            ask(`${first} in ${valueSize} bytes, read`, () => map.lookup(0));
            ask(`${first} in ${valueSize} bytes for CPU 2`, () => map.update(2, value(first)));
          }
        }
      },
    },
    {
      group,
      name: 'entries: keys at the bounds',
      run(subject, ask) {
        for (const maxEntries of [1, 2, 3, 256]) {
          const map = mapOf(subject, type, 8, maxEntries);
          for (const key of [0, 1, 2, 3, 255, 256, 0x7fffffff, 0xffffffff]) {
            const name = `${key} of ${maxEntries}`;
            ask(`next after ${name}`, () => map.getNextKey(key));
            ask(`update ${name}`, () => map.update(key, words(word, 0)));
            ask(`lookup ${name}`, () => map.lookup(key));
            ask(`delete ${name}`, () => map.delete(key));
          }
        }
      },
    },
    {
      group,
      name: 'entries: the order of checks',
      async run(subject, ask) {
        const { handles } = await programKinds(subject);
        const map = mapOf(subject, type);
        for (const flags of [0, 1, 2, 3]) {
          for (const key of [0, 2, 8]) {
            for (const first of [0, word, 0xffffffff]) {
              for (const kind of ['none', 'nothing', 'xdp']) {
                const value = words(first, handles.get(kind)!);
                ask(`flags ${flags}, key ${key}, ${first}, program ${kind}`, () => map.update(key, value, flags));
              }
            }
          }
        }
      },
    },
    {
      group,
      name: 'entries: programs of each kind',
      async run(subject, ask) {
        const { handles, nameOf } = await programKinds(subject);
        const shown = (value: Uint8Array) => {
          const view = new DataView(value.buffer, value.byteOffset);
          return [view.getUint32(0, true), nameOf(view.getUint32(4, true))];
        };
        for (const first of KINDS) {
          for (const second of KINDS) {
            const map = mapOf(subject, type);
            ask(`${first}, before ${second}`, () => map.update(0, words(word, handles.get(first)!)));
            ask(`${second}, after ${first}`, () => map.update(1, words(word, handles.get(second)!)));
            ask(`${second} in place of ${first}`, () => map.update(0, words(word, handles.get(second)!)));
            ask(`${first} and ${second}, read`, () => [0, 1].map((key) => tryShown(() => shown(map.lookup(key)))));
            map.close();
          }
        }
      },
    },
    {
      group,
      name: 'entries: the order of keys after replacements',
      run(subject, ask) {
        const map = mapOf(subject, type, 8, 2);
        for (const [i, key] of [0, 1, 3, 0, 1, 5, 3, 1].entries()) {
          ask(`update ${i}, key ${key}`, () => map.update(key, words(word, 0)));
          ask(`contents ${i}`, () => contentsOf(map, true));
          if (i === 2) ask('delete', () => map.delete(0));
        }
      },
    },
    {
      group,
      name: 'entries: the map of a program',
      async run(subject, ask) {
        const { handles } = await programKinds(subject);
        for (const kind of KINDS) {
          for (const frags of [false, true]) {
            const used = mapOf(subject, type);
            const name = `${kind}, map ${frags ? 'with' : 'without'} frags`;
            await ask.later(`${name}: load`, async () => {
              await subject.loadProgram({ text: REDIRECT, maps: { target: used }, frags });
            });
            ask(`${name}: update`, () => used.update(0, words(word, handles.get(kind)!)));
            const filled = mapOf(subject, type);
            ask(`${name}: update first`, () => filled.update(0, words(word, handles.get(kind)!)));
            await ask.later(`${name}: load then`, async () => {
              await subject.loadProgram({ text: REDIRECT, maps: { target: filled }, frags });
            });
          }
        }
      },
    },
  ];
}

/** An entry that is not there is part of what a map shows. */
function tryShown(show: () => unknown): unknown {
  try {
    return show();
  } catch {
    return 'absent';
  }
}

export const ENTRY_CASES: readonly Case[] = TYPES.flatMap(entryCases);
