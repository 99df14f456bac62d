/**
 * The numbers of RFC 9669: what the bits of an opcode mean, by the names that the RFC gives them.
 *
 * ALU, ALU64, JMP, JMP32     code (4 bits) | source (1) | class (3)
 * LD, LDX, ST, STX           mode (3)      | size (2)   | class (3)
 */

export const BPF_CLASS = { LD: 0, LDX: 1, ST: 2, STX: 3, ALU: 4, JMP: 5, JMP32: 6, ALU64: 7 } as const;

/** Where the second operand is: in `imm` (K) or in the register `src` (X). */
export const BPF_SOURCE = { K: 0x00, X: 0x08 } as const;

export const BPF_ALU = {
  ADD: 0x00,
  SUB: 0x10,
  MUL: 0x20,
  DIV: 0x30,
  OR: 0x40,
  AND: 0x50,
  LSH: 0x60,
  RSH: 0x70,
  NEG: 0x80,
  MOD: 0x90,
  XOR: 0xa0,
  MOV: 0xb0,
  ARSH: 0xc0,
  END: 0xd0,
} as const;

export const BPF_JMP = {
  JA: 0x00,
  JEQ: 0x10,
  JGT: 0x20,
  JGE: 0x30,
  JSET: 0x40,
  JNE: 0x50,
  JSGT: 0x60,
  JSGE: 0x70,
  CALL: 0x80,
  EXIT: 0x90,
  JLT: 0xa0,
  JLE: 0xb0,
  JSLT: 0xc0,
  JSLE: 0xd0,
} as const;

export const BPF_MODE = { IMM: 0x00, ABS: 0x20, IND: 0x40, MEM: 0x60, MEMSX: 0x80, ATOMIC: 0xc0 } as const;

export const BPF_SIZE = { W: 0x00, H: 0x08, B: 0x10, DW: 0x18 } as const;

/** `imm` of an atomic operation. FETCH is a modifier of the first four and always part of the last two. */
export const BPF_ATOMIC = {
  ADD: 0x00,
  OR: 0x40,
  AND: 0x50,
  XOR: 0xa0,
  FETCH: 0x01,
  XCHG: 0xe1,
  CMPXCHG: 0xf1,
} as const;

/** `src` of the 64-bit immediate load: what the 64 bits stand for. */
export const BPF_IMM64 = {
  VALUE: 0,
  MAP_FD: 1,
  MAP_VALUE: 2,
  VAR_ADDR: 3,
  CODE_ADDR: 4,
  MAP_IDX: 5,
  MAP_IDX_VALUE: 6,
} as const;

/** `src` of a call: what `imm` names. */
export const BPF_CALL = { HELPER: 0, LOCAL: 1, KFUNC: 2 } as const;

/** Opcodes that are one instruction each. */
export const OPCODE = {
  LD_IMM64: BPF_CLASS.LD | BPF_MODE.IMM | BPF_SIZE.DW,
  JA: BPF_CLASS.JMP | BPF_JMP.JA,
  JA32: BPF_CLASS.JMP32 | BPF_JMP.JA,
  CALL: BPF_CLASS.JMP | BPF_JMP.CALL,
  CALLX: BPF_CLASS.JMP | BPF_JMP.CALL | BPF_SOURCE.X,
  EXIT: BPF_CLASS.JMP | BPF_JMP.EXIT,
} as const;

/** r10, the frame pointer: the highest register, and never a destination. */
export const FRAME_POINTER = 10;

/** Bytes that a load or store of this opcode moves. */
export function accessSize(opcode: number): 1 | 2 | 4 | 8 {
  switch (opcode & 0x18) {
    case BPF_SIZE.B:
      return 1;
    case BPF_SIZE.H:
      return 2;
    case BPF_SIZE.W:
      return 4;
    default:
      return 8;
  }
}
