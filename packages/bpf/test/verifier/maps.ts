/** The maps that the programs of the tables name by number: `map_by_fd(1)`. The recorder creates the same in the kernel. */
import { BPF_F_RDONLY_PROG, BPF_F_WRONLY_PROG, BPF_MAP_TYPE } from '@cpumap/uapi';
import type { VerifierMap } from '../../src/verifier/verifier-types.ts';

const T = BPF_MAP_TYPE;

/** What lies in the read-only map: "drop" with its zero, 0x01020304 at 8, and no zero in the last 16 bytes. */
export const RODATA = new Uint8Array(32).fill(0x61, 16);
RODATA.set(new TextEncoder().encode('drop\0'), 0);
RODATA.set([4, 3, 2, 1, 0, 0, 0, 0], 8);

function readRodata(offset: number, size: number): bigint | undefined {
  if (offset < 0 || offset + size > RODATA.length) return undefined;
  let value = 0n;
  for (let i = size - 1; i >= 0; i--) value = (value << 8n) | BigInt(RODATA[offset + i]!);
  return value;
}

type Shape = readonly [
  name: string,
  type: number,
  keySize: number,
  valueSize: number,
  maxEntries: number,
  flags?: number,
];

const SHAPES: readonly Shape[] = [
  ['array', T.ARRAY, 4, 64, 10],
  ['hash', T.HASH, 8, 16, 100],
  ['cpu_map', T.CPUMAP, 4, 8, 4],
  ['dev_map', T.DEVMAP, 4, 4, 4],
  ['xsks', T.XSKMAP, 4, 4, 4],
  ['programs', T.PROG_ARRAY, 4, 4, 4],
  ['ring', T.RINGBUF, 0, 0, 4096],
  ['events', T.PERF_EVENT_ARRAY, 4, 4, 4],
  ['percpu', T.PERCPU_ARRAY, 4, 8, 1],
  ['rodata', T.ARRAY, 4, 32, 1, BPF_F_RDONLY_PROG],
  ['bss', T.ARRAY, 4, 40, 1],
  ['outer', T.ARRAY_OF_MAPS, 4, 4, 4],
  ['locked', T.ARRAY, 4, 8, 1],
  ['sink', T.ARRAY, 4, 8, 1, BPF_F_WRONLY_PROG],
  ['percpu_hash', T.PERCPU_HASH, 4, 8, 10],
  ['queue', T.QUEUE, 0, 4, 4],
  ['dev_hash', T.DEVMAP_HASH, 4, 4, 4],
  ['lru', T.LRU_HASH, 4, 8, 16],
  ['trie', T.LPM_TRIE, 8, 8, 16, 1],
  ['read_only', T.ARRAY, 4, 8, 2, BPF_F_RDONLY_PROG],
];

/** Number 1 is the first. Value and lock of `locked`: u32 count, struct bpf_spin_lock. */
export const MAPS: readonly VerifierMap[] = SHAPES.map(([name, type, keySize, valueSize, maxEntries, flags = 0], i) => {
  const map = { id: i + 1, name, type, keySize, valueSize, maxEntries, flags };
  if (name === 'rodata') return { ...map, constantValue: readRodata };
  if (name === 'locked') return { ...map, spinLockOffset: 4 };
  return map;
});
const inner = MAPS[0]!;
const outer = MAPS.findIndex(({ type }) => type === T.ARRAY_OF_MAPS);
(MAPS as VerifierMap[])[outer] = { ...MAPS[outer]!, inner };
