/** Two pools and three CPUs against a model that knows only which buffers are out: none is lost, none is given twice. */
import { createAllocator, createMemory } from '@cpumap/smp';
import fc from 'fast-check';
import { it } from 'vitest';
import { attachFramePools, createFramePool, createFramePools, framePoolFree } from '../src/frame-pool.ts';

const NR_CPUS = 3;
const MAX_BULK = 150;

interface Model {
  readonly counts: readonly number[];
  /** The buffers of each pool that are out. */
  readonly out: readonly Set<number>[];
  /** At most as many have been put and may still wait for a flush, on each CPU and of each pool. */
  readonly unflushed: readonly number[][];
}

function createReal(counts: readonly number[]) {
  const memory = createMemory(4 << 20);
  const allocator = createAllocator(memory);
  const at = createFramePools(memory, allocator, NR_CPUS);
  const pools = counts.map((count, cpu) => createFramePool(memory, allocator, at, { count, maxFrame: 100, cpu }));
  const cpus = Array.from({ length: NR_CPUS }, (_, cpu) => attachFramePools(memory, at, cpu));
  return { memory, pools, cpus, list: allocator.alloc(MAX_BULK * 4) };
}
type Real = ReturnType<typeof createReal>;

function ensure(condition: boolean, what: string): void {
  if (!condition) throw new Error(what);
}

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);

/** What is not in is out or on its way back. */
function checkCounts(model: Model, real: Real): void {
  for (const [i, pool] of real.pools.entries()) {
    const most = model.counts[i]! - model.out[i]!.size;
    const least = most - sum(model.unflushed.map((row) => row[i]!));
    const free = framePoolFree(real.memory, pool);
    ensure(free <= most && free >= least, `pool ${i} has ${free}, the model says ${least} to ${most}`);
  }
}

type Command = fc.Command<Model, Real>;

/** The pool's owner takes up to `n`: new ones, and as many as are in. */
const alloc = (i: number, n: number): Command => ({
  check: () => true,
  toString: () => `alloc(pool ${i}, ${n})`,
  run(model, real) {
    const free = framePoolFree(real.memory, real.pools[i]!);
    const taken = real.cpus[i]!.allocBulk(real.pools[i]!, real.list, n);
    ensure(taken === Math.min(n, free), `got ${taken} of ${n}, ${free} were in`);
    for (let j = 0; j < taken; j++) {
      const frame = real.memory.u32[(real.list >> 2) + j]!;
      ensure(!model.out.some((out) => out.has(frame)), `${frame} was out already`);
      model.out[i]!.add(frame);
    }
    checkCounts(model, real);
  },
});

/** CPU `cpu` gives back up to `n` of each pool, turn by turn. */
const put = (cpu: number, n: number): Command => ({
  check: (model) => model.out.some((out) => out.size > 0),
  toString: () => `put(cpu ${cpu}, ${n})`,
  run(model, real) {
    for (let j = 0; j < n; j++) {
      for (const [i, out] of model.out.entries()) {
        const [frame] = out;
        if (frame === undefined) continue;
        out.delete(frame);
        real.cpus[cpu]!.put(frame);
        model.unflushed[cpu]![i]!++;
      }
    }
    checkCounts(model, real);
  },
});

const flush = (cpu: number): Command => ({
  check: () => true,
  toString: () => `flush(cpu ${cpu})`,
  run(model, real) {
    real.cpus[cpu]!.flush();
    model.unflushed[cpu]!.fill(0);
    checkCounts(model, real);
  },
});

/** Everything comes back: then each pool has all it began with, and gives it all out again. */
const settle: Command = {
  check: () => true,
  toString: () => 'settle',
  run(model, real) {
    put(2, Math.max(...model.counts)).run(model, real);
    for (let cpu = 0; cpu < NR_CPUS; cpu++) flush(cpu).run(model, real);
    for (const [i, count] of model.counts.entries()) alloc(i, count).run(model, real);
    for (const [i, count] of model.counts.entries()) ensure(model.out[i]!.size === count, `pool ${i} lost buffers`);
  },
};

it('no buffer is lost or given twice, and no return fails', () => {
  const cpu = fc.nat(NR_CPUS - 1);
  const few = fc.oneof(fc.nat(10), fc.nat(MAX_BULK));
  const commands = [
    fc.tuple(fc.nat(1), few).map(([i, n]) => alloc(i, n)),
    fc.tuple(cpu, few).map(([who, n]) => put(who, n)),
    cpu.map(flush),
    fc.constant(settle),
  ];
  const count = fc.integer({ min: 1, max: MAX_BULK });
  fc.assert(
    fc.property(count, count, fc.commands(commands, { maxCommands: 60, size: 'max' }), (one, two, script) => {
      const model: Model = {
        counts: [one, two],
        out: [new Set(), new Set()],
        unflushed: Array.from({ length: NR_CPUS }, () => [0, 0]),
      };
      const real = createReal(model.counts);
      fc.modelRun(() => ({ model, real }), [...script, settle]);
    }),
    { numRuns: 150 },
  );
});
