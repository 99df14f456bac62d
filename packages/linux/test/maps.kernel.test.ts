/** Maps of the running kernel through the same interface as the engine's. */
import { BatchError, u32Of } from '@cpumap/bpf';
import { BPF_F_LOCK, BPF_MAP_TYPE, BPF_NOEXIST, KernelError } from '@cpumap/uapi';
import { afterEach, expect, it } from 'vitest';
import { createLinuxMap, type LinuxMap } from '../src/linux-map.ts';
import { possibleCpus } from '../src/possible-cpus.ts';
import { describeOnLinux } from './support/kernel.ts';

const { ARRAY, HASH, PERCPU_ARRAY, CPUMAP } = BPF_MAP_TYPE;
const u32 = (...values: number[]): Uint8Array => new Uint8Array(Uint32Array.from(values).buffer);
const code = (act: () => unknown): string => {
  try {
    act();
    return 'ok';
  } catch (error) {
    return error instanceof KernelError ? error.code : String(error);
  }
};

const open: LinuxMap[] = [];
function create(type: number, valueSize: number, maxEntries: number, name = 'test'): LinuxMap {
  const map = createLinuxMap({ name, type, keySize: 4, valueSize, maxEntries });
  open.push(map);
  return map;
}
afterEach(() => {
  for (const map of open.splice(0)) map.close();
});

describeOnLinux('a map of the kernel', () => {
  it('says what it is', () => {
    const map = create(HASH, 8, 16, 'flows');
    expect(map.info()).toMatchObject({ name: 'flows', type: HASH, keySize: 4, valueSize: 8, maxEntries: 16, flags: 0 });
    expect(map.id).toBeGreaterThan(0);
  });

  it('updates, looks up, deletes', () => {
    const map = create(HASH, 4, 2);
    map.update(7, u32(70));
    expect([...map.lookup(7)]).toEqual([70, 0, 0, 0]);
    expect(code(() => map.update(7, u32(1), BPF_NOEXIST))).toBe('EEXIST');
    map.update(8, u32(80));
    expect(code(() => map.update(9, u32(90)))).toBe('E2BIG');
    map.delete(7);
    expect(code(() => map.lookup(7))).toBe('ENOENT');
    expect(code(() => map.delete(7))).toBe('ENOENT');
    expect([...map.lookupAndDelete(8)]).toEqual([80, 0, 0, 0]);
    expect([...map.keys()]).toEqual([]);
  });

  it('walks its keys', () => {
    const map = create(HASH, 4, 64);
    for (let key = 0; key < 40; key++) map.update(key, u32(key * key));
    const found = [...map.entries()].map(([key, value]) => [u32Of(key), u32Of(value)]);
    expect(found.sort((a, b) => a[0]! - b[0]!)).toEqual(Array.from({ length: 40 }, (_, key) => [key, key * key]));
    expect(code(() => create(ARRAY, 4, 1).getNextKey(0))).toBe('ENOENT');
  });

  it('does batches', () => {
    const map = create(HASH, 4, 64);
    const keys = Array.from({ length: 30 }, (_, key) => key);
    map.updateBatch(
      keys,
      keys.map((key) => u32(key + 1)),
    );
    const seen = new Map<number, number>();
    for (let from: Uint8Array | undefined, more = true; more; ) {
      const batch = map.lookupBatch(from, 64);
      for (const [i, key] of batch.keys.entries()) seen.set(u32Of(key), u32Of(batch.values[i]!));
      from = batch.next;
      more = from !== undefined;
    }
    expect(seen).toEqual(new Map(keys.map((key) => [key, key + 1])));
    map.deleteBatch([0, 1, 2]);
    expect(() => map.deleteBatch([3, 99])).toThrow(BatchError);
    expect([...map.keys()]).toHaveLength(26);
  });

  it('has a value for each possible CPU', () => {
    const map = create(PERCPU_ARRAY, 12, 1);
    const value = map.lookup(0);
    expect(value).toHaveLength(16 * possibleCpus());
    value.fill(5);
    map.update(0, value);
    expect(map.lookup(0).slice(0, 12)).toEqual(new Uint8Array(12).fill(5));
  });

  it('has values with a bpf_spin_lock, which nobody is shown', () => {
    const spec = { type: HASH, keySize: 12, valueSize: 16, maxEntries: 4, spinLockOffset: 8 };
    const map = createLinuxMap(spec);
    open.push(map);
    const key = new Uint8Array(12).fill(1);
    map.update(key, new Uint8Array(16).fill(7));
    map.update(key, new Uint8Array(16).fill(9), BPF_F_LOCK);
    expect([...map.lookup(key, BPF_F_LOCK)]).toEqual([9, 9, 9, 9, 9, 9, 9, 9, 0, 0, 0, 0, 9, 9, 9, 9]);
    expect(code(() => create(HASH, 16, 4).lookup(1, BPF_F_LOCK))).toBe('EINVAL');
  });

  it('freezes', () => {
    const map = create(ARRAY, 4, 1);
    map.freeze();
    expect(code(() => map.update(0, u32(1)))).toBe('EPERM');
    expect(map.info().frozen).toBe(true);
  });

  it.each([
    ['values of 3 bytes', () => create(CPUMAP, 3, 1), 'EINVAL'],
    ['no entries', () => create(CPUMAP, 4, 0), 'EINVAL'],
    ['a CPU beyond the map', () => create(CPUMAP, 4, 1).update(1, u32(64)), 'E2BIG'],
    ['a ring of 16385 frames', () => create(CPUMAP, 4, 1).update(0, u32(16385)), 'EOVERFLOW'],
    ['no such type', () => create(9999, 4, 1), 'EINVAL'],
  ])('refuses a cpumap with %s', (_, act, expected) => {
    expect(code(act)).toBe(expected);
  });

  it('without keys and values has no elements, and is asked without pointers to any', () => {
    const map = createLinuxMap({ type: BPF_MAP_TYPE.RINGBUF, keySize: 0, valueSize: 0, maxEntries: 4096 });
    const nothing = new Uint8Array(0);
    expect(code(() => map.lookup(nothing))).toBe('ENOTSUPP');
    expect(code(() => map.update(nothing, nothing))).toBe('ENOTSUPP');
    expect(code(() => map.getNextKey(nothing))).toBe('ENOTSUPP');
    map.close();
  });

  it('is closed once', () => {
    const map = create(ARRAY, 4, 1);
    map.close();
    map.close();
    expect(code(() => map.lookup(0))).toBe('EBADF');
  });

  it.each([
    ['a key of 8 bytes', () => create(ARRAY, 4, 1).lookup(new Uint8Array(8)), 'a key of map'],
    ['a value of 8 bytes', () => create(ARRAY, 4, 1).update(0, new Uint8Array(8)), 'a value of map'],
  ])('refuses %s before the kernel reads beyond it', (_, act, message) => {
    expect(act).toThrow(message);
  });
});
