/** Frames of several buffers: what the helpers see and move of them, whether the program says that it copes with frags or not. */
import { createHash } from 'node:crypto';
import type { TestRunOptions } from '@cpumap/host';
import type { Answer } from '../answer.ts';
import type { Case } from '../case.ts';
import type { SubjectProgram } from '../subject.ts';
import { frame } from './frames.ts';

const ADJUST_HEAD = 44;
const ADJUST_META = 54;
const ADJUST_TAIL = 65;
const GET_BUFF_LEN = 188;
const LOAD_BYTES = 189;
const STORE_BYTES = 190;

const group = 'frags';

/** Long frames by their length and a digest; of short ones all bytes. */
async function shown(program: SubjectProgram, options: TestRunOptions): Promise<Answer> {
  const { retval, data, ctx } = await program.testRun(options);
  const digest = createHash('sha256').update(data).digest('hex').slice(0, 16);
  const bytes = data.length > 64 ? `${data.length} bytes ${digest}` : Buffer.from(data).toString('hex');
  return { retval, data: bytes, ...(options.ctx === undefined ? {} : { ctx: Object.values(ctx) }) };
}

/** A frame whose first buffer ends at `linear`; it has `metadata` bytes in front. */
function input(length: number, linear: number, metadata = 0): TestRunOptions {
  return { data: frame(metadata + length), ctx: { data: metadata, data_end: metadata + linear } };
}

/** Of a few bytes, of whole frags, of several. */
const INPUTS: readonly (readonly [length: number, linear: number])[] = [
  [64, 64],
  [64, 63],
  [64, 20],
  [64, 14],
  [64, 13],
  [64, 0],
  [3520, 3520],
  [3521, 3520],
  [3520 + 4095, 3520],
  [3520 + 4096, 3520],
  [3520 + 4097, 3520],
  [9000, 3520],
  [9000, 100],
  [3520 + 17 * 4096, 3520],
];

const lengths: Case = {
  group,
  name: 'bpf_xdp_get_buff_len, and the part that the program reaches',
  async run(subject, ask) {
    for (const frags of [false, true]) {
      const whole = await subject.loadProgram({ text: `call ${GET_BUFF_LEN}\n exit`, frags });
      const reach = await subject.loadProgram({
        text: 'r0 = *(u32 *)(r1 + 4)\n r2 = *(u32 *)(r1 + 0)\n r0 -= r2\n exit',
        frags,
      });
      for (const [length, linear] of INPUTS) {
        const name = `${linear} of ${length}, frags ${frags}`;
        await ask.later(`${name}: length`, () => shown(whole, input(length, linear)));
        await ask.later(`${name}: reach`, () => shown(reach, input(length, linear)));
      }
    }
    const program = await subject.loadProgram({ text: 'r0 = 2\n exit', frags: true });
    for (const length of [9000, 65_535, 65_536, 73_151, 73_152, 73_153, 100_000]) {
      await ask.later(`${length} bytes`, () => shown(program, { data: frame(length) }));
    }
    for (const [length, linear, metadata] of [
      [60, 0, 4],
      [60, -1, 4],
      [14, 0, 4],
      [13, 0, 4],
      [8000, 3519, 8],
      [8000, 3520, 8],
      [8000, 3521, 8],
      [8000, 8000, 8],
      [8000, 8001, 8],
      [8000, 8000, 216],
      [8000, 8000, 252],
    ] as const) {
      await ask.later(`${linear} of ${length} behind ${metadata}`, () =>
        shown(program, input(length, linear, metadata)),
      );
    }
  },
};

const call = (helper: number, delta: number): string => `r1 = r6\n r2 = ${delta}\n call ${helper}\n`;

const tails: Case = {
  group,
  name: 'bpf_xdp_adjust_tail: limits',
  async run(subject, ask) {
    const around = (n: number): number[] => [n - 1, n, n + 1];
    for (const frags of [false, true]) {
      for (const [length, linear] of INPUTS) {
        const rest = length - linear;
        const last = rest === 0 ? 0 : ((rest - 1) % 4096) + 1;
        const deltas = new Set([
          ...[-0x80000000, -0x7fffffff, -1, 0, 1, 0x7fffffff],
          ...around(4096 - last),
          ...around(-last),
          ...around(-rest),
          ...around(14 - length),
        ]);
        for (const delta of deltas) {
          const program = await subject.loadProgram({ text: `r6 = r1\n ${call(ADJUST_TAIL, delta)} exit`, frags });
          const name = `${delta} with ${linear} of ${length}, frags ${frags}`;
          await ask.later(name, () => shown(program, input(length, linear)));
        }
      }
    }
  },
};

const sequences: Case = {
  group,
  name: 'one after the other, and again',
  async run(subject, ask) {
    const tail = [-5000, -484, -483, -16, 0, 16, 3612, 3613];
    for (const [name, text] of [
      ...tail.flatMap((a) =>
        tail.map((b) => [`tail ${a}, tail ${b}`, `${call(ADJUST_TAIL, a)} r7 = r0\n ${call(ADJUST_TAIL, b)}`] as const),
      ),
      ...[-216, -217, 86, 87].flatMap((head) => [
        [`head ${head}`, `r7 = 0\n ${call(ADJUST_HEAD, head)}`] as const,
        [`head ${head}, tail -8890`, `${call(ADJUST_HEAD, head)} r7 = r0\n ${call(ADJUST_TAIL, -8890)}`] as const,
        [`tail -8890, head ${head}`, `${call(ADJUST_TAIL, -8890)} r7 = r0\n ${call(ADJUST_HEAD, head)}`] as const,
      ]),
      ...[-4, -216, -220].map(
        (meta) =>
          [`meta ${meta}, tail -484`, `${call(ADJUST_META, meta)} r7 = r0\n ${call(ADJUST_TAIL, -484)}`] as const,
      ),
    ]) {
      const program = await subject.loadProgram({
        text: `r6 = r1\n ${text} r0 <<= 8\n r0 ^= r7\n r7 = r0\n r1 = r6\n call ${GET_BUFF_LEN}\n r0 <<= 16\n r0 ^= r7\n exit`,
        frags: true,
      });
      for (const repeat of [1, 3]) {
        await ask.later(`${name}, ${repeat} times`, () => shown(program, { ...input(9000, 100), repeat }));
      }
    }
  },
};

const SIZES = [1, 2, 8, 31, 32];

const bytes: Case = {
  group,
  name: 'bpf_xdp_load_bytes and bpf_xdp_store_bytes across buffers',
  async run(subject, ask) {
    const filled = [0, 1, 2, 3].map((i) => `*(u64 *)(r10 - ${32 - 8 * i}) = ${0x11111111 * (i + 1)}`).join('\n');
    for (const [length, linear] of [
      [64, 20],
      [64, 0],
      [3600, 3520],
      [9000, 3520],
      [73_152, 3520],
    ] as const) {
      const edges = [0, linear, linear + 4096, length].filter((edge) => edge <= length);
      const offsets = new Set(edges.flatMap((edge) => [edge - 33, edge - 32, edge - 1, edge]));
      for (const [name, helper] of [
        ['load', LOAD_BYTES],
        ['store', STORE_BYTES],
      ] as const) {
        for (const size of SIZES) {
          for (const offset of [...offsets].filter((one) => one >= 0)) {
            const text = `${filled}\n r6 = r1\n r2 = ${offset}\n r3 = r10\n r3 += -32\n r4 = ${size}\n call ${helper}
              if r0 != 0 goto out\n r0 = *(u64 *)(r10 - 32)\n r1 = *(u64 *)(r10 - 8)\n r0 ^= r1\nout:\n exit`;
            await ask.later(`${name} ${size} at ${offset} with ${linear} of ${length}`, async () =>
              shown(await subject.loadProgram({ text, frags: offset % 2 === 0 }), input(length, linear)),
            );
          }
        }
      }
    }
  },
};

export const FRAG_CASES: readonly Case[] = [lengths, tails, sequences, bytes];
