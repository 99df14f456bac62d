/** What maps of programs and maps of maps take and refuse, and the ids that user space reads in them. */
import { type MapSpec, u32Of } from '@cpumap/bpf';
import { BPF_F_INNER_MAP, BPF_F_MMAPABLE, BPF_F_NO_PREALLOC, BPF_F_RDONLY_PROG, BPF_MAP_TYPE } from '@cpumap/uapi';
import type { Case } from '../case.ts';
import { NOTHING, type Subject, type SubjectMap } from '../subject.ts';
import { words } from './bytes.ts';
import { KINDS, programKinds } from './program-kinds.ts';

const T = BPF_MAP_TYPE;
const base = { keySize: 4, valueSize: 8, maxEntries: 4 };

/** Maps to be put in, by what they differ in. */
const INNER: Readonly<Record<string, MapSpec>> = {
  array: { type: T.ARRAY, ...base },
  'array, longer': { type: T.ARRAY, ...base, maxEntries: 5 },
  'array, wider': { type: T.ARRAY, ...base, valueSize: 16 },
  'array of any length': { type: T.ARRAY, ...base, flags: BPF_F_INNER_MAP },
  'array of any length, longer': { type: T.ARRAY, ...base, maxEntries: 9, flags: BPF_F_INNER_MAP },
  'array, mappable': { type: T.ARRAY, ...base, flags: BPF_F_MMAPABLE },
  'array, read-only for programs': { type: T.ARRAY, ...base, flags: BPF_F_RDONLY_PROG },
  'per-CPU array': { type: T.PERCPU_ARRAY, ...base },
  'per-CPU array, longer': { type: T.PERCPU_ARRAY, ...base, maxEntries: 5 },
  hash: { type: T.HASH, ...base },
  'hash, longer': { type: T.HASH, ...base, maxEntries: 64 },
  'hash, allocated': { type: T.HASH, ...base, flags: BPF_F_NO_PREALLOC },
  'LRU hash': { type: T.LRU_HASH, ...base },
  'LPM trie': { type: T.LPM_TRIE, ...base, keySize: 8, flags: BPF_F_NO_PREALLOC },
  cpumap: { type: T.CPUMAP, ...base },
  'cpumap, longer': { type: T.CPUMAP, ...base, maxEntries: 8 },
  devmap: { type: T.DEVMAP, ...base },
  'devmap, longer': { type: T.DEVMAP, ...base, maxEntries: 8 },
  'devmap hash': { type: T.DEVMAP_HASH, ...base },
  xskmap: { type: T.XSKMAP, ...base, valueSize: 4 },
  'xskmap, longer': { type: T.XSKMAP, ...base, valueSize: 4, maxEntries: 8 },
  'array of programs': { type: T.PROG_ARRAY, ...base, valueSize: 4 },
  'ring buffer': { type: T.RINGBUF, keySize: 0, valueSize: 0, maxEntries: 4096 },
  'ring buffer, longer': { type: T.RINGBUF, keySize: 0, valueSize: 0, maxEntries: 8192 },
  'perf events': { type: T.PERF_EVENT_ARRAY, ...base, valueSize: 4 },
};

/** One map of each kind. */
export function innerMaps(subject: Subject): Readonly<Record<string, SubjectMap>> {
  return Object.fromEntries(Object.entries(INNER).map(([name, spec]) => [name, subject.createMap(spec)]));
}

const OUTER = [
  ['array_of_maps', T.ARRAY_OF_MAPS],
  ['hash_of_maps', T.HASH_OF_MAPS],
] as const;

const outerCases: readonly Case[] = OUTER.flatMap(([group, type]): Case[] => [
  {
    group,
    name: 'inner maps of each kind',
    async run(subject, ask) {
      const inner = innerMaps(subject);
      const outerSpec = { type, keySize: 4, valueSize: 4, maxEntries: 4 };
      const { handle: program } = await subject.loadProgram({ text: 'r0 = 2\n exit' });
      for (const [template, { handle }] of Object.entries(inner)) {
        let outer: SubjectMap | undefined;
        ask(`of ${template}`, () => {
          outer = subject.createMap({ ...outerSpec, innerMapFd: handle });
        });
        if (outer === undefined) continue;
        const { update, lookup } = outer;
        for (const [name, map] of Object.entries(inner)) {
          ask(`${name} in one of ${template}`, () => update(0, words(map.handle)));
        }
        ask(`the id in one of ${template}`, () => {
          const id = u32Of(lookup(0));
          return Object.entries(inner).find(([, map]) => map.id === id)?.[0];
        });
        ask(`itself in one of ${template}`, () => update(1, words(outer!.handle)));
        ask(`a program in one of ${template}`, () => update(1, words(program)));
        ask(`nothing in one of ${template}`, () => update(1, words(NOTHING)));
        ask(`nothing with bad flags in one of ${template}`, () => update(1, words(NOTHING), 7));
        ask(`beyond the end of one of ${template}`, () => update(77, words(handle)));
        ask(`map of maps of one of ${template}`, () =>
          subject.createMap({ ...outerSpec, innerMapFd: outer!.handle }).close(),
        );
      }
      ask('of a program', () => subject.createMap({ ...outerSpec, innerMapFd: program }).close());
      ask('of nothing', () => subject.createMap({ ...outerSpec, innerMapFd: NOTHING }).close());
    },
  },
]);

const progArray: Case = {
  group: 'prog_array',
  name: 'programs of each kind',
  async run(subject, ask) {
    const { handles, nameOf } = await programKinds(subject);
    const create = () => subject.createMap({ type: T.PROG_ARRAY, keySize: 4, valueSize: 4, maxEntries: 4 });
    for (const first of KINDS) {
      if (first === 'none') continue; // descriptor 0, which may be anything
      for (const second of KINDS) {
        if (second === 'none') continue;
        const map = create();
        ask(`${first}, before ${second}`, () => map.update(0, words(handles.get(first)!)));
        ask(`${second}, after ${first}`, () => map.update(1, words(handles.get(second)!)));
        ask(`the id of ${second}, after ${first}`, () => nameOf(u32Of(map.lookup(1))));
        map.close();
      }
    }
  },
};

export const INNER_MAP_CASES: readonly Case[] = [...outerCases, progArray];
