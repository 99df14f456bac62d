/** Random XDP programs: statements, branches, loops with counters and functions, around the maps `state`, `table` and `cpus`. */
import { randomOf } from './random.ts';
import { COMPARISONS, statements } from './statements.ts';

const DEEPEST = 3;

export function randomXdpProgram(seed: number): string {
  const random = randomOf(seed);
  const { below, pick, chance } = random;
  const { scalar, half, immediate, alu, packet, value, stack, call } = statements(random);
  let labels = 0;
  const label = (): string => `l${labels++}`;

  function branch(depth: number): string {
    const [end, other] = [label(), label()];
    const [a, b] = chance(65) ? [scalar(), scalar()] : [half(scalar()), half(scalar())];
    const compare = `if ${a} ${pick(COMPARISONS)} ${chance(60) ? immediate() : b} goto ${other}`;
    return `${compare}\n ${body(1 + below(3), depth + 1)}\n goto ${end}\n${other}:\n ${body(below(3), depth + 1)}\n${end}:\n r0 = r0`;
  }

  function loop(depth: number): string {
    const head = label();
    const slot = 88 + 8 * depth;
    return `*(u64 *)(r10 - ${slot}) = 0\n${head}:\n ${body(1 + below(3), depth + 1)}
      r5 = *(u64 *)(r10 - ${slot})\n r5 += 1\n *(u64 *)(r10 - ${slot}) = r5\n if r5 < ${1 + below(5)} goto ${head}`;
  }

  function unit(depth: number): string {
    const n = below(100);
    if (n < 36) return alu();
    if (n < 48) return packet();
    if (n < 58) return value();
    if (n < 72) return stack();
    if (n < 84) return call();
    if (depth >= DEEPEST) return alu();
    return n < 88 ? loop(depth) : branch(depth);
  }

  function body(count: number, depth: number): string {
    return Array.from({ length: count }, () => unit(depth)).join('\n ');
  }

  const zeros = Array.from({ length: 8 }, (_, i) => `*(u64 *)(r10 - ${8 * (i + 1)}) = ${immediate()}`).join('\n ');
  const text = `r6 = r1
    r7 = *(u32 *)(r1 + 0)
    r8 = *(u32 *)(r1 + 4)
    *(u32 *)(r10 - 80) = ${below(4)}
    r2 = r10
    r2 += -80
    r1 = map(state) ll
    call 1
    r9 = r0
    if r9 == 0 goto out
    ${zeros}
    r1 = r7
    r1 += 14
    if r1 > r8 goto out
    r0 = *(u64 *)(r7 + 0)
    r1 = *(u32 *)(r7 + 8)
    r2 = *(u8 *)(r7 + 12)
    r3 = *(u32 *)(r9 + 0)
    r4 = *(u64 *)(r9 + 8)
    r5 = ${immediate()}
    ${body(4 + below(14), 0)}
    *(u64 *)(r9 + 16) = r0
    *(u64 *)(r9 + 24) = ${scalar()}
    r1 = r0
    r2 = r7
    r3 = r8
    r4 = r9
    call inPacket
    r1 = ${below(100)}
    r2 = r10
    r2 += -${8 * (1 + below(8))}
    call onStack
    exit
  out:
    r0 = 2
    exit
  inPacket:
    r0 = r1
    r5 = r2
    r5 += 14
    if r5 > r3 goto inPacketOut
    r0 = *(u16 *)(r2 + ${below(13)})
    r1 &= 31
    r4 += r1
    *(u64 *)(r4 + ${below(24)}) = r0
  inPacketOut:
    exit
  onStack:
    r0 = *(u64 *)(r2 + 0)
    *(u64 *)(r2 + 0) = r1
    exit`;
  return text.replaceAll('+ -', '- ');
}
