/** Programs on events: what they are handed, on which CPU's events they run, and what it costs when there are none. */
import { createAllocator, createMemory } from '@cpumap/smp';
import { featuresOf } from '@cpumap/uapi';
import { expect, it } from 'vitest';
import {
  attachTracepoints,
  createTraceArea,
  DEVMAP_XMIT_RECORD,
  ENQUEUE_RECORD,
  KTHREAD_RECORD,
  traceMaskBits,
  XDP_CPUMAP_STATS,
} from '../src/index.ts';

function createBench() {
  const memory = createMemory(1 << 22);
  const at = createTraceArea(createAllocator(memory), 2, 16);
  const clock = { now: () => 0 };
  const [first, second] = [0, 1].map((cpu) => attachTracepoints(memory, at, cpu, featuresOf('6.18'), clock));
  const enable = (name: Parameters<typeof traceMaskBits>[0]) => {
    memory.u32[at.mask >> 2]! |= traceMaskBits(name).programs;
  };
  const argument = (ctx: number, n: number) => Number(new BigInt64Array(memory.u8.buffer, ctx + 8 * n, 1)[0]);
  return { memory, first: first!, second: second!, enable, argument };
}

it('a record, and the raw arguments with what they point to', () => {
  const { memory, first, enable, argument } = createBench();
  const { u32, i32 } = memory;
  const seen: unknown[] = [];
  first.addProgram('xdp_cpumap_kthread', 'record', 1, (ctx) => {
    seen.push(['record', i32[(ctx + KTHREAD_RECORD.map_id) >> 2], u32[(ctx + KTHREAD_RECORD.processed) >> 2]]);
  });
  first.addProgram('xdp_cpumap_kthread', 'raw', 2, (ctx) => {
    const stats = argument(ctx, 4);
    const { pass, drop, redirect } = XDP_CPUMAP_STATS;
    seen.push([0, 1, 2, 3].map((n) => argument(ctx, n)));
    seen.push([pass, drop, redirect].map((field) => u32[(stats + field) >> 2]));
  });
  enable('xdp_cpumap_kthread');
  first.cpumapKthread(100, 7, 8, 1, 0, 5, 2, 3);
  expect(seen).toEqual([
    ['record', 7, 8],
    [7, 8, 1, 0],
    [5, 2, 3],
  ]);
});

it('a negative errno is sign-extended, and both devices can be read', () => {
  const { memory, first, enable, argument } = createBench();
  const seen: unknown[] = [];
  first.addProgram('xdp_devmap_xmit', 'raw', 1, (ctx) => {
    seen.push([0, 1].map((n) => memory.i32[argument(ctx, n) >> 2]));
    seen.push([2, 3, 4].map((n) => argument(ctx, n)));
  });
  first.addProgram('xdp_devmap_xmit', 'record', 2, (ctx) => {
    seen.push(memory.i32[(ctx + DEVMAP_XMIT_RECORD.err) >> 2]);
  });
  enable('xdp_devmap_xmit');
  first.devmapXmit(2, 3, 15, 1, -6);
  expect(seen).toEqual([[2, 3], [15, 1, -6], -6]);
});

it('runs for its own CPU and event alone, and no longer when it was removed or the bit is not set', () => {
  const { memory, first, second, enable } = createBench();
  const processed: number[] = [];
  first.addProgram('xdp_cpumap_enqueue', 'record', 1, (ctx) => {
    processed.push(memory.u32[(ctx + ENQUEUE_RECORD.processed) >> 2]!);
  });
  first.cpumapEnqueue(1, 1, 0, 1); // nobody has set the bit
  enable('xdp_cpumap_enqueue');
  first.cpumapEnqueue(1, 2, 0, 1);
  second.cpumapEnqueue(1, 3, 0, 1);
  first.exception(1, 0, 2);
  first.removeProgram('xdp_cpumap_enqueue', 1);
  first.cpumapEnqueue(1, 4, 0, 1);
  expect(processed).toEqual([2]);
});
