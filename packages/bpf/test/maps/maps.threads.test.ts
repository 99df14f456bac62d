/** Maps between real threads: what is there is found, values are whole, and no element or record is lost or doubled. */
import { BPF_MAP_TYPE } from '@cpumap/uapi';
import { runWorkers } from '@cpumap/vitest-config/workers';
import { describe, expect, it } from 'vitest';
import { type BpfMap, MAP_OPS_BYTES, type MapSpec, openRingBuffer } from '../../src/index.ts';
import { answerOf, createMaps, u32s } from '../support/maps.ts';

const WORKERS = 3;

interface Seen {
  readonly left?: number;
  readonly wrong: Record<string, number>;
}

function traffic(role: string, spec: Partial<MapSpec>, count: number, prepare: (map: BpfMap) => void) {
  const maps = createMaps(WORKERS);
  const map = maps.create(spec);
  prepare(map);
  const gate = maps.allocator.alloc(64);
  const done = runWorkers<Seen>(
    new URL('../workers/map-traffic.js', import.meta.url),
    Array.from({ length: WORKERS }, (_, cpu) => ({
      wasm: maps.memory.wasm,
      gate,
      workers: WORKERS,
      cpu,
      scratch: maps.allocator.alloc(MAP_OPS_BYTES),
      place: maps.allocator.alloc(64),
      map: map.pointer,
      role,
      count,
      seed: 100 * count + cpu,
    })),
  );
  return { maps, map, done };
}

const nothingWrong = (seen: readonly Seen[]) => expect(seen.map(({ wrong }) => wrong)).toEqual(seen.map(() => ({})));
const T = BPF_MAP_TYPE;

describe('maps between threads', () => {
  it.each([
    ['HASH', 16],
    ['HASH', 512],
    ['PERCPU_HASH', 128],
  ] as const)('%s of %i: user space reads and writes meanwhile', async (name, room) => {
    const maxEntries = 8 + 24 * WORKERS + room;
    const size = name === 'HASH' ? 4 : 8 * WORKERS;
    const { map, done } = traffic('hash', { type: T[name], valueSize: 4, maxEntries }, 60_000, (made) => {
      for (let key = 0; key < 8; key++) made.update(key, new Uint8Array(size));
    });
    let running = true;
    let reads = 0;
    void done.finally(() => {
      running = false;
    });
    while (running) {
      for (let key = 0; key < 8; key++) {
        const value = map.lookup(key);
        expect([value[0], value[1]]).toEqual([value[2], value[3]]);
        if (name === 'HASH') map.update(key, new Uint8Array(size).fill(reads));
      }
      reads++;
      await new Promise((resolve) => setImmediate(resolve));
    }
    const seen = await done;
    nothingWrong(seen);
    expect(reads).toBeGreaterThan(0);
    const left = 8 + seen.reduce((sum, { left: own = 0 }) => sum + own, 0);
    expect(new Set([...map.keys()].map(String)).size).toBe(left);
    // the free list is whole: exactly what is missing fits, under keys of its own
    for (let i = left; i < maxEntries; i++) map.update(1_000_000 + i, new Uint8Array(size));
    expect(answerOf(() => map.update(2_000_000, new Uint8Array(size)))).toBe('E2BIG');
    expect(new Set([...map.keys()].map(String)).size).toBe(maxEntries);
  });

  it.each([1, 64])('LRU_HASH of %i', async (maxEntries) => {
    const { map, done } = traffic('lru', { type: T.LRU_HASH, valueSize: 4, maxEntries }, 60_000, () => {});
    nothingWrong(await done);
    for (let i = 0; i < maxEntries; i++) map.update(1000 + i, u32s(i));
    const keys = [...map.keys()].map(String);
    expect([keys.length, new Set(keys).size]).toEqual([maxEntries, maxEntries]);
  });

  it('LPM_TRIE', async () => {
    const spec = { type: T.LPM_TRIE, keySize: 8, valueSize: 4, maxEntries: 4000, flags: 1 };
    const eight = Uint8Array.of(8, 0, 0, 0, 10, 0, 0, 0);
    const { map, done } = traffic('lpm', spec, 60_000, (made) => made.update(eight, u32s(0)));
    nothingWrong(await done);
    for (const key of map.keys()) map.delete(key);
    expect([...map.keys()]).toEqual([]);
    for (let i = 0; i < 4000; i++) map.update(Uint8Array.of(32, 0, 0, 0, 1, 2, i >> 8, i), u32s(i));
    expect([...map.keys()]).toHaveLength(4000);
  });

  it('RINGBUF: each record once, each CPU in its order', async () => {
    const count = 20_000;
    const spec = { type: T.RINGBUF, keySize: 0, valueSize: 0, maxEntries: 4096 };
    const { map, done } = traffic('ringbuf', spec, count, () => {});
    const reader = openRingBuffer(map);
    const last = new Array<number>(WORKERS).fill(0);
    let wrong = 0;
    const consume = () =>
      reader.consume((record) => {
        const view = new DataView(record.buffer, record.byteOffset);
        const cpu = view.getUint32(0, true);
        const n = view.getUint32(4, true);
        if (n !== ++last[cpu]!) wrong++;
        for (let i = 8; i < record.length; i++) if (record[i] !== ((n + 1 + i) & 0xff)) wrong++;
      });
    let running = true;
    void done.finally(() => {
      running = false;
    });
    while (running) {
      consume();
      await new Promise((resolve) => setImmediate(resolve));
    }
    nothingWrong(await done);
    consume();
    expect([wrong, last, reader.poll()]).toEqual([0, new Array(WORKERS).fill(count), false]);
  });

  it('bpf_spin_lock', async () => {
    const { map, done } = traffic('lock', { valueSize: 8, spinLockOffset: 4 }, 100_000, () => {});
    nothingWrong(await done);
    expect(map.lookup(0)).toEqual(u32s(100_000 * WORKERS, 0));
  });
});
