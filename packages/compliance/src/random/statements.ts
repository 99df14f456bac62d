/**
 * What random programs are made of: pieces of code that a verifier accepts most of the time, because comparisons and
 * offsets are mostly right, and refuses sometimes, because they are not always.
 *
 * r6 is the context, r7 and r8 the packet's ends, r9 a value of `state`; r0 to r5 are numbers, and so are the stack's
 * upper eight slots. No number is made of an address or of time, so that two machines compute the same.
 */
import type { Random } from './random.ts';

export const VALUE_SIZE = 64;
const SLOTS = 8;
const SIZES = [1, 2, 4, 8];
const IMMEDIATES = [
  0, 1, 2, 3, 7, 8, 14, 31, 32, 63, 64, 255, 256, 4095, 65535, -1, -2, -8, -64, 0x7fffffff, -0x80000000,
];
const ALU = ['+=', '-=', '*=', '&=', '|=', '^=', '<<=', '>>=', 's>>=', '/=', '%='];
export const COMPARISONS = ['==', '!=', '>', '>=', '<', '<=', 's>', 's>=', 's<', 's<=', '&'];
/** After a call: r1 to r5 are gone. */
const AFTER_CALL = 'r1 = 1\n r2 = 2\n r3 = 3\n r4 = 4\n r5 = 5';
const RELOAD = 'r7 = *(u32 *)(r6 + 0)\n r8 = *(u32 *)(r6 + 4)';

/** Numbers of helpers. */
const HELPER = {
  lookup: 1,
  update: 2,
  remove: 3,
  adjustHead: 44,
  redirectMap: 51,
  adjustMeta: 54,
  adjustTail: 65,
  loadBytes: 189,
};

export interface Statements {
  scalar(): string;
  half(register: string): string;
  immediate(): number;
  alu(): string;
  packet(): string;
  value(): string;
  stack(): string;
  call(): string;
}

export function statements({ below, pick, chance }: Random): Statements {
  /** A number near `n`, mostly `n` itself. */
  const near = (n: number): number => (chance(97) ? n : n + pick([-1, 1, 2, 8]));
  const scalar = (): string => `r${below(6)}`;
  const half = (register: string): string => register.replace('r', 'w');
  const immediate = (): number => (chance(80) ? pick(IMMEDIATES) : below(100_000));
  const at = (base: string, offset: number): string => (offset < 0 ? `${base} - ${-offset}` : `${base} + ${offset}`);
  const others = (...taken: readonly string[]): string =>
    pick(['r0', 'r1', 'r2', 'r3', 'r4', 'r5'].filter((r) => !taken.includes(r)));

  function access(size: number, address: string): string {
    const type = `${size < 8 && chance(20) ? 's' : 'u'}${8 * size}`;
    const write = `u${8 * size}`;
    return pick([
      `${scalar()} = *(${type} *)(${address})`,
      `${scalar()} = *(u${8 * size} *)(${address})`,
      `*(${write} *)(${address}) = ${immediate()}`,
    ]);
  }

  function alu(): string {
    const to = scalar();
    const wide = chance(60);
    const [d, from] = wide ? [to, scalar()] : [half(to), half(scalar())];
    switch (below(6)) {
      case 0:
        return `${d} = ${chance(50) ? from : immediate()}`;
      case 1:
        return pick([
          `${d} = -${d}`,
          `${to} = be16 ${to}`,
          `${to} = be32 ${to}`,
          `${to} = be64 ${to}`,
          `${to} = le16 ${to}`,
          `${to} = le32 ${to}`,
        ]);
      case 2:
        return pick([
          `${to} = (s8)${scalar()}`,
          `${to} = (s16)${scalar()}`,
          `${to} = (s32)${scalar()}`,
          `${half(to)} = (s8)${half(scalar())}`,
          `${half(to)} = (s16)${half(scalar())}`,
        ]);
      default: {
        const sign = pick(ALU);
        const isShift = sign.startsWith('<<') || sign.includes('>>');
        const isDivision = sign === '/=' || sign === '%=';
        const number = isShift ? below(wide ? 64 : 32) : isDivision ? 1 + below(1000) : immediate();
        return `${d} ${sign} ${chance(55) ? number : from}`;
      }
    }
  }

  /** Makes a register a number from 0 to `max`, by one of the ways that compilers use. */
  function bounded(register: string, max: number): string {
    const mask = 2 ** Math.floor(Math.log2(max + 1)) - 1;
    return pick([
      `${register} &= ${near(mask)}`,
      `${half(register)} &= ${near(mask)}`,
      `if ${register} > ${near(max)} goto out`,
      `if ${register} s> ${near(max)} goto out\n if ${register} s< 0 goto out`,
      `${half(register)} = ${half(register)}\n if ${half(register)} >= ${near(max + 1)} goto out`,
      `${register} %= ${near(max + 1)}`,
    ]);
  }

  function packet(): string {
    const size = pick(SIZES);
    const reach = size + below(chance(80) ? 14 : 60);
    const end = scalar();
    const check = pick([`if ${end} > r8 goto out`, `if r8 < ${end} goto out`, `if ${end} >= r8 goto out`]);
    const fixed = `${end} = r7\n ${end} += ${near(reach)}\n ${check}\n ${end} = ${immediate()}\n`;
    if (chance(65)) return `${fixed} ${access(size, at('r7', near(reach - size)))}`;
    const index = others(end);
    const to = others(end, index);
    const max = pick([7, 15, 60, 255]);
    const room = below(8);
    return `${bounded(index, max)}\n ${end} = r7\n ${end} += ${index}\n ${index} = ${end}\n ${index} += ${size + room}
      if ${index} > r8 goto out\n ${to} = *(u${8 * size} *)(${at(end, near(room))})\n ${end} = 1\n ${index} = 2`;
  }

  function value(): string {
    const size = pick(SIZES);
    if (chance(40)) return access(size, at('r9', near(size * below(VALUE_SIZE / size))));
    const index = scalar();
    const pointer = others(index);
    const base = below(24);
    const reach = VALUE_SIZE - size - base;
    const use = pick([
      `${pointer} = *(u${8 * size} *)(${at(pointer, near(base))})`,
      `*(u${8 * size} *)(${at(pointer, near(base))}) = ${index}\n ${pointer} = 3`,
    ]);
    return `${bounded(index, reach)}\n ${pointer} = r9\n ${pointer} += ${index}\n ${use}`;
  }

  function stack(): string {
    const slot = 8 * (1 + below(SLOTS));
    const s = scalar();
    switch (below(6)) {
      case 0:
        return `*(u64 *)(r10 - ${slot}) = ${s}`;
      case 1:
        return `${s} = *(u64 *)(r10 - ${slot})`;
      case 2: {
        const size = pick([1, 2, 4]);
        return access(size, `r10 - ${slot - size * below(8 / size)}`);
      }
      case 3: {
        const pointer = others(s);
        return `${bounded(s, 7)}\n ${s} <<= 3\n ${pointer} = r10\n ${pointer} += -64\n ${pointer} += ${s}
          ${pick([`${pointer} = *(u64 *)(${pointer} + 0)`, `*(u64 *)(${pointer} + ${near(0)}) = ${s}\n ${pointer} = 1`])}`;
      }
      case 4: {
        const pointer = pick(['r7', 'r9']);
        return `*(u64 *)(r10 - 72) = ${pointer}\n ${alu()}\n ${pointer} = *(u64 *)(r10 - 72)`;
      }
      default:
        return pick([
          `lock *(u64 *)(r10 - ${slot}) += ${s}`,
          `lock *(u64 *)(r9 + ${near(8 * below(8))}) += ${s}`,
          `lock *(u32 *)(r9 + ${near(4 * below(16))}) ^= ${half(s)}`,
          `${s} = xchg_64(r9 + ${near(8 * below(8))}, ${s})`,
          `r0 = cmpxchg_64(r9 + ${near(8 * below(8))}, r0, ${s})`,
        ]);
    }
  }

  /** Of a map with 4-byte keys: its key in r2. */
  const key = (map: string, register: string): string =>
    `*(u32 *)(r10 - 80) = ${half(register)}\n r2 = r10\n r2 += -80\n r1 = map(${map}) ll\n`;

  function call(): string {
    const s = scalar();
    switch (below(9)) {
      case 0:
        return `r1 = ${s}\n r2 = r7\n r3 = r8\n r4 = r9\n call inPacket\n ${AFTER_CALL}`;
      case 1:
        return `r1 = ${s}\n r2 = r10\n r2 += -${8 * (1 + below(SLOTS))}\n call onStack\n ${AFTER_CALL}`;
      case 2:
        return `${s} &= 3\n ${key('state', s)} call ${HELPER.lookup}\n ${chance(95) ? 'if r0 == 0 goto out\n' : ''} r9 = r0\n r0 = 0\n ${AFTER_CALL}`;
      case 3:
        return `${s} &= 7\n ${key('table', s)} r3 = r9\n r4 = ${pick([0, 0, 1, 2, 3])}\n call ${HELPER.update}\n ${AFTER_CALL}`;
      case 4:
        return `${s} &= 7\n ${key('table', s)} call ${HELPER.remove}\n ${AFTER_CALL}`;
      case 5: {
        const [helper, deltas] = pick([
          [HELPER.adjustHead, [-8, -2, 2, 8, 14, -300]],
          [HELPER.adjustMeta, [-8, -4, 4, 0, -3]],
          [HELPER.adjustTail, [-8, -1, 1, 20, 4000]],
        ] as const);
        return `r1 = r6\n r2 = ${pick(deltas)}\n call ${helper}\n ${chance(95) ? RELOAD : ''}\n ${AFTER_CALL}`;
      }
      case 6:
        return `r2 = ${s}\n r2 &= 7\n r1 = map(cpus) ll\n r3 = ${pick([0, 1, 2, 3, 4])}\n call ${HELPER.redirectMap}\n ${AFTER_CALL}`;
      case 7: {
        const size = pick([1, 4, 8, 16]);
        return `r2 = ${s}\n r2 &= 63\n r3 = r10\n r3 += -64\n r4 = ${near(size)}\n r1 = r6\n call ${HELPER.loadBytes}\n ${AFTER_CALL}`;
      }
      default:
        return `${s} &= 7\n ${key('table', s)} call ${HELPER.lookup}\n if r0 == 0 goto +1\n r0 = *(u64 *)(r0 + ${near(8 * below(8))})\n ${AFTER_CALL}`;
    }
  }

  return { scalar, half, immediate, alu, packet, value, stack, call };
}
