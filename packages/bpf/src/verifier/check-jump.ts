/**
 * Conditional jumps: which ways can be gone, and what is known on each.
 *
 * The way that falls through is followed at once, the other one later, as Linux does: so both report the same error of
 * programs that have several.
 */
import { type Instruction, jumpTarget } from '../isa/instruction.ts';
import { BPF_CLASS, BPF_JMP, BPF_SOURCE } from '../isa/opcodes.ts';
import { constant, markPrecise, type Scalar } from './scalar.ts';
import { isTaken, mirrorOf, oppositeOf, refine } from './scalar-branch.ts';
import { copyState, refineScalar, replacePointers, type State } from './state.ts';
import { AT_PACKET_END, BEYOND_PACKET_END, isPacket, isPointer, isScalar, type Pointer, type Value } from './values.ts';
import { frameOf, readRegister, type Verification } from './verification.ts';

const { JEQ, JNE, JGT, JGE, JLT, JLE } = BPF_JMP;
const MAX_PACKET_OFFSET = 0xffff;

/** Kinds that are never NULL once `orNull` is gone. */
const NEVER_NULL: ReadonlySet<string> = new Set(['map', 'map-key', 'map-value', 'ringbuf-mem', 'struct']);

interface Comparison {
  readonly code: number;
  readonly a: Value;
  readonly b: Value;
  readonly wide: boolean;
  /** The register of `a`. */
  readonly register: number;
  /** The register of `b`; undefined for an immediate. */
  readonly other: number | undefined;
}

function isZeroScalar(value: Value): boolean {
  return isScalar(value) && value.isConst && value.value === 0n;
}

/** A pointer that was compared with the packet's end before: what the comparison says again. */
function packetTaken(code: number, { range }: Pointer): boolean | undefined {
  if (range >= 0) return undefined;
  if ((code === JGT || code === JLE) && range === BEYOND_PACKET_END) return code === JGT;
  if ((code === JGE || code === JLT) && range <= AT_PACKET_END) return code === JGE;
  return undefined;
}

/** Whether the jump is taken; undefined where both ways must be followed. */
function decide({ code, a, b, wide }: Comparison): boolean | undefined {
  if (isScalar(a) && isScalar(b)) {
    const taken = isTaken(code, a, b, wide);
    if (taken !== undefined) {
      markPrecise(a);
      markPrecise(b);
    }
    return taken;
  }
  if (!wide) return undefined;
  if (isPointer(a) && isZeroScalar(b)) {
    const isSet = NEVER_NULL.has(a.kind) && !a.orNull;
    if (isSet) markPrecise(b as Scalar);
    return isSet && (code === JEQ || code === JNE) ? code === JNE : undefined;
  }
  if (isPacket(a) && b.kind === 'packet-end') return packetTaken(code, a);
  if (a.kind === 'packet-end' && isPacket(b)) return packetTaken(mirrorOf(code), b);
  return undefined;
}

/** What was acquired and is NULL need not be given back. */
function learnNull(state: State, { id, reference }: Pointer, isNull: boolean): void {
  if (isNull && reference !== 0) state.references = state.references.filter((one) => one.id !== reference);
  const zero = constant(0n);
  replacePointers(state, (value) => {
    if (value.id !== id || !value.orNull) return value;
    return isNull ? zero : { ...value, orNull: false, id: value.map?.spinLockOffset === undefined ? 0 : value.id };
  });
}

/** So many bytes behind where the pointer began are in the packet, for it and all with the same unknown distance. */
function learnRange(state: State, found: Pointer, isOpen: boolean): void {
  const { off, variable, kind, id } = found;
  if (off < 0 || (off === 0 && isOpen)) return;
  const most = Number(variable?.umax ?? 0n);
  if (most > MAX_PACKET_OFFSET || off + most > MAX_PACKET_OFFSET) return;
  const range = isOpen ? off + 1 : off;
  replacePointers(state, (value) =>
    value.kind === kind && value.id === id && value.range < range ? { ...value, range } : value,
  );
}

/** Whether the comparison is of a packet pointer with what bounds it: data with data_end, data_meta with data. */
function isPacketBound(a: Value, b: Value): a is Pointer {
  if (a.kind === 'packet') return b.kind === 'packet-end';
  return a.kind === 'packet-meta' && b.kind === 'packet' && b.off === 0 && b.variable === undefined;
}

/** `p` compared with its bound by `code`, and that holds. */
function learnPacket(state: State, code: number, p: Pointer, register: number): void {
  const { registers } = state.frames[state.frames.length - 1]!;
  if (code === JLE) learnRange(state, p, false);
  else if (code === JLT) learnRange(state, p, true);
  else if (p.kind === 'packet' && (code === JGT || code === JGE)) {
    registers[register] = { ...p, range: code === JGT ? BEYOND_PACKET_END : AT_PACKET_END };
  }
}

/** Puts into `state` what holds where the comparison does. False if nothing can be there. */
function learn(state: State, { code, a, b, wide, register, other }: Comparison): boolean {
  if (isScalar(a) && isScalar(b)) {
    const refined = refine(code, a, b, wide);
    if (refined === undefined) {
      markPrecise(a);
      markPrecise(b);
      return false;
    }
    if (!a.isConst) refineScalar(state, a, refined.a);
    if (!b.isConst && a !== b) refineScalar(state, b, refined.b);
    return true;
  }
  if (!wide) return true;
  if (isPointer(a) && a.orNull && isZeroScalar(b) && (code === JEQ || code === JNE)) learnNull(state, a, code === JEQ);
  else if (isPointer(a) && isPointer(b) && a.orNull !== b.orNull && code === JEQ) {
    if (a.kind !== 'struct' && b.kind !== 'struct') learnNull(state, a.orNull ? a : b, false);
  } else if (isPacketBound(a, b)) learnPacket(state, code, a, register);
  else if (isPacketBound(b, a) && other !== undefined) learnPacket(state, mirrorOf(code), b, other);
  return true;
}

/** A conditional jump. @returns the slot to go on with; undefined if nothing can be there */
export function checkJump(v: Verification, instruction: Instruction): number | undefined {
  const { slot, opcode, dst, src, imm } = instruction;
  const wide = (opcode & 0x07) === BPF_CLASS.JMP;
  const other = (opcode & BPF_SOURCE.X) === 0 ? undefined : src;
  const b = other === undefined ? constant(BigInt(imm)) : readRegister(v, src);
  const comparison = { code: opcode & 0xf0, a: readRegister(v, dst), b, wide, register: dst, other };
  const opposite = { ...comparison, code: oppositeOf(comparison.code) };
  const target = jumpTarget(instruction)!;
  const decided = decide(comparison);
  if (decided !== undefined) {
    learn(v.state, decided ? comparison : opposite);
    return decided ? target : slot + 1;
  }
  const taken = copyState(v.state);
  const canTake = learn(taken, comparison);
  const canPass = learn(v.state, opposite);
  if (!canPass) {
    if (canTake) v.state = taken;
    return canTake ? target : undefined;
  }
  if (canTake) v.push(taken, target);
  return slot + 1;
}

/** The number that a register is known to be. */
export function knownNumber(v: Verification, register: number): bigint | undefined {
  const value = frameOf(v).registers[register];
  return isScalar(value) && value.isConst ? value.value : undefined;
}
