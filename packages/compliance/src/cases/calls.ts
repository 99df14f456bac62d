/** Tail calls, loops, and maps as programs use them. */
import { BPF_F_RDONLY_PROG, BPF_MAP_TYPE } from '@cpumap/uapi';
import type { Case } from '../case.ts';
import { words } from './bytes.ts';
import { contentsOf } from './elements.ts';
import { frame, KEEP_ANSWER, withArguments } from './frames.ts';
import { shownRun } from './run.ts';

const T = BPF_MAP_TYPE;
const TAIL_CALL = 12;
const LOOP = 181;
const group = 'calls';

const tailCalls: Case = {
  group,
  name: 'bpf_tail_call: indexes',
  async run(subject, ask) {
    const progs = subject.createMap({ type: T.PROG_ARRAY, keySize: 4, valueSize: 4, maxEntries: 4 });
    const maps = { progs };
    const next = await subject.loadProgram({ text: 'r0 = 33\n exit' });
    const caller = await subject.loadProgram({
      text: withArguments(1, `r3 = r2\n r1 = r6\n r2 = map(progs) ll\n call ${TAIL_CALL}\n r0 = 44`),
      maps,
    });
    for (const index of [0, 1, 2, 3]) if (index !== 2) progs.update(index, words(next.handle));
    for (const index of [0n, 1n, 2n, 3n, 4n, 0xffffffffn, 1n << 32n, (1n << 32n) + 2n]) {
      await ask.later(`index ${index}`, () => shownRun(caller, { data: frame(22, index) }));
    }
    ask('delete', () => progs.delete(0));
    await ask.later('index 0 after delete', () => shownRun(caller, { data: frame(22, 0) }));
  },
};

const chains: Case = {
  group,
  name: 'bpf_tail_call: how many',
  async run(subject, ask) {
    const progs = subject.createMap({ type: T.PROG_ARRAY, keySize: 4, valueSize: 4, maxEntries: 4 });
    // counts in the frame, and calls itself
    const text = withArguments(
      1,
      `r2 += 1\n *(u64 *)(r7 + 14) = r2\n r1 = r6\n r2 = map(progs) ll\n r3 = 0\n call ${TAIL_CALL}\n r0 = 1`,
    );
    const program = await subject.loadProgram({ text, maps: { progs } });
    progs.update(0, words(program.handle));
    for (const repeat of [1, 2, 3]) {
      await ask.later(`${repeat} runs`, () => shownRun(program, { data: frame(22, 0), repeat }));
    }
  },
};

const TURNS = [0n, 1n, 2n, 5n, 1000n, (1n << 23n) + 1n, 0xffffffffn, 1n << 32n, (1n << 32n) + 2n];

/** The kernel makes a loop of its own where the flags are a constant 0, and calls its helper elsewhere. */
function loopCase(name: string, setFlags: string, allFlags: readonly bigint[]): Case {
  return {
    group,
    name: `bpf_loop: ${name}`,
    async run(subject, ask) {
      for (const stop of [-1, 0, 1, 3]) {
        const body = `${setFlags}\n *(u64 *)(r10 - 8) = 0\n r1 = r2\n r2 = code_addr(turn) ll\n r3 = r10\n r3 += -8
          call ${LOOP}\n ${KEEP_ANSWER}\n r0 = *(u64 *)(r10 - 8)`;
        const turn = `turn:\n r3 = *(u64 *)(r2 + 0)\n r3 += 1\n *(u64 *)(r2 + 0) = r3\n r0 = 0\n if r1 != ${stop} goto +1\n r0 = 1\n exit`;
        const program = await subject.loadProgram({ text: `${withArguments(2, body)}\n ${turn}` });
        for (const count of TURNS) {
          for (const flags of allFlags) {
            await ask.later(`${count} turns, stop at ${stop}, flags ${flags}`, () =>
              shownRun(program, { data: frame(30, count, flags) }),
            );
          }
        }
      }
    },
  };
}

const loops: readonly Case[] = [
  loopCase('flags in the code', 'r4 = 0', [0n]),
  loopCase('flags from the frame', 'r4 = r3', [0n, 1n, 1n << 32n]),
];

const TYPES: readonly (readonly [string, number, number])[] = [
  ['array', T.ARRAY, 0],
  ['percpu_array', T.PERCPU_ARRAY, 0],
  ['hash', T.HASH, 0],
  ['hash, allocated', T.HASH, 1],
  ['percpu_hash', T.PERCPU_HASH, 0],
  ['lru_hash', T.LRU_HASH, 0],
];

const programMaps: Case = {
  group,
  name: 'maps from programs',
  async run(subject, ask) {
    for (const [name, type, flags] of TYPES) {
      const map = subject.createMap({
        type,
        keySize: 4,
        valueSize: 8,
        maxEntries: type === T.LRU_HASH ? 64 : 3,
        flags,
      });
      const maps = { target: map };
      const key = 'r6 = r3\n *(u32 *)(r10 - 4) = r2\n r2 = r10\n r2 += -4\n r1 = map(target) ll\n';
      const lookup = await subject.loadProgram({
        text: withArguments(
          2,
          `${key} call 1\n if r0 != 0 goto found\n r0 = 2\n exit\nfound:\n r1 = *(u64 *)(r0 + 0)\n *(u64 *)(r7 + 14) = r1\n r1 += 1\n *(u64 *)(r0 + 0) = r1\n r0 = 3`,
        ),
        maps,
      });
      const update = await subject.loadProgram({
        text: withArguments(
          2,
          `${key} *(u64 *)(r10 - 16) = 0x1234\n r3 = r10\n r3 += -16\n r4 = r6\n call 2\n ${KEEP_ANSWER}`,
        ),
        maps,
      });
      const remove = await subject.loadProgram({ text: withArguments(2, `${key} call 3\n ${KEEP_ANSWER}`), maps });
      for (const at of [0, 1, 3, 0xffffffff, 2]) {
        await ask.later(`${name}: lookup ${at} before`, () => shownRun(lookup, { data: frame(30, at, 0) }));
        for (const f of [2, 0, 1, 2, 3, 4, 8, 2 ** 32].map((value, i) => [value, i] as const)) {
          await ask.later(`${name}: update ${at}, flags ${f[0]}, ${f[1]}`, () =>
            shownRun(update, { data: frame(30, at, f[0]) }),
          );
        }
        await ask.later(`${name}: lookup ${at}`, () => shownRun(lookup, { data: frame(30, at, 0) }));
      }
      if (!name.startsWith('percpu')) ask(`${name}: contents`, () => contentsOf(map, type === T.ARRAY));
      for (const at of [0, 1, 1, 3].map((value, i) => [value, i] as const)) {
        await ask.later(`${name}: delete ${at[0]}, ${at[1]}`, () => shownRun(remove, { data: frame(30, at[0], 0) }));
      }
      if (!name.startsWith('percpu')) ask(`${name}: contents at last`, () => contentsOf(map, type === T.ARRAY));
    }
  },
};

const constants: Case = {
  group,
  name: 'frozen maps that programs only read',
  async run(subject, ask) {
    for (const [name, type] of [
      ['array', T.ARRAY],
      ['hash', T.HASH],
    ] as const) {
      for (const frozen of [false, true]) {
        const map = subject.createMap({ type, keySize: 4, valueSize: 8, maxEntries: 1, flags: BPF_F_RDONLY_PROG });
        map.update(0, words(5, 6));
        if (frozen) map.freeze();
        // the branch that reads a register which was never written is dead if, and only if, the value is a constant
        const text = `*(u32 *)(r10 - 4) = 0\n r2 = r10\n r2 += -4\n r1 = map(target) ll\n call 1\n if r0 != 0 goto +1\n exit
          r0 = *(u32 *)(r0 + 4)\n if r0 == 6 goto +1\n r0 = r9\n exit`;
        await ask.later(`${name}, frozen ${frozen}: a branch on a value`, async () =>
          shownRun(await subject.loadProgram({ text, maps: { target: map } }), { data: frame(14) }),
        );
        const read = text.replace('if r0 == 6 goto +1\n r0 = r9\n ', '');
        await ask.later(`${name}, frozen ${frozen}: a value`, async () =>
          shownRun(await subject.loadProgram({ text: read, maps: { target: map } }), { data: frame(14) }),
        );
        const direct = 'r1 = map_value(target) ll\n r0 = *(u32 *)(r1 + 4)\n if r0 == 6 goto +1\n r0 = r9\n exit';
        await ask.later(`${name}, frozen ${frozen}: a value by its address`, async () =>
          shownRun(await subject.loadProgram({ text: direct, maps: { target: map } }), { data: frame(14) }),
        );
      }
    }
  },
};

export const CALL_CASES: readonly Case[] = [tailCalls, chains, ...loops, programMaps, constants];
