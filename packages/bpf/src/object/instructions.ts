/**
 * The few facts about instructions that linking needs: which slots refer to something, and how.
 *
 * A slot is 8 bytes: opcode, registers (destination in the low half, source in the high one), 16-bit offset, 32-bit
 * immediate. ld_imm64 takes two slots; a call takes one.
 */
import type { ByteReader } from '../elf/byte-reader.ts';

export const SLOT = 8;
const LD_IMM64 = 0x18;
const CALL = 0x85;
/** What the source register of the two says. */
export const PSEUDO = { MAP_FD: 1, MAP_VALUE: 2, FUNC: 4, CALL: 1, KFUNC_CALL: 2 } as const;

export interface ReferringSlot {
  readonly slot: number;
  readonly kind: 'load' | 'call';
  readonly source: number;
  /** What the compiler left in the immediate: bytes for a load, slots for a call. */
  readonly immediate: number;
}

/** All ld_imm64 and calls of a code section. @throws ObjectError bad-program where the last ld_imm64 is cut off */
export function referringSlots(reader: ByteReader): ReferringSlot[] {
  if (reader.length % SLOT !== 0)
    reader.fail('bad-program', reader.length, `code of ${reader.length} bytes, no multiple of 8`);
  const found: ReferringSlot[] = [];
  for (let at = 0; at < reader.length; at += SLOT) {
    const opcode = reader.u8(at);
    if (opcode !== LD_IMM64 && opcode !== CALL) continue;
    const slot = at / SLOT;
    const source = reader.u8(at + 1) >> 4;
    const immediate = reader.i32(at + 4);
    if (opcode === CALL) {
      found.push({ slot, kind: 'call', source, immediate });
      continue;
    }
    if (at + 2 * SLOT > reader.length) reader.fail('bad-program', at, 'an ld_imm64 without its second slot');
    found.push({ slot, kind: 'load', source, immediate });
    at += SLOT;
  }
  return found;
}

export function isCall(code: DataView, slot: number): boolean {
  return code.getUint8(slot * SLOT) === CALL;
}

/** Sets the source register and the immediate of a slot of `code`. */
export function patchSlot(code: DataView, slot: number, source: number, immediate: number): void {
  const at = slot * SLOT;
  code.setUint8(at + 1, (code.getUint8(at + 1) & 0xf) | (source << 4));
  code.setInt32(at + 4, immediate, true);
}

/** Sets the immediate of the second slot of an ld_imm64: the upper half, or the offset in a map's value. */
export function patchSecondSlot(code: DataView, slot: number, immediate: number): void {
  code.setInt32((slot + 1) * SLOT + 4, immediate, true);
}
