/**
 * Functions: calls of the program's own, callbacks that helpers make, and how both return.
 *
 * A local function is followed with the caller's values, once for each call. A callback may be called any number of
 * times. After each return the helper's call is checked anew, with the state that the callback left: either the loop ends
 * there, or the function is called again. It comes to an end when a state is covered by an earlier one at the same call.
 * So that it does, numbers that the callback changes and nothing depends on are forgotten.
 */
import { BPF_FUNC, BPF_MAP_TYPE } from '@cpumap/uapi';
import type { HelperPrototype } from '../helpers/prototypes.ts';
import { functionTarget, type Instruction } from '../isa/instruction.ts';
import type { Arguments } from './helper-arguments.ts';
import { markPrecise, type Scalar, sameBounds, unknown } from './scalar.ts';
import { withValue } from './stack-slot.ts';
import { copyState, currentFrame, type Frame, MAX_FRAMES, newFrame, type State } from './state.ts';
import { isScalar, pointer, type Value } from './values.ts';
import { frameOf, readRegister, type Verification } from './verification.ts';

const M = BPF_MAP_TYPE;
const WALKABLE: ReadonlySet<number> = new Set([
  M.HASH,
  M.LRU_HASH,
  M.PERCPU_HASH,
  M.LRU_PERCPU_HASH,
  M.ARRAY,
  M.PERCPU_ARRAY,
]);

function checkDepth(v: Verification): void {
  const depth = v.state.frames.length;
  if (depth < MAX_FRAMES) return;
  v.fail('E2BIG', `the call stack of ${depth + 1} frames is too deep`, `at most ${MAX_FRAMES} functions are active`);
}

/** @returns the slot to go on with */
export function callLocal(v: Verification, instruction: Instruction): number {
  checkDepth(v);
  const target = functionTarget(instruction)!;
  const caller = frameOf(v);
  const callee = newFrame(v.state.frames.length, instruction.slot, v.shape.subprogramAt.get(target)!);
  for (let register = 0; register <= 5; register++) {
    if (register > 0) callee.registers[register] = caller.registers[register];
    caller.registers[register] = undefined;
  }
  v.state.frames.push(callee);
  return target;
}

/** Puts the callback's first turn, or one more, on the list of paths. */
export function beginCallback(v: Verification, { id }: HelperPrototype, { map, callback }: Arguments): void {
  const { slot } = callback!;
  v.findings.callbacks.add(slot);
  const caller = frameOf(v);
  if (id === BPF_FUNC.loop) {
    const turns = caller.registers[1];
    if (isScalar(turns)) {
      markPrecise(turns);
      if (BigInt(caller.callbackDepth) >= turns.umax) {
        caller.callbackDepth = 0;
        return;
      }
    }
  } else if (!WALKABLE.has(map!.type)) {
    v.fail('ENOTSUPP', 'callback function not allowed for map', `the elements of map "${map!.name}" cannot be walked`);
  }
  checkDepth(v);
  const state = copyState(v.state);
  const site = currentFrame(state);
  site.callbackDepth++;
  const callee = newFrame(state.frames.length, v.instruction.slot, v.shape.subprogramAt.get(slot)!, {
    helper: id === BPF_FUNC.loop ? 'loop' : 'for-each',
  });
  if (id === BPF_FUNC.loop) {
    callee.registers[1] = unknown();
    callee.registers[2] = site.registers[3];
  } else {
    callee.registers[1] = pointer('map', { map });
    callee.registers[2] = pointer('map-key', { map });
    callee.registers[3] = pointer('map-value', { map, id: map!.spinLockOffset === undefined ? 0 : v.newId() });
    callee.registers[4] = site.registers[3];
  }
  state.frames.push(callee);
  caller.callbackDepth = 0;
  v.push(state, slot);
}

function changed(before: Value | undefined, now: Value | undefined): now is Scalar {
  if (!isScalar(before) || !isScalar(now) || before.precise || now.precise) return false;
  return !sameBounds(before, now);
}

/** Forgets numbers that differ from those of the turn before, and that nothing depends on so far. */
function widen(before: State, now: State): void {
  for (const [f, { registers, stack }] of now.frames.entries()) {
    const earlier = before.frames[f]!;
    for (let i = 0; i < 10; i++) if (changed(earlier.registers[i], registers[i])) registers[i] = unknown();
    for (const [i, slot] of stack.entries()) {
      if (slot.valueSize !== 8 || !changed(earlier.stack[i]!.value, slot.value)) continue;
      stack[i] = withValue(slot, unknown());
    }
  }
}

function checkReturned(v: Verification, result: Value): void {
  if (!isScalar(result)) v.fail('EACCES', 'R0 not a scalar value', 'a callback returns 0 to go on, 1 to stop');
  markPrecise(result);
  if (result.smin >= 0n && result.smax <= 1n) return;
  const { smin, smax } = result;
  const known = smin === -(1n << 63n) && smax === (1n << 63n) - 1n;
  const bounds = known ? 'unknown scalar value' : `smin=${smin} smax=${smax}`;
  const text = `At callback return the register R0 has ${bounds} should have been in [0, 1]`;
  v.fail('EINVAL', text, 'a callback returns 0 to go on, 1 to stop');
}

/**
 * The innermost function returns r0, which only callbacks must have set.
 * @param lastTurn the state in which the helper's call was checked the last time on this path
 * @returns the slot to go on with
 */
export function returnFrom(v: Verification, lastTurn: (slot: number) => State | undefined): number {
  const { callSlot, callback, registers } = frameOf(v);
  const result = registers[0];
  if (result?.kind === 'fp') {
    v.fail('EINVAL', 'cannot return stack pointer to the caller', 'the memory that it leads to is gone by then');
  }
  if (callback !== undefined) checkReturned(v, readRegister(v, 0));
  v.state.frames.pop();
  const caller: Frame = frameOf(v);
  if (callback === undefined) {
    caller.registers[0] = result;
    return callSlot + 1;
  }
  const before = lastTurn(callSlot);
  if (before !== undefined) widen(before, v.state);
  return callSlot;
}
