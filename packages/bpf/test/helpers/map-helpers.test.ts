/** What a program that is ended still holds goes back: the lock, and records that it has reserved. */
import { createAllocator, createMemory } from '@cpumap/smp';
import { BPF_FUNC, BPF_MAP_TYPE } from '@cpumap/uapi';
import { expect, it } from 'vitest';
import { attachMapHelpers, attachMapOps, createMap, MAP_OPS_BYTES, openRingBuffer } from '../../src/index.ts';
import { ringbufMapTypes } from '../../src/maps/ringbuf-map.ts';

const memory = createMemory(1 << 22);
const allocator = createAllocator(memory);
const maps = attachMapOps(memory, 0, 1, allocator.alloc(MAP_OPS_BYTES));
const { table, abandon } = attachMapHelpers(maps);

const helper = (id: number) => table[id] as (...args: number[]) => number;
const reserve = helper(BPF_FUNC.ringbuf_reserve);
const submit = helper(BPF_FUNC.ringbuf_submit);

it('a lock is free again', () => {
  const lock = allocator.alloc(8);
  helper(BPF_FUNC.spin_lock)(lock);
  expect(memory.u32[lock >> 2]).not.toBe(0);
  abandon();
  expect(memory.u32[lock >> 2]).toBe(0);
  abandon();
  expect(memory.u32[lock >> 2]).toBe(0);
});

it('records that were reserved are discarded, those that were submitted stay', () => {
  const spec = { type: BPF_MAP_TYPE.RINGBUF, keySize: 0, valueSize: 0, maxEntries: 4096 };
  const map = createMap({ memory, allocator, types: ringbufMapTypes(memory, allocator) }, spec, 1);
  const records = [1, 2, 3].map((number) => {
    const record = reserve(map.pointer, 8, 0, 0, 0);
    memory.u32[record >> 2] = number;
    return record;
  });
  submit(records[1]!, 0, 0);
  abandon();
  const read: number[] = [];
  openRingBuffer(map).consume((record) => read.push(record[0]!));
  expect(read).toEqual([2]);
  map.close();
});
