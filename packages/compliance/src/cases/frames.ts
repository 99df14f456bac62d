/** Frames for programs: their first bytes are an Ethernet header, and from byte 14 on they carry the program's arguments. */

/** Where the arguments begin, 8 bytes each. */
const ARGUMENTS = 14;

/** A frame whose bytes all differ from their neighbours, with arguments of 64 bits in it. */
export function frame(length: number, ...args: readonly (number | bigint)[]): Uint8Array {
  const bytes = Uint8Array.from({ length }, (_, i) => (i * 7 + 3) & 0xff);
  const view = new DataView(bytes.buffer);
  for (const [i, arg] of args.entries()) view.setBigUint64(ARGUMENTS + 8 * i, BigInt.asUintN(64, BigInt(arg)), true);
  return bytes;
}

/**
 * A program with `count` arguments of the frame in r2, r3 and so on, the context in r6 and the frame's start in r7. 77
 * says that the frame is too short. Helpers that move the packet end r7.
 */
export function withArguments(count: number, body: string): string {
  const loads = Array.from({ length: count }, (_, i) => `r${i + 2} = *(u64 *)(r7 + ${ARGUMENTS + 8 * i})`);
  return `r6 = r1
    r7 = *(u32 *)(r1 + 0)
    r8 = *(u32 *)(r1 + 4)
    r5 = r7
    r5 += ${ARGUMENTS + 8 * count}
    if r5 > r8 goto short
    ${loads.join('\n')}
    ${body}
    exit
  short:
    r0 = 77
    exit`;
}

/** Behind a helper's call: its whole answer in the place of the first argument. */
export const KEEP_ANSWER = `*(u64 *)(r7 + ${ARGUMENTS}) = r0`;
