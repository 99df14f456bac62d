/**
 * Whether one state is covered by another: everything that can happen from `now` can happen from `old`, so that what was
 * found out about `old` need not be found out again.
 *
 * final  `old` has been followed to all its ends. Its marks are complete: numbers that are not precise, and bytes of the
 *        stack that nobody read, do not matter.
 * open   `old`, or something that it was covered by, is still being followed (loops of callbacks). Everything is
 *        compared, and marks that arrive later travel on to `now`.
 * same   nothing has changed since `old`: a loop that will never end.
 *
 * Registers that are not read before they are written do not matter in any mode.
 */
import {
  addSource,
  constant,
  contains,
  markPrecise,
  rootOf,
  type Scalar,
  sameBounds,
  unknownOfSize,
} from './scalar.ts';
import { byteMask, isZero, markZeroPrecise, type StackSlot, zeroSourcesOf } from './stack-slot.ts';
import type { Frame, State } from './state.ts';
import type { Pointer, Value } from './values.ts';

type Mode = 'final' | 'open' | 'same';

interface Match {
  readonly mode: Mode;
  /** Ids of `old` and what they are in `now`; made when the first is met. */
  ids: Map<number, number> | undefined;
  /** By the root in `old`: the first two that were compared. */
  links: Map<Scalar, readonly [old: Scalar, now: Scalar]> | undefined;
  readonly scalars: [old: Scalar, now: Scalar][];
  readonly slots: [old: StackSlot, now: StackSlot][];
}

function sameId(match: Match, old: number, now: number): boolean {
  if (old === 0 || now === 0) return old === now;
  match.ids ??= new Map();
  const known = match.ids.get(old);
  if (known === undefined) match.ids.set(old, now);
  return known === undefined || known === now;
}

/** Numbers that were linked in `old`, by a distance, must be linked in `now` by the same. */
function sameLink(match: Match, old: Scalar, now: Scalar): boolean {
  if (old.isConst) return true;
  const root = rootOf(old);
  match.links ??= new Map();
  const known = match.links.get(root);
  if (known === undefined) match.links.set(root, [old, now]);
  return (
    known === undefined ||
    (rootOf(known[1]) === rootOf(now) && known[1].delta - now.delta === known[0].delta - old.delta)
  );
}

function scalarCovers(match: Match, old: Scalar, now: Scalar): boolean {
  if (match.mode === 'same') return sameBounds(old, now);
  match.scalars.push([old, now]);
  if (match.mode === 'final' && !old.precise) return true;
  return contains(old, now) && sameLink(match, old, now);
}

function pointerCovers(match: Match, old: Pointer, now: Pointer): boolean {
  if (old.kind !== now.kind || old.off !== now.off || old.orNull !== now.orNull || old.map !== now.map) return false;
  if (old.frame !== now.frame || old.size !== now.size || old.slot !== now.slot) return false;
  if (old.struct?.name !== now.struct?.name || !sameId(match, old.id, now.id)) return false;
  if (!sameId(match, old.reference, now.reference)) return false;
  if ((old.variable === undefined) !== (now.variable === undefined)) return false;
  if (old.variable !== undefined && !contains(old.variable, now.variable!)) return false;
  if (match.mode === 'same' && old.variable !== undefined && !contains(now.variable!, old.variable)) return false;
  if (match.mode === 'same' || old.range < 0) return old.range === now.range;
  return old.range <= now.range;
}

function valueCovers(match: Match, old: Value | undefined, now: Value | undefined): boolean {
  if (old === undefined) return match.mode !== 'same' || now === undefined;
  if (now === undefined) return false;
  if (old === now && old.kind !== 'scalar' && old.id === 0 && old.reference === 0) return true;
  if (old.kind === 'scalar') return now.kind === 'scalar' && scalarCovers(match, old, now);
  return now.kind !== 'scalar' && pointerCovers(match, old, now);
}

/** What a slot of `now` holds where `old` holds a number of `size` bytes. */
function numberIn(slot: StackSlot, size: number): Scalar | undefined {
  const { value, valueSize } = slot;
  if (value?.kind === 'scalar' && valueSize === size) return value;
  return undefined;
}

function spilledCovers(match: Match, old: StackSlot, now: StackSlot): boolean {
  const { value, valueSize } = old;
  if (value!.kind !== 'scalar') return now.valueSize === valueSize && valueCovers(match, value, now.value);
  if (now.value !== undefined && now.value.kind !== 'scalar') return false;
  const number = numberIn(now, valueSize);
  if (number !== undefined) return scalarCovers(match, value!, number);
  if (match.mode === 'same') return false;
  if (match.mode === 'final' && !value!.precise) return true;
  if (!isZero(now, 0, valueSize)) return contains(value!, unknownOfSize(valueSize));
  if (!contains(value!, constant(0n))) return false;
  for (const source of zeroSourcesOf(now)) addSource(value!, source);
  return true;
}

function slotCovers(match: Match, old: StackSlot, now: StackSlot): boolean {
  if (old === now && old.value?.kind !== 'scalar') return true;
  if (match.mode === 'same' && (old.written !== now.written || old.zero !== now.zero)) return false;
  const wanted = (match.mode === 'final' ? old.read : 0xff) & old.written;
  match.slots.push([old, now]);
  if (wanted === 0) return true;
  const held = old.value === undefined ? 0 : byteMask(0, old.valueSize);
  if ((wanted & held) !== 0 && !spilledCovers(match, old, now)) return false;
  const rest = wanted & ~held;
  if (rest === 0) return true;
  if (now.value !== undefined && now.value.kind !== 'scalar') return false;
  const zeros = old.zero & rest;
  if (zeros === 0 || (match.mode === 'final' && !old.zeroSources.some(({ precise }) => precise))) return true;
  for (let i = 0; i < 8; i++) if ((zeros & (1 << i)) !== 0 && !isZero(now, i, 1)) return false;
  return true;
}

function frameCovers(match: Match, old: Frame, now: Frame, live: number): boolean {
  if (old.callSlot !== now.callSlot || old.subprogram !== now.subprogram) return false;
  if (old.callback?.helper !== now.callback?.helper) return false;
  if (match.mode === 'same' ? old.callbackDepth !== now.callbackDepth : old.callbackDepth > now.callbackDepth) {
    return false;
  }
  for (let i = 0; i < 10; i++) {
    if ((live & (1 << i)) !== 0 && !valueCovers(match, old.registers[i], now.registers[i])) return false;
  }
  for (let i = 0; i < old.stack.length; i++) if (!slotCovers(match, old.stack[i]!, now.stack[i]!)) return false;
  return true;
}

function obligationsCover(match: Match, old: State, now: State): boolean {
  if (old.references.length !== now.references.length || (old.lock === undefined) !== (now.lock === undefined)) {
    return false;
  }
  if (old.lock !== undefined && (old.lock.map !== now.lock!.map || !sameId(match, old.lock.id, now.lock!.id))) {
    return false;
  }
  return old.references.every(({ id }, i) => sameId(match, id, now.references[i]!.id));
}

/** The marks of `old` are those of `now`: at once, and if `old` can still get marks, whenever it does. */
function passMarks({ mode, scalars, slots }: Match): void {
  for (const [old, now] of scalars) {
    if (mode === 'open') addSource(old, now);
    else if (old.precise) markPrecise(now);
  }
  for (const [old, now] of slots) {
    if (old === now) continue;
    const sources = old.zeroSources;
    if (mode === 'open') {
      old.inherit(now, 0xff);
      for (const source of sources) for (const other of zeroSourcesOf(now)) addSource(source, other);
      continue;
    }
    now.markRead(old.read);
    if (sources.some(({ precise }) => precise)) markZeroPrecise(now);
  }
}

/** `live` says which registers matter in each function. If `old` covers `now`, its marks are passed on. */
export function covers(old: State, now: State, mode: Mode, live: (frame: number) => number): boolean {
  if (old.frames.length !== now.frames.length) return false;
  const match: Match = { mode, ids: undefined, links: undefined, scalars: [], slots: [] };
  // the innermost function first: it is where states differ
  for (let i = old.frames.length - 1; i >= 0; i--) {
    if (!frameCovers(match, old.frames[i]!, now.frames[i]!, live(i))) return false;
  }
  if (!obligationsCover(match, old, now)) return false;
  if (mode !== 'same') passMarks(match);
  return true;
}
