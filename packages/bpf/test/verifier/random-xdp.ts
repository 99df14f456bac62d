/**
 * Random XDP programs in the manner of compiled ones: packet and map accesses behind comparisons, spills, loops with
 * counters, functions, callbacks. Comparisons and offsets are often just right and sometimes just wrong, so that the
 * verifier accepts about half of the programs, for reasons that matter.
 *
 * r6 is the context, r7 data, r8 data_end, r9 a value of map 1; r0 to r5 hold numbers.
 */
import { randomOf } from '../objects/load.ts';

const ALU = ['+=', '-=', '*=', '&=', '|=', '^=', '<<=', '>>=', 's>>=', '/=', '%='];
const COMPARE = ['==', '!=', '>', '>=', '<', '<=', 's>', 's>=', 's<', 's<=', '&'];
const SIZES = [1, 2, 4, 8];

export function randomXdpProgram(seed: number): string {
  const random = randomOf(seed);
  const pick = <T>(list: readonly T[]): T => list[random(list.length)]!;
  const chance = (percent: number): boolean => random(100) < percent;
  /** A number near `n`, mostly `n` itself. */
  const near = (n: number): number => (chance(96) ? n : n + pick([-1, 1, 2, -2, 8]));
  let labels = 0;
  const label = (): string => `l${labels++}`;
  const scalar = (): string => `r${random(6)}`;
  const w = (register: string): string => register.replace('r', 'w');
  const imm = (): number =>
    pick([
      0,
      1,
      2,
      3,
      7,
      8,
      14,
      15,
      31,
      63,
      64,
      255,
      256,
      4095,
      65535,
      -1,
      -2,
      -8,
      -64,
      0x7fffffff,
      -0x80000000,
      random(1000),
    ]);

  function alu(): string {
    const d = scalar();
    switch (random(8)) {
      case 0:
        return `${d} = ${scalar()}`;
      case 1:
        return `${d} = ${imm()}`;
      case 2: {
        const [a, b] = [w(d), w(scalar())];
        return `${a} = ${b}`;
      }
      case 3:
        return pick([`${d} = -${d}`, `${w(d)} = -${w(d)}`, `${d} = be16 ${d}`, `${d} = be32 ${d}`, `${d} = le16 ${d}`]);
      case 4:
        return pick([
          `${d} = (s8)${scalar()}`,
          `${d} = (s16)${scalar()}`,
          `${d} = (s32)${scalar()}`,
          `${w(d)} = (s8)${w(scalar())}`,
        ]);
      default: {
        const sign = pick(ALU);
        const wide = chance(60);
        const isShift = sign.endsWith('<=') || sign.endsWith('>>=') || sign === '<<=';
        const n = isShift ? random(wide ? 64 : 32) : sign === '/=' || sign === '%=' ? 1 + random(100) : imm();
        const right = chance(65) ? `${n}` : wide ? scalar() : w(scalar());
        return `${wide ? d : w(d)} ${sign} ${right}`;
      }
    }
  }

  /** Makes `register` a number from 0 to at most `max`, by one of the ways that compilers use. */
  function bounded(register: string, max: number): string {
    const power = 2 ** Math.floor(Math.log2(max + 1)) - 1;
    switch (random(7)) {
      case 0:
        return `${register} &= ${near(power)}`;
      case 1:
        return `if ${register} > ${near(max)} goto out`;
      case 2:
        return `${w(register)} &= ${near(power)}`;
      case 3:
        return `if ${register} s> ${near(max)} goto out\n if ${register} s< ${chance(97) ? 0 : -1} goto out`;
      case 4:
        return `${w(register)} = ${w(register)}\n if ${w(register)} >= ${near(max + 1)} goto out`;
      case 5: {
        const other = scalar();
        if (other === register) return `${register} &= ${power}`;
        return `${other} = ${register}\n if ${other} > ${near(max)} goto out`;
      }
      default:
        return `${register} >>= ${64 - Math.max(1, Math.floor(Math.log2(max + 1)))}`;
    }
  }

  const load = (d: string, size: number, address: string): string =>
    size < 8 && chance(15) ? `${d} = *(s${8 * size} *)(${address})` : `${d} = *(u${8 * size} *)(${address})`;

  function packet(): string {
    const size = pick(SIZES);
    const length = size + random(40);
    const t = scalar();
    const compare = pick([
      `if ${t} > r8 goto out`,
      `if r8 < ${t} goto out`,
      `if ${t} >= r8 goto out`,
      `if r8 <= ${t} goto out`,
    ]);
    const at = near(length - size);
    const access = chance(75) ? load(scalar(), size, `r7 + ${at}`) : `*(u${8 * size} *)(r7 + ${at}) = ${imm()}`;
    return `${t} = r7\n ${t} += ${length}\n ${compare}\n ${t} = ${random(9)}\n ${access}`;
  }

  function variablePacket(): string {
    const size = pick(SIZES);
    const [i, t, u] = pick([
      ['r0', 'r1', 'r2'],
      ['r3', 'r4', 'r5'],
      ['r5', 'r0', 'r1'],
    ] as const);
    const extra = random(20);
    return `${bounded(i, pick([15, 60, 255, 1000]))}\n ${t} = r7\n ${t} += ${i}\n ${u} = ${t}\n ${u} += ${size + extra}
  if ${u} > r8 goto clean${labels}\n ${load(u, size, `${t} + ${near(random(extra + 1))}`)}
clean${labels++}:\n ${t} = 1\n ${u} = 2`;
  }

  function value(): string {
    const size = pick(SIZES);
    const i = scalar();
    const base = random(40);
    const max = 64 - size - base;
    const t = pick(['r0', 'r1', 'r2', 'r3', 'r4', 'r5'].filter((r) => r !== i));
    const access = pick([
      load(t, size, `${t} + ${near(base)}`),
      `*(u${8 * size} *)(${t} + ${near(base)}) = ${i}\n ${t} = 3`,
      `*(u${8 * size} *)(${t} + ${near(base)}) = ${imm()}\n ${t} = 4`,
    ]);
    const subtract = chance(15);
    if (subtract) return `${bounded(i, max)}\n ${t} = r9\n ${t} += ${max}\n ${t} -= ${i}\n ${access}`;
    return `${bounded(i, max)}\n ${t} = r9\n ${t} += ${i}\n ${access}`;
  }

  function stack(): string {
    const slot = 8 * (2 + random(6));
    const r = pick(['r0', 'r1', 'r2', 'r3', 'r4', 'r5', 'r0', 'r1', 'r2', 'r3', 'r9', 'r7']);
    const s = scalar();
    switch (random(8)) {
      case 0:
        return `*(u64 *)(r10 - ${slot}) = ${s}`;
      case 1:
        return `${s} = *(u64 *)(r10 - ${slot})`;
      case 2:
        return `*(u32 *)(r10 - ${slot - pick([0, 4])}) = ${s}`;
      case 3: {
        const size = pick([1, 2, 4]);
        return load(s, size, `r10 - ${slot - size * random(8 / size)}`);
      }
      case 4:
        return `*(u64 *)(r10 - ${slot}) = ${r}\n ${alu()}\n ${r === 'r7' || r === 'r9' ? `${r} = *(u64 *)(r10 - ${slot})\n *(u64 *)(r10 - ${slot}) = 5` : `${s} = *(u64 *)(r10 - ${slot})`}`;
      case 5: {
        const t = pick(['r0', 'r1', 'r2', 'r3', 'r4', 'r5'].filter((one) => one !== s));
        return `${bounded(s, 7)}\n ${s} <<= 3\n ${t} = r10\n ${t} += -64\n ${t} += ${s}\n ${pick([`${t} = *(u64 *)(${t} + ${near(0) * 8})`, `*(u64 *)(${t} + ${near(0) * 8}) = ${s}\n ${t} = 1`])}`;
      }
      case 6:
        return `*(u${pick([8, 16])} *)(r10 - ${slot - pick([0, 2, 4, 6])}) = ${imm()}`;
      default:
        return pick([
          `${s} = atomic_fetch_add((u64 *)(r10 - ${slot}), ${s})`,
          `lock *(u64 *)(r9 + ${near(8 * random(8))}) += ${s}`,
          `${s} = xchg_64(r9 + ${near(8 * random(8))}, ${s})`,
          `r0 = cmpxchg_64(r10 - ${slot}, r0, ${s})`,
        ]);
    }
  }

  const RESET = 'r1 = 1\n r2 = 2\n r3 = 3\n r4 = 4\n r5 = 5';

  function call(): string {
    switch (random(7)) {
      case 0:
        return `call 7\n ${RESET}`;
      case 1:
        return `r1 = ${scalar()}\n r2 = r7\n r3 = r8\n r4 = r9\n call f1\n ${RESET}`;
      case 2:
        return `r1 = ${scalar()}\n r2 = r10\n r2 += -${8 * (1 + random(8))}\n call f2\n ${RESET}`;
      case 3:
        return `*(u64 *)(r10 - 8) = ${imm()}\n r1 = ${pick([0, 1, 3, 100])}\n r2 = code_addr(turn) ll\n r3 = r10\n r3 += -8\n r4 = 0\n call 181\n ${RESET}`;
      case 4: {
        const skip = label();
        return `r0 = ${pick([0, 3, 99])}\n *(u32 *)(r10 - 8) = r0\n r2 = r10\n r2 += -8\n r1 = map_by_fd(1) ll\n call 1\n ${chance(96) ? `if r0 == 0 goto ${skip}` : ''}\n r9 = r0\n${skip}:\n r0 = 0\n ${RESET}`;
      }
      case 5:
        return `r1 = r6\n r2 = ${pick([0, 2, -4])}\n call 44\n ${chance(95) ? 'r7 = *(u32 *)(r6 + 0)\n r8 = *(u32 *)(r6 + 4)' : ''}\n ${RESET}`;
      default:
        return `call 8\n ${RESET}`;
    }
  }

  function loop(depth: number): string {
    const head = label();
    const slot = 72 + 8 * depth;
    return `*(u64 *)(r10 - ${slot}) = 0\n${head}:\n ${body(2 + random(3), depth + 1)}
  r5 = *(u64 *)(r10 - ${slot})\n r5 += 1\n *(u64 *)(r10 - ${slot}) = r5\n if r5 < ${1 + random(6)} goto ${head}`;
  }

  function branch(depth: number): string {
    const [end, other] = [label(), label()];
    const wide = chance(65);
    const [a, b] = [scalar(), scalar()];
    const right = chance(60) ? `${imm()}` : wide ? b : w(b);
    const compare = `if ${wide ? a : w(a)} ${pick(COMPARE)} ${right} goto ${other}`;
    return `${compare}\n ${body(1 + random(3), depth + 1)}\n goto ${end}\n${other}:\n ${body(random(3), depth + 1)}\n${end}:\n r0 = r0`;
  }

  function unit(depth: number): string {
    const n = random(100);
    if (n < 38) return alu();
    if (n < 46) return packet();
    if (n < 52) return variablePacket();
    if (n < 62) return value();
    if (n < 78) return stack();
    if (n < 85) return call();
    if (n < 88 && depth < 2) return loop(depth);
    return depth < 3 ? branch(depth) : alu();
  }

  function body(count: number, depth: number): string {
    return Array.from({ length: count }, () => unit(depth)).join('\n ');
  }

  const main = body(4 + random(14), 0);
  const text = `r6 = r1
  r7 = *(u32 *)(r1 + 0)
  r8 = *(u32 *)(r1 + 4)
  *(u32 *)(r10 - 4) = 7
  r2 = r10
  r2 += -4
  r1 = map_by_fd(1) ll
  call 1
  r9 = r0
  if r9 == 0 goto out
  r0 = 0
  ${RESET}
  r3 = *(u32 *)(r9 + 0)
  r4 = *(u64 *)(r9 + 8)
  ${main}
  r1 = r0
  r2 = r7
  r3 = r8
  r4 = r9
  call f1
  r1 = 0
  r2 = r10
  r2 += -16
  call f2
  r1 = 2
  r2 = code_addr(turn) ll
  r3 = r10
  r3 += -8
  r4 = 0
  call 181
out:
  r0 = 2
  exit
f1:
  r5 = r2
  r5 += 14
  if r5 > r3 goto f1out
  r0 = *(u16 *)(r2 + ${near(12)})
  r1 &= 63
  if r1 > ${near(56)} goto f1out
  r4 += r1
  *(u64 *)(r4 + 0) = r0
f1out:
  r0 = 1
  exit
f2:
  r0 = *(u64 *)(r2 + 0)
  *(u64 *)(r2 + 0) = r1
  *(u64 *)(r10 - 8) = r0
  exit
turn:
  r3 = *(u64 *)(r2 + 0)
  r3 += 1
  *(u64 *)(r2 + 0) = r3
  r1 &= 31
  r4 = map_val(map_by_fd(11)) ll
  r4 += r1
  *(u8 *)(r4 + ${near(8)}) = r3
  r0 = 0
  ${chance(30) ? 'if r1 == 3 goto +0' : ''}
  exit`;
  return text.replaceAll('+ -', '- ');
}
