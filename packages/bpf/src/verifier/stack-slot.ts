/**
 * Eight bytes of a function's stack. A write makes a new slot; bytes that it leaves alone are those of the slot below.
 *
 * A slot remembers which of its bytes were read later, by any path that went on from it. States that were kept for
 * pruning hold the same slots, so what nobody reads is not compared.
 */
import { constant, markPrecise, type Scalar } from './scalar.ts';
import { lowBits, signExtend } from './scalar-alu.ts';
import type { Value } from './values.ts';

const SLOT_BYTES = 8;
const ALL = 0xff;

export class StackSlot {
  /** Bytes that were written, by whatever they hold. */
  readonly written: number;
  /** Bytes of them that are zero. */
  readonly zero: number;
  /** What a register put there, whole or its low bytes; it begins at the slot's first byte. */
  readonly value: Value | undefined;
  readonly valueSize: number;
  /** Where the knowledge of zero comes from. */
  readonly zeroSources: Scalar[];
  /** Bytes that were read. */
  read = 0;
  private readonly below: [slot: StackSlot, bytes: number][] = [];

  constructor(written: number, zero: number, value?: Value, valueSize = 0, zeroSources: Scalar[] = []) {
    this.written = written;
    this.zero = zero;
    this.value = value;
    this.valueSize = valueSize;
    this.zeroSources = zeroSources;
  }

  /** What is read of these bytes here was read there. */
  inherit(slot: StackSlot, bytes: number): this {
    this.below.push([slot, bytes]);
    if ((this.read & bytes) !== 0) slot.markRead(this.read & bytes);
    return this;
  }

  markRead(bytes: number): void {
    const work: [StackSlot, number][] = [[this, bytes]];
    for (let next = work.pop(); next !== undefined; next = work.pop()) {
      const [slot, wanted] = next;
      const fresh = wanted & ~slot.read;
      if (fresh === 0) continue;
      slot.read |= fresh;
      for (const [under, mask] of slot.below) if ((fresh & mask) !== 0) work.push([under, fresh & mask]);
    }
  }
}

/** Nothing was written there. Every function's stack begins with slots of its own, for their read marks. */
export function freshSlot(): StackSlot {
  return new StackSlot(0, 0);
}

export function byteMask(from: number, size: number): number {
  return ((1 << size) - 1) << from;
}

/** A register's bytes, from the slot's first byte on: they can be read back as what they are. */
export function spill(old: StackSlot, value: Value, size: number): StackSlot {
  if (size === SLOT_BYTES) return new StackSlot(ALL, 0, value, size);
  const rest = withoutValue(old, byteMask(0, size));
  const mask = byteMask(0, size);
  const zeroSources = rest.zero === 0 ? [] : rest.zeroSources;
  return new StackSlot(rest.written | mask, rest.zero & ~mask, value, size, zeroSources).inherit(old, ALL & ~mask);
}

/** Bytes of which no more is known than that they are zero, thanks to `zeroSource`, or were written. */
export function overwrite(old: StackSlot, from: number, size: number, zeroSource?: Scalar): StackSlot {
  const mask = byteMask(from, size);
  const rest = withoutValue(old, mask);
  const zero = zeroSource === undefined ? rest.zero & ~mask : rest.zero | mask;
  const sources = zeroSource === undefined ? rest.zeroSources : [...rest.zeroSources, zeroSource];
  const slot = new StackSlot(rest.written | mask, zero, undefined, 0, zero === 0 ? [] : sources);
  return mask === ALL ? slot : slot.inherit(old, ALL & ~mask);
}

/** What remains of a slot of which the bytes in `mask` are written: of a register's bytes only whether they are zero. */
function withoutValue(old: StackSlot, mask: number): { written: number; zero: number; zeroSources: Scalar[] } {
  const { written, zero, value, valueSize, zeroSources } = old;
  if (value === undefined) return { written: written & ~mask, zero: zero & ~mask, zeroSources };
  const isZero = value.kind === 'scalar' && value.isConst && value.value === 0n;
  if (!isZero) return { written: written & ~mask, zero: zero & ~mask, zeroSources };
  return {
    written: written & ~mask,
    zero: (zero | byteMask(0, valueSize)) & ~mask,
    zeroSources: [...zeroSources, value],
  };
}

/** The same bytes, of which `value` is now known to be another. */
export function withValue(old: StackSlot, value: Value): StackSlot {
  return new StackSlot(old.written, old.zero, value, old.valueSize, old.zeroSources).inherit(old, ALL);
}

/** Whether the bytes are known to be zero. */
export function isZero(slot: StackSlot, from: number, size: number): boolean {
  const { value, valueSize, zero } = slot;
  const known = value?.kind === 'scalar' && value.isConst && value.value === 0n ? byteMask(0, valueSize) : 0;
  const mask = byteMask(from, size);
  return ((zero | known) & mask) === mask;
}

/** Marks that safety depends on bytes being zero. */
export function zeroSourcesOf(slot: StackSlot): Scalar[] {
  const { value, zeroSources } = slot;
  return value?.kind === 'scalar' && value.isConst ? [...zeroSources, value] : zeroSources;
}

export function markZeroPrecise(slot: StackSlot): void {
  for (const source of zeroSourcesOf(slot)) markPrecise(source);
}

/**
 * What a load of bytes of one slot gives; undefined if nothing is known of it. A pointer comes back only whole, and
 * reading a part of one is reading a number.
 */
export function fill(slot: StackSlot, from: number, size: number, signExtended: boolean): Value | undefined {
  slot.markRead(byteMask(from, size));
  const { value, valueSize } = slot;
  if (value !== undefined && from === 0) {
    if (value.kind !== 'scalar') return size === SLOT_BYTES ? value : undefined;
    if (size <= valueSize) return signExtended ? signExtend(value, size * 8, true) : lowBits(value, size * 8);
  }
  return isZero(slot, from, size) ? constant(0n, zeroSourcesOf(slot)) : undefined;
}
