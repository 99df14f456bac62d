/**
 * Instructions with another value in them, as bytes: the immediate of a move or of arithmetic, the offset of a load or
 * store, the 64 bits of a wide load.
 *
 * What cannot be resolved is poisoned, as libbpf does it: a call of a helper that no kernel has. Behind a test that the
 * field exists the verifier never comes there; anywhere else it refuses the program.
 */
import { BPF_CLASS, BPF_MODE, BPF_SIZE, OPCODE } from '../isa/opcodes.ts';

/** The helper of a poisoned instruction: reads as "bad relo". */
export const CORE_POISON = 0xbad2310;

const SIZE_OF_BYTES: Readonly<Record<number, number>> = { 1: BPF_SIZE.B, 2: BPF_SIZE.H, 4: BPF_SIZE.W, 8: BPF_SIZE.DW };
const SIZE_MASK = 0x18;
const MODE_MASK = 0xe0;
const IMMEDIATE = { source: 0x08, imm: 4, nextImm: 12, offset: 2 };

export interface CorePatch {
  /** What the instruction has now; undefined if that is not to be compared. */
  readonly from: bigint | undefined;
  readonly to: bigint;
  /** Bytes that a load or store moves, now and then. */
  readonly fromBytes: number;
  readonly toBytes: number;
  /** Whether it means the same with the other number of bytes. */
  readonly mayResize: boolean;
}

const OPERATIONS_ON_MEMORY: readonly number[] = [BPF_CLASS.LDX, BPF_CLASS.ST, BPF_CLASS.STX];

/** Whether the instruction would have to move another number of bytes and cannot. */
export function cannotMove(view: DataView, slot: number, { fromBytes, toBytes, mayResize }: CorePatch): boolean {
  return fromBytes !== toBytes && !mayResize && OPERATIONS_ON_MEMORY.includes(view.getUint8(slot * 8) & 0x07);
}

export function poison(view: DataView, slot: number): void {
  const slots = view.getUint8(slot * 8) === OPCODE.LD_IMM64 ? 2 : 1;
  for (let i = slot; i < slot + slots; i++) {
    view.setBigUint64(i * 8, 0n);
    view.setUint8(i * 8, OPCODE.CALL);
    view.setInt32(i * 8 + IMMEDIATE.imm, CORE_POISON, true);
  }
}

/** @returns what is wrong with the instruction, if something is; it is not changed then */
export function patch(view: DataView, slot: number, { from, to, fromBytes, toBytes }: CorePatch): string | undefined {
  const at = slot * 8;
  const opcode = view.getUint8(at);
  const differs = (found: bigint): string | undefined =>
    from === undefined || found === BigInt.asIntN(64, from)
      ? undefined
      : `it holds ${found}, and the program's own types say ${from}`;

  switch (opcode & 0x07) {
    case BPF_CLASS.ALU:
    case BPF_CLASS.ALU64: {
      if ((opcode & IMMEDIATE.source) !== 0) return 'it has no immediate';
      const wrong = differs(BigInt(view.getInt32(at + IMMEDIATE.imm, true)));
      if (wrong !== undefined) return wrong;
      if (BigInt.asIntN(32, to) !== to) return `${to} does not fit in its 32 bits`;
      view.setInt32(at + IMMEDIATE.imm, Number(to), true);
      return undefined;
    }
    case BPF_CLASS.LDX:
    case BPF_CLASS.ST:
    case BPF_CLASS.STX: {
      const wrong = differs(BigInt(view.getInt16(at + IMMEDIATE.offset, true)));
      if (wrong !== undefined) return wrong;
      if (BigInt.asIntN(16, to) !== to) return `${to} does not fit in its offset`;
      if (fromBytes !== toBytes) {
        const size = SIZE_OF_BYTES[toBytes];
        if (size === undefined || (opcode & MODE_MASK) !== BPF_MODE.MEM) return `it cannot move ${toBytes} bytes`;
        if ((opcode & SIZE_MASK) !== SIZE_OF_BYTES[fromBytes]) return `it does not move the field's ${fromBytes} bytes`;
        view.setUint8(at, (opcode & ~SIZE_MASK) | size);
      }
      view.setInt16(at + IMMEDIATE.offset, Number(to), true);
      return undefined;
    }
    default: {
      if (opcode !== OPCODE.LD_IMM64 || view.getUint8(at + 1) >> 4 !== 0) return 'it has no value to replace';
      const low = BigInt(view.getUint32(at + IMMEDIATE.imm, true));
      const found = low | (BigInt(view.getUint32(at + IMMEDIATE.nextImm, true)) << 32n);
      const wrong = differs(BigInt.asIntN(64, found));
      if (wrong !== undefined) return wrong;
      view.setUint32(at + IMMEDIATE.imm, Number(BigInt.asUintN(32, to)), true);
      view.setUint32(at + IMMEDIATE.nextImm, Number(BigInt.asUintN(32, to >> 32n)), true);
      return undefined;
    }
  }
}
