/**
 * Programs written in TypeScript: one method an instruction, chained, labels by name, fields by the layouts of uapi.
 *
 *   const { instructions, mapReferences } = programBuilder()
 *     .load('u32', r2, r1, XDP_MD.rx_queue_index)
 *     .jump('==', r2, 0, 'drop')
 *     .loadMap(r1, 'cpu_map')
 *     .mov(r3, XDP_PASS)
 *     .call(BPF_FUNC.redirect_map)
 *     .exit()
 *     .label('drop')
 *     .mov(r0, XDP_DROP)
 *     .exit()
 *     .build();
 *
 * A method throws where its arguments make no instruction, `build` where the parts make no program.
 */
import { checkInstruction } from '../isa/check.ts';
import { checkControlFlow } from '../isa/control-flow.ts';
import { type Instruction, joinImm64, slotCount } from '../isa/instruction.ts';
import type { MapReference, UnlinkedProgram } from '../isa/map-references.ts';
import { BPF_ATOMIC, BPF_CALL, BPF_CLASS, BPF_IMM64, BPF_MODE, BPF_SIZE, OPCODE } from '../isa/opcodes.ts';
import { refuseInstruction } from '../isa/refusal.ts';
import { type AluMethods, aluMethods } from './builder-alu.ts';
import { isRegister, registerNumber, second } from './builder-operands.ts';
import type { Operand, Register } from './registers.ts';
import { inverse, JUMP_SIGN } from './syntax.ts';

const SIZE = {
  u8: BPF_SIZE.B,
  u16: BPF_SIZE.H,
  u32: BPF_SIZE.W,
  u64: BPF_SIZE.DW,
  s8: BPF_SIZE.B,
  s16: BPF_SIZE.H,
  s32: BPF_SIZE.W,
} as const;
type Unsigned = 'u8' | 'u16' | 'u32' | 'u64';

const ATOMIC = {
  add: BPF_ATOMIC.ADD,
  or: BPF_ATOMIC.OR,
  and: BPF_ATOMIC.AND,
  xor: BPF_ATOMIC.XOR,
  'fetch-add': BPF_ATOMIC.ADD | BPF_ATOMIC.FETCH,
  'fetch-or': BPF_ATOMIC.OR | BPF_ATOMIC.FETCH,
  'fetch-and': BPF_ATOMIC.AND | BPF_ATOMIC.FETCH,
  'fetch-xor': BPF_ATOMIC.XOR | BPF_ATOMIC.FETCH,
  xchg: BPF_ATOMIC.XCHG,
  cmpxchg: BPF_ATOMIC.CMPXCHG,
} as const;
export type AtomicOperation = keyof typeof ATOMIC;

const COMPARISON = inverse(JUMP_SIGN);
export type Comparison = '==' | '!=' | '&' | '>' | '>=' | '<' | '<=' | 's>' | 's>=' | 's<' | 's<=';

export interface ProgramBuilder extends AluMethods<ProgramBuilder> {
  /** dst = *(type *)(base + offset); s8, s16 and s32 extend the sign to 64 bits. */
  load(type: keyof typeof SIZE, dst: Register, base: Register, offset?: number): ProgramBuilder;
  /** *(type *)(base + offset) = value */
  store(type: Unsigned, base: Register, offset: number, value: Operand): ProgramBuilder;
  /**
   * One atomic operation on *(type *)(base + offset) with `src`. `fetch-…` and `xchg` leave in `src` what was there;
   * `cmpxchg` compares with r0, writes `src` if they are the same, and leaves in r0 what was there.
   */
  atomic(
    operation: AtomicOperation,
    type: 'u32' | 'u64',
    base: Register,
    offset: number,
    src: Register,
  ): ProgramBuilder;
  /** dst = any 64 bits, signed or unsigned. */
  load64(dst: Register, value: bigint): ProgramBuilder;
  /** dst = the map that will be given under this name. */
  loadMap(dst: Register, map: string): ProgramBuilder;
  /** dst = the address of a byte of the map's first value. */
  loadMapValue(dst: Register, map: string, offset?: number): ProgramBuilder;
  /** dst = the address of a function of this program, for callRegister. */
  loadFunction(dst: Register, label: string): ProgramBuilder;
  /** if (left OP right) goto label; `&` is taken if they have a bit in common. */
  jump(comparison: Comparison, left: Register, right: Operand, label: string): ProgramBuilder;
  /** The same on the lower 32 bits. */
  jump32(comparison: Comparison, left: Register, right: Operand, label: string): ProgramBuilder;
  goto(label: string): ProgramBuilder;
  /** goto over more than 32767 slots. */
  gotol(label: string): ProgramBuilder;
  /** A helper by its id: BPF_FUNC of uapi. */
  call(helper: number): ProgramBuilder;
  callFunction(label: string): ProgramBuilder;
  callKfunc(btfId: number): ProgramBuilder;
  callRegister(address: Register): ProgramBuilder;
  exit(): ProgramBuilder;
  /** Names the place of the next instruction. @throws KernelError EINVAL for a name that is taken */
  label(name: string): ProgramBuilder;
  /** @throws KernelError EINVAL for labels that are nowhere or too far, and for control that leaves the program */
  build(): UnlinkedProgram;
}

type Fields = Partial<Omit<Instruction, 'slot' | 'opcode'>>;

export function programBuilder(): ProgramBuilder {
  const instructions: Instruction[] = [];
  const mapReferences: MapReference[] = [];
  const labels = new Map<string, number>();
  const uses: { index: number; label: string; field: 'offset' | 'imm' }[] = [];
  let slot = 0;

  function emit(opcode: number, fields: Fields = {}): ProgramBuilder {
    const instruction = { slot, opcode, dst: 0, src: 0, offset: 0, imm: 0, ...fields };
    checkInstruction(instruction);
    instructions.push(instruction);
    slot += slotCount(instruction);
    return builder;
  }

  function emitTo(label: string, field: 'offset' | 'imm', opcode: number, fields: Fields = {}): ProgramBuilder {
    uses.push({ index: instructions.length, label, field });
    return emit(opcode, fields);
  }

  function reference(dst: Register, kind: MapReference['kind'], target: string, offset: number): ProgramBuilder {
    mapReferences.push({ slot, kind, target, offset });
    const src = kind === 'map' ? BPF_IMM64.MAP_FD : BPF_IMM64.MAP_VALUE;
    return emit(OPCODE.LD_IMM64, { dst: registerNumber(dst), src, imm64: joinImm64(0, offset) });
  }

  function compare(
    kind: number,
    comparison: Comparison,
    left: Register,
    right: Operand,
    label: string,
  ): ProgramBuilder {
    const { source, ...fields } = second(slot, right, kind === BPF_CLASS.JMP32 ? 32 : 64);
    const opcode = kind | COMPARISON.get(comparison)! | source;
    return emitTo(label, 'offset', opcode, { dst: registerNumber(left), ...fields });
  }

  function resolve(index: number, label: string, field: 'offset' | 'imm'): Instruction {
    const instruction = instructions[index]!;
    const target = labels.get(label) ?? refuseInstruction(instruction.slot, `there is no label "${label}"`);
    const distance = target - instruction.slot - 1;
    if (field === 'offset' && (distance < -0x8000 || distance > 0x7fff)) {
      refuseInstruction(instruction.slot, `"${label}" is ${distance} slots away: use gotol`);
    }
    if (instruction.opcode !== OPCODE.LD_IMM64) return { ...instruction, [field]: distance };
    return { ...instruction, imm: distance, imm64: joinImm64(distance, 0) };
  }

  const builder: ProgramBuilder = {
    ...aluMethods(emit, () => slot),
    load(type, dst, base, offset = 0) {
      const mode = type.startsWith('s') ? BPF_MODE.MEMSX : BPF_MODE.MEM;
      const fields = { dst: registerNumber(dst), src: registerNumber(base), offset };
      return emit(BPF_CLASS.LDX | mode | SIZE[type], fields);
    },
    store(type, base, offset, value) {
      const { src, imm } = second(slot, value, type === 'u64' ? 64 : 32);
      const kind = isRegister(value) ? BPF_CLASS.STX : BPF_CLASS.ST;
      return emit(kind | BPF_MODE.MEM | SIZE[type], { dst: registerNumber(base), src, offset, imm });
    },
    atomic(operation, type, base, offset, src) {
      const fields = { dst: registerNumber(base), src: registerNumber(src), offset, imm: ATOMIC[operation] };
      return emit(BPF_CLASS.STX | BPF_MODE.ATOMIC | SIZE[type], fields);
    },
    load64(dst, value) {
      if (value < -(1n << 63n) || value >= 1n << 64n) refuseInstruction(slot, `${value} does not fit in 64 bits`);
      const imm64 = BigInt.asUintN(64, value);
      return emit(OPCODE.LD_IMM64, { dst: registerNumber(dst), imm: Number(BigInt.asIntN(32, value)), imm64 });
    },
    loadMap: (dst, map) => reference(dst, 'map', map, 0),
    loadMapValue: (dst, map, offset = 0) => reference(dst, 'map-value', map, offset),
    loadFunction(dst, label) {
      return emitTo(label, 'imm', OPCODE.LD_IMM64, { dst: registerNumber(dst), src: BPF_IMM64.CODE_ADDR, imm64: 0n });
    },
    jump: (comparison, left, right, label) => compare(BPF_CLASS.JMP, comparison, left, right, label),
    jump32: (comparison, left, right, label) => compare(BPF_CLASS.JMP32, comparison, left, right, label),
    goto: (label) => emitTo(label, 'offset', OPCODE.JA),
    gotol: (label) => emitTo(label, 'imm', OPCODE.JA32),
    call: (helper) => emit(OPCODE.CALL, { imm: helper }),
    callFunction: (label) => emitTo(label, 'imm', OPCODE.CALL, { src: BPF_CALL.LOCAL }),
    callKfunc: (btfId) => emit(OPCODE.CALL, { src: BPF_CALL.KFUNC, imm: btfId }),
    callRegister: (address) => emit(OPCODE.CALLX, { dst: registerNumber(address) }),
    exit: () => emit(OPCODE.EXIT),
    label(name) {
      if (labels.has(name)) refuseInstruction(slot, `the label "${name}" was there before`);
      labels.set(name, slot);
      return builder;
    },
    build() {
      const built = [...instructions];
      for (const { index, label, field } of uses) built[index] = resolve(index, label, field);
      checkControlFlow(built);
      return { instructions: built, mapReferences: [...mapReferences] };
    },
  };
  return builder;
}
