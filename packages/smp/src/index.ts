/**
 * Several CPUs on one shared memory: allocation, locks, ptr_ring, RCU, tasks, CPU loops and who runs them.
 *
 * @packageDocumentation
 */
export * from './allocator.ts';
export * from './clock.ts';
export * from './cpu-loop.ts';
export * from './cpu-thread.ts';
export * from './executor.ts';
export * from './executor-threads.ts';
export * from './executor-virtual.ts';
export * from './machine.ts';
export * from './memory.ts';
export * from './percpu.ts';
export * from './prng.ts';
export * from './ptr-ring.ts';
export * from './rcu.ts';
export * from './spinlock.ts';
export * from './task.ts';
