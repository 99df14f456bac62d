/**
 * A state of the program on one path: the active functions with their registers and stacks, what must be given back,
 * the lock that is held.
 *
 * A state belongs to one path and is changed in place; what it refers to (numbers, pointers, slots) never is, so that a
 * copy costs two small arrays per function.
 */
import { copyOf, isEmpty, normalize, rootOf, type Scalar } from './scalar.ts';
import { shifted } from './scalar-alu.ts';
import { freshSlot, type StackSlot, withValue } from './stack-slot.ts';
import { isPointer, type Pointer, pointer, type Value } from './values.ts';

export const FRAME_STACK = 512;
export const MAX_FRAMES = 8;
const STACK_SLOTS = FRAME_STACK / 8;

/** What a function that is a callback returns to. */
interface CallbackSite {
  /** Of the helper. */
  readonly helper: 'loop' | 'for-each';
}

export interface Frame {
  /** 11 of them. */
  readonly registers: (Value | undefined)[];
  /** The first is the one at the top, fp-8. Missing ones were not touched. */
  readonly stack: StackSlot[];
  /** Of the call in the function outside; -1 of the program itself. */
  readonly callSlot: number;
  /** Index of the function. */
  readonly subprogram: number;
  /** Set if a helper calls it. */
  readonly callback: CallbackSite | undefined;
  /** How often the helper that is being called has called back so far. */
  callbackDepth: number;
}

export interface State {
  readonly frames: Frame[];
  /** What was acquired and not yet released: ids, and the slots of the calls. */
  references: readonly { readonly id: number; readonly slot: number }[];
  /** What identifies the locked value; undefined if no lock is held. */
  lock: { readonly id: number; readonly map: unknown } | undefined;
}

export function newFrame(depth: number, callSlot: number, subprogram: number, callback?: CallbackSite): Frame {
  const registers = new Array<Value | undefined>(11).fill(undefined);
  registers[10] = pointer('fp', { frame: depth });
  const stack = Array.from({ length: STACK_SLOTS }, freshSlot);
  return { registers, stack, callSlot, subprogram, callback, callbackDepth: 0 };
}

export function copyState({ frames, references, lock }: State): State {
  return {
    frames: frames.map((frame) => ({ ...frame, registers: frame.registers.slice(), stack: frame.stack.slice() })),
    references,
    lock,
  };
}

export function currentFrame({ frames }: State): Frame {
  return frames[frames.length - 1]!;
}

/** Replaces values wherever they are: in the registers and the stacks of all active functions. */
function replaceValues(state: State, change: (value: Value) => Value): void {
  for (const { registers, stack } of state.frames) {
    for (let i = 0; i < 10; i++) {
      const value = registers[i];
      if (value !== undefined) registers[i] = change(value);
    }
    for (let i = 0; i < stack.length; i++) {
      const { value } = stack[i]!;
      if (value === undefined) continue;
      const changed = change(value);
      if (changed !== value) stack[i] = withValue(stack[i]!, changed);
    }
  }
}

export function replacePointers(state: State, change: (value: Pointer) => Value): void {
  replaceValues(state, (value) => (isPointer(value) ? change(value) : value));
}

/** A branch found `old` to be `refined`: so are its copies, and those that differ from it by a constant. */
export function refineScalar(state: State, old: Scalar, refined: Scalar): void {
  const root = rootOf(old);
  refined.root = root;
  refined.delta = old.delta;
  const known = new Map<Scalar, Scalar>([[old, refined]]);
  replaceValues(state, (value) => {
    if (value.kind !== 'scalar' || rootOf(value) !== root) return value;
    let replacement = known.get(value);
    if (replacement === undefined) {
      replacement = relative(value, refined, value.delta - old.delta);
      known.set(value, replacement);
    }
    return replacement;
  });
}

/** `value` is `base` plus `by`: what it was known to be, and what that says. */
function relative(value: Scalar, base: Scalar, by: bigint): Scalar {
  const sum = shifted(base, by);
  const out = copyOf(value, [value, base]);
  if (sum.umin > out.umin) out.umin = sum.umin;
  if (sum.umax < out.umax) out.umax = sum.umax;
  if (sum.smin > out.smin) out.smin = sum.smin;
  if (sum.smax < out.smax) out.smax = sum.smax;
  out.u32min = Math.max(out.u32min, sum.u32min);
  out.u32max = Math.min(out.u32max, sum.u32max);
  out.s32min = Math.max(out.s32min, sum.s32min);
  out.s32max = Math.min(out.s32max, sum.s32max);
  normalize(out);
  if (isEmpty(out)) return value;
  out.root = rootOf(value);
  out.delta = value.delta;
  return out;
}
