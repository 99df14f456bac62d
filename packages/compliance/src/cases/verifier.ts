/**
 * What a verifier knows of numbers, asked by programs that are refused unless it knows: a branch that no number takes reads
 * a register that was never written.
 */
import type { Case } from '../case.ts';

/** `condition` holds for all numbers, for whoever sees it. */
const dead = (setup: string, condition: string): string =>
  `r7 = *(u32 *)(r1 + 0)\n r8 = *(u32 *)(r1 + 4)\n r2 = r7\n r2 += 8\n if r2 > r8 goto out\n r2 = *(u64 *)(r7 + 0)
  ${setup}\n if ${condition} goto out\n r0 = r9\nout:\n r0 = 2\n exit`;

const FETCHES: Readonly<Record<string, string>> = {
  atomic_fetch_add: 'r5 = 1\n r5 = atomic_fetch_add((u64 *)(r10 - 8), r5)',
  'atomic_fetch_add of 32 bits': 'r5 = 1\n w5 = atomic_fetch_add((u32 *)(r10 - 8), w5)',
  xchg: 'r5 = 1\n r5 = xchg_64(r10 - 8, r5)',
  cmpxchg: 'r0 = 1\n r5 = 3\n r0 = cmpxchg_64(r10 - 8, r0, r5)\n r5 = r0',
};

const fetched: Case = {
  group: 'verifier',
  name: 'constants that atomic operations fetch from the stack',
  async run(subject, ask) {
    for (const [name, fetch] of Object.entries(FETCHES)) {
      await ask.later(name, async () => {
        const setup = `${name.endsWith('32 bits') ? '*(u32 *)(r10 - 8) = 7' : '*(u64 *)(r10 - 8) = 7'}\n ${fetch}`;
        await subject.loadProgram({ text: dead(setup, 'r5 == 7') });
      });
      await ask.later(`${name}, and what the slot holds after it`, async () => {
        const load = name.endsWith('32 bits') ? 'r5 = *(u32 *)(r10 - 8)' : 'r5 = *(u64 *)(r10 - 8)';
        const setup = `*(u64 *)(r10 - 8) = 7\n ${fetch}\n ${load}`;
        await subject.loadProgram({ text: dead(setup, 'r5 == 7') });
      });
    }
  },
};

const NUMBERS: Readonly<Record<string, readonly [setup: string, condition: string]>> = {
  'a mask': ['r2 &= 7', 'r2 < 8'],
  'an or': ['r2 |= 8', 'r2 != 0'],
  'a shift': ['r2 >>= 60', 'r2 < 16'],
  'an arithmetic shift': ['r2 s>>= 60', 'r2 s< 8'],
  'a product of a mask': ['r2 &= 7\n r2 *= 8', 'r2 < 57'],
  'low bits of a product': ['r2 *= 8', 'r2 != 4'],
  'a quotient': ['r2 /= 16', 'r2 < 0x10000000'],
  'a remainder': ['r2 %= 16', 'r2 < 16'],
  'a remainder of a constant': ['r2 = 37\n r2 %= 16', 'r2 == 5'],
  'a quotient of a constant': ['r2 = 37\n r2 /= 16', 'r2 == 2'],
  'a negated mask': ['r2 &= 7\n r2 = -r2', 'r2 s> -8'],
  'a sign-extended byte': ['r2 = (s8)r2', 'r2 s< 128'],
  'low bits of a sign-extended word': ['r2 |= 0x3f\n r2 = (s32)r2', 'r2 > 0x34'],
  'swapped bytes': ['r2 = be16 r2', 'r2 <= 0xffff'],
  'a multiple of 2^25 between 3 and 15': ['w2 <<= 25\n if w2 s<= 2 goto out', 'r2 s> 15'],
  'half of a number': ['w2 = w2', 'r2 <= 0x7fffffff'],
  'two comparisons': ['if r2 > 10 goto out\n if r2 < 3 goto out', 'r2 >= 3'],
  'a difference': ['r2 &= 7\n r3 = 8\n r3 -= r2', 'r3 > 0'],
  'equal registers': ['r3 = r2\n if r3 != 5 goto out', 'r2 == 5'],
  'a register and its sum': ['r3 = r2\n r3 += 4\n if r3 > 9 goto out', 'r2 != 100'],
  'a bit that is not set': ['if r2 & 4 goto out\n r2 &= 7', 'r2 != 6'],
};

const numbers: Case = {
  group: 'verifier',
  name: 'bounds of numbers',
  async run(subject, ask) {
    for (const [name, [setup, condition]] of Object.entries(NUMBERS)) {
      await ask.later(name, async () => {
        await subject.loadProgram({ text: dead(setup, condition) });
      });
    }
  },
};

export const VERIFIER_CASES: readonly Case[] = [fetched, numbers];
