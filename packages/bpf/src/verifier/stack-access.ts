/**
 * Loads and stores of the stack, at known and at unknown places, by programs and by helpers.
 *
 * As Linux for privileged programs: bytes that were never written may be read, and are then any number; pointers may be
 * overwritten in part, and are numbers from then on.
 */
import type { Scalar } from './scalar.ts';
import { unknownOfSize } from './scalar.ts';
import { byteMask, fill, isZero, overwrite, type StackSlot, spill } from './stack-slot.ts';
import { FRAME_STACK } from './state.ts';
import { isPointer, type Pointer, type Value } from './values.ts';
import { frameOf, type Verification } from './verification.ts';

/** A stretch of one function's stack; offsets are negative, from its top. */
export interface StackRange {
  readonly frame: number;
  readonly from: number;
  /** Of the last place where an access may begin. */
  readonly to: number;
  readonly size: number;
}

interface Piece {
  readonly index: number;
  readonly from: number;
  readonly size: number;
}

/** The bytes from `off` on, slot by slot. */
function pieces(off: number, size: number): Piece[] {
  const out: Piece[] = [];
  for (let at = off; at < off + size; ) {
    const index = (-at - 1) >> 3;
    const start = -(index + 1) * 8;
    const end = Math.min(off + size, start + 8);
    out.push({ index, from: at - start, size: end - at });
    at = end;
  }
  return out;
}

function use(v: Verification, { frame, from }: StackRange): void {
  const { subprogram } = v.state.frames[frame]!;
  const { stackUse } = v.findings;
  stackUse[subprogram] = Math.max(stackUse[subprogram]!, -from);
}

function stackOf(v: Verification, frame: number): StackSlot[] {
  return v.state.frames[frame]!.stack;
}

/** Accesses that begin outside and those that only end there have different errnos in Linux. */
function errnoOf(from: number): 'EACCES' | 'EINVAL' {
  return from < -FRAME_STACK || from >= 0 ? 'EACCES' : 'EINVAL';
}

/** Where a pointer and an offset lead; refuses what is outside the function's 512 bytes. */
export function stackRange(
  v: Verification,
  base: Pointer,
  register: number,
  offset: number,
  size: number,
  write: boolean,
): StackRange {
  const what = `${write ? 'write to' : 'read from'} stack`;
  const { variable, frame } = base;
  const off = base.off + offset;
  const outside = 'a function has 512 bytes of stack, from r10 - 512 to r10';
  if (variable === undefined) {
    if (off < -FRAME_STACK || off + size > 0) {
      v.fail(errnoOf(off), `invalid ${what} R${register} off=${off} size=${size}`, outside);
    }
    return { frame, from: off, to: off, size };
  }
  if (variable.smax >= 1n << 29n || variable.smin <= -(1n << 29n)) {
    v.fail(
      'EACCES',
      `invalid unbounded variable-offset ${what} R${register}`,
      'compare the distance with a constant before it is added',
    );
  }
  const from = off + Number(variable.smin);
  const to = off + Number(variable.smax);
  if (from < -FRAME_STACK || to + size > 0) {
    const bits = `(0x${variable.value.toString(16)}; 0x${variable.mask.toString(16)})`;
    v.fail(
      errnoOf(from),
      `invalid variable-offset ${what} R${register} var_off=${bits} off=${off} size=${size}`,
      outside,
    );
  }
  return { frame, from, to, size };
}

/** What a load gives. */
export function readStack(v: Verification, range: StackRange, signExtended: boolean): Value {
  use(v, range);
  const stack = stackOf(v, range.frame);
  const { from, to, size } = range;
  if (from === to) {
    const [first, second] = pieces(from, size);
    v.log?.touchStack(range.frame, first!.index);
    if (second === undefined) {
      const slot = stack[first!.index]!;
      if (isPointer(slot.value) && size !== 8) {
        v.fail('EACCES', 'invalid size of register fill', 'a pointer in the stack is read whole, as 8 bytes');
      }
      return fill(slot, first!.from, size, signExtended) ?? unknownOfSize(size, signExtended);
    }
  }
  for (const piece of pieces(from, to - from + size)) stack[piece.index]!.markRead(byteMask(piece.from, piece.size));
  return unknownOfSize(size, signExtended);
}

/** A store of a register's value, or of a number. */
export function writeStack(v: Verification, range: StackRange, value: Value): void {
  use(v, range);
  const { frame, from, to, size } = range;
  const stack = stackOf(v, frame);
  if (from !== to) {
    forget(v, range);
    return;
  }
  const inOneSlot = pieces(from, size);
  for (const { index, from: at, size: part } of inOneSlot) {
    v.log?.touchStack(frame, index);
    const old = stack[index]!;
    if (at === 0 && inOneSlot.length === 1) stack[index] = spill(old, value, part);
    else {
      const zero: Scalar | undefined =
        value.kind === 'scalar' && value.isConst && value.value === 0n ? value : undefined;
      stack[index] = overwrite(old, at, part, zero);
    }
  }
}

/** Bytes that something was, or may have been, written to. */
export function forget(v: Verification, range: StackRange): void {
  use(v, range);
  const stack = stackOf(v, range.frame);
  for (const { index, from, size } of pieces(range.from, range.to - range.from + range.size)) {
    v.log?.touchStack(range.frame, index);
    stack[index] = overwrite(stack[index]!, from, size);
  }
}

/** Bytes that a helper reads. */
export function readByHelper(v: Verification, range: StackRange): void {
  use(v, range);
  const stack = stackOf(v, range.frame);
  for (const { index, from, size } of pieces(range.from, range.to - range.from + range.size)) {
    stack[index]!.markRead(byteMask(from, size));
  }
}

/** The number that `size` bytes are known to be, with what the knowledge comes from. */
export function constantInStack(v: Verification, range: StackRange): Scalar | undefined {
  const { frame, from, to, size } = range;
  const [piece, ...more] = pieces(from, size);
  if (from !== to || more.length > 0) return undefined;
  const slot = stackOf(v, frame)[piece!.index]!;
  if (piece!.from !== 0 && !isZero(slot, piece!.from, size)) return undefined;
  const value = fill(slot, piece!.from, size, false);
  return value?.kind === 'scalar' && value.isConst ? value : undefined;
}

/** Whether the store would leave a pointer to a function's stack where it outlives the function. */
export function escapes(v: Verification, range: StackRange, value: Value): boolean {
  return value.kind === 'fp' && v.state.frames[range.frame] !== frameOf(v);
}
