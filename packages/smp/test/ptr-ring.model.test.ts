/** ptr_ring against a model: an array of slots, and the kernel's rules in as many words. */
import fc from 'fast-check';
import { it } from 'vitest';
import { createAllocator } from '../src/allocator.ts';
import { createMemory } from '../src/memory.ts';
import { attachPtrRings, ptrRingBytes } from '../src/ptr-ring.ts';

type Slot = { is: 'NULL' } | { is: 'full'; pointer: number } | { is: 'stale' };
const NULL: Slot = { is: 'NULL' };
const STALE: Slot = { is: 'stale' };

class Model {
  readonly slots: Slot[];
  readonly clearedAtOnce: number;
  nextIn = 0;
  nextOut = 0;
  lastPointer = 0;

  constructor(size: number) {
    this.slots = new Array<Slot>(size).fill(NULL);
    this.clearedAtOnce = size >= 32 ? 16 : 1;
  }

  /** Puts one pointer where the next one belongs, if that slot is NULL. */
  produce(pointer: number): boolean {
    if (this.slots[this.nextIn]!.is !== 'NULL') return false;
    this.slots[this.nextIn] = { is: 'full', pointer };
    this.nextIn = (this.nextIn + 1) % this.slots.length;
    return true;
  }

  /** Takes one pointer; a whole batch of stale slots, or the end of the array, makes all stale slots NULL. */
  consume(): number | undefined {
    const slot = this.slots[this.nextOut]!;
    if (slot.is !== 'full') return undefined;
    this.slots[this.nextOut] = STALE;
    this.nextOut = (this.nextOut + 1) % this.slots.length;
    if (this.count('stale') === this.clearedAtOnce || this.nextOut === 0) {
      for (const [i, { is }] of this.slots.entries()) if (is === 'stale') this.slots[i] = NULL;
    }
    return slot.pointer;
  }

  count(wanted: Slot['is']): number {
    return this.slots.filter(({ is }) => is === wanted).length;
  }
}

/** The ring under test, and room for one bulk. */
function createRing(size: number) {
  const memory = createMemory(65536 * 2);
  const allocator = createAllocator(memory);
  const ring = allocator.alloc(ptrRingBytes(size));
  const bulk = allocator.alloc(128 * 4);
  const rings = attachPtrRings(memory);
  rings.init(ring, size);
  const firstSlot = (ring + ptrRingBytes(0)) >> 2;
  return { rings, ring, bulk, words: memory.u32, slots: memory.u32.subarray(firstSlot, firstSlot + size) };
}
type Ring = ReturnType<typeof createRing>;

function expectSame(what: string, got: unknown, wanted: unknown): void {
  if (got !== wanted) throw new Error(`${what}: ${got}, the model says ${wanted}`);
}

function compare(model: Model, { rings, ring, slots }: Ring): void {
  expectSame('isEmpty', rings.isEmpty(ring), model.count('full') === 0);
  expectSame('depth', rings.depth(ring), model.count('full'));
  for (const [i, slot] of model.slots.entries()) {
    if (slot.is === 'full') expectSame(`slot ${i}`, slots[i], slot.pointer);
    else expectSame(`slot ${i} is NULL`, slots[i] === 0, slot.is === 'NULL');
  }
}

class Produce implements fc.Command<Model, Ring> {
  readonly n: number;
  constructor(n: number) {
    this.n = n;
  }
  check = () => true;
  toString = () => `produceBulk(${this.n})`;

  run(model: Model, real: Ring): void {
    const pointers = Array.from({ length: this.n }, () => ++model.lastPointer);
    real.words.set(pointers, real.bulk >> 2);
    const taken = real.rings.produceBulk(real.ring, real.bulk, this.n);
    const fitting = pointers.findIndex((pointer) => !model.produce(pointer));
    expectSame('taken', taken, fitting < 0 ? this.n : fitting);
    compare(model, real);
  }
}

class Consume implements fc.Command<Model, Ring> {
  readonly max: number;
  constructor(max: number) {
    this.max = max;
  }
  check = () => true;
  toString = () => `consumeBatched(${this.max})`;

  run(model: Model, real: Ring): void {
    const n = real.rings.consumeBatched(real.ring, real.bulk, this.max);
    for (let i = 0; i < n; i++) expectSame(`pointer ${i}`, real.words[(real.bulk >> 2) + i], model.consume());
    if (n < this.max) expectSame('the next one', undefined, model.consume());
    compare(model, real);
  }
}

it('answers as an array of NULL, full and stale slots does', () => {
  const amount = fc.oneof(fc.integer({ min: 0, max: 9 }), fc.integer({ min: 0, max: 100 }));
  const commands = [amount.map((n) => new Produce(n)), amount.map((n) => new Consume(n))];
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 70 }),
      fc.commands(commands, { maxCommands: 200, size: 'max' }),
      (size, script) => {
        fc.modelRun(() => ({ model: new Model(size), real: createRing(size) }), script);
      },
    ),
    { numRuns: 500 },
  );
});
