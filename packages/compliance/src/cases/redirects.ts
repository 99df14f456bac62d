/** bpf_redirect_map and bpf_redirect: the verdict for every kind of target, key and flag. */
import { BPF_MAP_TYPE } from '@cpumap/uapi';
import type { Case } from '../case.ts';
import { LOOPBACK, NOTHING, type Subject, type SubjectMap } from '../subject.ts';
import { words } from './bytes.ts';
import { frame, KEEP_ANSWER, withArguments } from './frames.ts';
import { shownRun } from './run.ts';

const T = BPF_MAP_TYPE;
const REDIRECT = 23;
const REDIRECT_MAP = 51;

const TARGETS: readonly (readonly [group: string, type: number, value: readonly number[] | undefined])[] = [
  ['cpumap', T.CPUMAP, [64, 0]],
  ['devmap', T.DEVMAP, [LOOPBACK, 0]],
  ['devmap_hash', T.DEVMAP_HASH, [LOOPBACK, 0]],
  ['xskmap', T.XSKMAP, undefined],
];
const KEYS = [0n, 1n, 4n, 5n, 1n << 32n, (1n << 32n) + 1n, 0xffffffffn, (1n << 63n) + 1n];
const FLAGS = [...Array(33).keys()].map(BigInt).concat([64n, 128n, 1n << 31n, 1n << 32n, (1n << 32n) + 2n, 1n << 63n]);

/** Slot 0 is empty, slot 1 is not. */
function target(subject: Subject, type: number, value: readonly number[] | undefined): SubjectMap {
  const map = subject.createMap({ type, keySize: 4, valueSize: value === undefined ? 4 : 8, maxEntries: 5 });
  if (value !== undefined) map.update(1, words(...value));
  return map;
}

const redirectMapCases = TARGETS.flatMap(([group, type, value]): Case[] => [
  {
    group,
    name: 'bpf_redirect_map: keys and flags from the frame',
    async run(subject, ask) {
      const maps = { target: target(subject, type, value) };
      const text = withArguments(2, `r1 = map(target) ll\n call ${REDIRECT_MAP}\n ${KEEP_ANSWER}`);
      const program = await subject.loadProgram({ text, maps });
      for (const key of KEYS) {
        for (const flags of FLAGS) {
          await ask.later(`key ${key}, flags ${flags}`, () => shownRun(program, { data: frame(30, key, flags) }));
        }
      }
    },
  },
  {
    group,
    name: 'bpf_redirect_map: keys and flags in the code',
    async run(subject, ask) {
      const maps = { target: target(subject, type, value) };
      for (const key of [0, 1, 4, 5, -1]) {
        for (const flags of [0, 1, 2, 3, 4, 8, 16, 24, -1]) {
          const text = `r1 = map(target) ll\n r2 = ${key}\n r3 = ${flags}\n call ${REDIRECT_MAP}\n exit`;
          await ask.later(`key ${key}, flags ${flags}`, async () =>
            shownRun(await subject.loadProgram({ text, maps }), { data: frame(14) }),
          );
        }
      }
    },
  },
  {
    group,
    name: 'bpf_redirect_map: after delete and again',
    async run(subject, ask) {
      const map = target(subject, type, value);
      const text = `r1 = map(target) ll\n r2 = 1\n r3 = 2\n call ${REDIRECT_MAP}\n exit`;
      const program = await subject.loadProgram({ text, maps: { target: map } });
      const run = (question: string) => ask.later(question, () => shownRun(program, { data: frame(14) }));
      await run('filled');
      ask('delete', () => map.delete(1));
      await run('deleted');
      ask('update', () => map.update(1, value === undefined ? words(NOTHING) : words(...value)));
      await run('filled again');
    },
  },
  {
    group,
    name: 'bpf_redirect_map: the last of several',
    async run(subject, ask) {
      const maps = { target: target(subject, type, value) };
      const one = (key: number, flags: number): string =>
        `r1 = map(target) ll\n r2 = ${key}\n r3 = ${flags}\n call ${REDIRECT_MAP}\n`;
      for (const [first, second] of [
        [0, 1],
        [1, 0],
        [1, 1],
      ] as const) {
        const text = `${one(first, 1)}${one(second, 2)}exit`;
        await ask.later(`${first}, ${second}`, async () =>
          shownRun(await subject.loadProgram({ text, maps }), { data: frame(14) }),
        );
      }
    },
  },
]);

const WRONG_TARGETS = [T.ARRAY, T.HASH, T.PROG_ARRAY, T.PERF_EVENT_ARRAY, T.LRU_HASH, T.PERCPU_ARRAY];

const others: readonly Case[] = [
  {
    group: 'redirect',
    name: 'bpf_redirect',
    async run(subject, ask) {
      const program = await subject.loadProgram({
        text: withArguments(2, `r1 = r2\n r2 = r3\n call ${REDIRECT}\n ${KEEP_ANSWER}`),
      });
      for (const ifindex of [0, LOOPBACK, NOTHING, 0xffffffff, 2 ** 32]) {
        for (const flags of [0, 1, 2, 3, 4, 8, 2 ** 32]) {
          await ask.later(`ifindex ${ifindex}, flags ${flags}`, () =>
            shownRun(program, { data: frame(30, ifindex, flags) }),
          );
        }
      }
    },
  },
  {
    group: 'redirect',
    name: 'maps that are no targets, helpers that targets do not take',
    async run(subject, ask) {
      const load = (question: string, text: string, map: SubjectMap) =>
        ask.later(question, async () => {
          await subject.loadProgram({ text, maps: { target: map } });
        });
      for (const type of WRONG_TARGETS) {
        const valueSize = type === T.PROG_ARRAY || type === T.PERF_EVENT_ARRAY ? 4 : 8;
        const map = subject.createMap({ type, keySize: 4, valueSize, maxEntries: 4 });
        await load(`to type ${type}`, `r1 = map(target) ll\n r2 = 0\n r3 = 0\n call ${REDIRECT_MAP}\n exit`, map);
      }
      for (const [group, type, value] of TARGETS) {
        const map = target(subject, type, value);
        const key = '*(u32 *)(r10 - 4) = 1\n r2 = r10\n r2 += -4\n r1 = map(target) ll\n';
        await load(`${group}: lookup`, `${key} call 1\n r0 = 2\n exit`, map);
        await load(
          `${group}: lookup and read`,
          `${key} call 1\n if r0 == 0 goto +1\n r0 = *(u32 *)(r0 + 0)\n exit`,
          map,
        );
        await load(
          `${group}: lookup and write`,
          `${key} call 1\n if r0 == 0 goto +1\n *(u32 *)(r0 + 0) = 1\n r0 = 2\n exit`,
          map,
        );
        await load(
          `${group}: update`,
          `${key} *(u64 *)(r10 - 16) = 1\n r3 = r10\n r3 += -16\n r4 = 0\n call 2\n r0 = 2\n exit`,
          map,
        );
        await load(`${group}: delete`, `${key} call 3\n r0 = 2\n exit`, map);
        await load(`${group}: tail call`, `r2 = map(target) ll\n r3 = 0\n call 12\n r0 = 2\n exit`, map);
      }
    },
  },
];

export const REDIRECT_CASES: readonly Case[] = [...redirectMapCases, ...others];
