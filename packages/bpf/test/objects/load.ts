/** The committed objects, and what an act on one of them answers. */
import { readFileSync } from 'node:fs';
import { ObjectError } from '../../src/elf/object-error.ts';

export const OBJECTS = [
  'legacy-maps.o',
  'legacy-maps-28.o',
  'btf-maps.o',
  'btf-maps-19.o',
  'seed-style.o',
  'seed-style-19.o',
  'modern.o',
  'modern-19.o',
  'core.o',
  'core-19.o',
  'core-target.o',
] as const;

export function objectBytes(name: (typeof OBJECTS)[number]): Uint8Array {
  return new Uint8Array(readFileSync(new URL(name, import.meta.url)));
}

/** A copy with some bytes replaced. */
export function patched(bytes: Uint8Array, at: number, ...values: number[]): Uint8Array {
  const copy = bytes.slice();
  copy.set(values, at);
  return copy;
}

/** The refusal of `act`; undefined when it was not refused. Any other error is thrown on. */
export function refusalOf(act: () => unknown): ObjectError | undefined {
  try {
    act();
    return undefined;
  } catch (error) {
    if (error instanceof ObjectError) return error;
    throw error;
  }
}

/** Numbers from a seed, the same on every machine: mulberry32. */
export function randomOf(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}
