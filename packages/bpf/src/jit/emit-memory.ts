/**
 * Loads, stores and atomic operations, each behind its guard.
 *
 * No guard is needed where the verifier has proved the access, or origins.ts has.
 * Atomic operations are WebAssembly's own and single; at an address that is no multiple of their size, where the RFC
 * promises nothing and WebAssembly traps, they are a fault.
 */
import type { Instruction } from '../isa/instruction.ts';
import { accessSize, BPF_ATOMIC, BPF_CLASS, BPF_MODE, FRAME_POINTER } from '../isa/opcodes.ts';
import { FAULT_IMPORT, faultCode, GLOBAL, LOCAL, register } from './frame.ts';
import { type ContextSpec, GUARD_WRITE } from './guard.ts';
import type { WasmWriter } from './wasm-encoder.ts';
import { ATOMIC_RMW, OP } from './wasm-opcodes.ts';

export interface GuardOptions {
  readonly context: ContextSpec | undefined;
  readonly guardIndex: number;
  readonly isProved: (slot: number) => boolean;
}

const LOAD: Readonly<Record<number, number>> = {
  1: OP.i64Load8U,
  2: OP.i64Load16U,
  4: OP.i64Load32U,
  8: OP.i64Load,
};
const LOAD_SIGNED: Readonly<Record<number, number>> = { 1: OP.i64Load8S, 2: OP.i64Load16S, 4: OP.i64Load32S };
const STORE: Readonly<Record<number, number>> = {
  1: OP.i64Store8,
  2: OP.i64Store16,
  4: OP.i64Store32,
  8: OP.i64Store,
};
const RMW: ReadonlyMap<number, { w64: number; w32: number }> = new Map<number, { w64: number; w32: number }>([
  [BPF_ATOMIC.ADD, ATOMIC_RMW.add],
  [BPF_ATOMIC.AND, ATOMIC_RMW.and],
  [BPF_ATOMIC.OR, ATOMIC_RMW.or],
  [BPF_ATOMIC.XOR, ATOMIC_RMW.xor],
  [BPF_ATOMIC.XCHG & ~BPF_ATOMIC.FETCH, ATOMIC_RMW.xchg],
]);

/** Notes a fault, whose address must be in LOCAL.address if it has one; the function must return now. */
export function emitFaultNote(w: WasmWriter, code: number, slot: number, hasAddress = false): void {
  w.i32(code).i32(slot);
  if (hasAddress) {
    w.get(LOCAL.address).op(OP.i32WrapI64).get(LOCAL.address).i64(32).op(OP.i64ShrS, OP.i32WrapI64);
  } else {
    w.i32(0).i32(0);
  }
  w.call(FAULT_IMPORT.index).i32(1).setGlobal(GLOBAL.faulted);
}

/** Ends the program. */
export function emitFault(w: WasmWriter, code: number, slot: number, hasAddress = false): void {
  emitFaultNote(w, code, slot, hasAddress);
  w.i64(0).op(OP.return);
}

function isMemory({ opcode }: Instruction): boolean {
  const kind = opcode & 0x07;
  return kind === BPF_CLASS.LDX || kind === BPF_CLASS.ST || kind === BPF_CLASS.STX;
}

function baseOf({ opcode, dst, src }: Instruction): number {
  return (opcode & 0x07) === BPF_CLASS.LDX ? src : dst;
}

/** The size of an access that is compared with the packet's bounds; undefined for everything else. */
export function packetAccessSize(instruction: Instruction, guard: GuardOptions): number | undefined {
  const size = accessSize(instruction.opcode);
  if (guard.context?.packet === undefined || !isMemory(instruction) || guard.isProved(instruction.slot))
    return undefined;
  return baseOf(instruction) === FRAME_POINTER ? undefined : size;
}

/** Leaves the address as i32; LOCAL.address has it as i64 if the access is guarded or atomic. */
function emitAddress(w: WasmWriter, instruction: Instruction, guard: GuardOptions, write: boolean): void {
  const { slot, offset, opcode } = instruction;
  const size = accessSize(opcode);
  const base = baseOf(instruction);
  const sum = (): WasmWriter => {
    w.get(register(base));
    return offset === 0 ? w : w.i64(offset).op(OP.i64Add);
  };
  if (guard.isProved(slot)) {
    sum().op(OP.i32WrapI64);
    return;
  }
  sum().set(LOCAL.address);
  const packet = packetAccessSize(instruction, guard) !== undefined;
  if (packet) {
    w.get(LOCAL.address).get(LOCAL.packet).op(OP.i64Sub).get(LOCAL.limit[Math.log2(size)]!).op(OP.i64GeU).if();
  }
  w.get(LOCAL.address)
    .get(register(FRAME_POINTER))
    .i32(write ? size | GUARD_WRITE : size)
    .i32(slot);
  w.call(guard.guardIndex).if().i64(0).op(OP.return, OP.end);
  if (packet) w.op(OP.end);
  w.get(LOCAL.address).op(OP.i32WrapI64);
}

export function emitMemory(w: WasmWriter, instruction: Instruction, guard: GuardOptions): void {
  const { opcode, dst, src, imm } = instruction;
  const size = accessSize(opcode);
  const kind = opcode & 0x07;
  if (kind === BPF_CLASS.LDX) {
    emitAddress(w, instruction, guard, false);
    const load = (opcode & 0xe0) === BPF_MODE.MEMSX ? LOAD_SIGNED : LOAD;
    w.access(load[size]!, 0).set(register(dst));
  } else if ((opcode & 0xe0) === BPF_MODE.ATOMIC) {
    emitAtomic(w, instruction, guard, size === 4 ? 4 : 8);
  } else {
    emitAddress(w, instruction, guard, true);
    if (kind === BPF_CLASS.ST) w.i64(imm);
    else w.get(register(src));
    w.access(STORE[size]!, 0);
  }
}

function emitAtomic(w: WasmWriter, instruction: Instruction, guard: GuardOptions, size: 4 | 8): void {
  const { slot, src, imm } = instruction;
  const width = size === 4 ? 'w32' : 'w64';
  emitAddress(w, instruction, guard, true);
  w.op(OP.i64ExtendI32U)
    .tee(LOCAL.address)
    .i64(size - 1)
    .op(OP.i64And, OP.i64Eqz, OP.i32Eqz)
    .if();
  emitFault(w, faultCode('misaligned'), slot, true);
  w.op(OP.end).get(LOCAL.address).op(OP.i32WrapI64);
  if (imm === BPF_ATOMIC.CMPXCHG) {
    // of the expected value a 32-bit exchange looks at the low half alone
    w.get(register(0));
    w.get(register(src)).atomic(ATOMIC_RMW.cmpxchg[width], size).set(register(0));
    return;
  }
  w.get(register(src)).atomic(RMW.get(imm & ~BPF_ATOMIC.FETCH)![width], size);
  if ((imm & BPF_ATOMIC.FETCH) !== 0) w.set(register(src));
  else w.op(OP.drop);
}

/** Reads the packet's bounds from the context into locals, for accesses of the given sizes. */
export function emitPacketBounds(w: WasmWriter, { context }: GuardOptions, sizes: ReadonlySet<number>): void {
  const packet = context?.packet;
  if (packet === undefined || sizes.size === 0) return;
  const field = (offset: number): WasmWriter => w.global(GLOBAL.context).access(OP.i64Load32U, offset);
  // a driver without room for metadata says so by a data_meta beyond data
  field(packet.data).tee(LOCAL.packet);
  field(packet.dataMeta).tee(LOCAL.temporary);
  w.get(LOCAL.packet).get(LOCAL.temporary).op(OP.i64LtU, OP.select).set(LOCAL.packet);
  for (const size of sizes) {
    field(packet.dataEnd)
      .get(LOCAL.packet)
      .op(OP.i64Sub)
      .i64(size - 1)
      .op(OP.i64Sub)
      .tee(LOCAL.temporary);
    w.i64(0).get(LOCAL.temporary).i64(0).op(OP.i64GtS, OP.select).set(LOCAL.limit[Math.log2(size)]!);
  }
}
