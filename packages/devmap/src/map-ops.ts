/**
 * BPF_MAP_TYPE_DEVMAP and BPF_MAP_TYPE_DEVMAP_HASH as bpf(2) sees them, with the kernel's checks in the kernel's order
 * (answers of Linux 6.18).
 *
 * Owner  the host thread calls all of these. CPUs only ever see a slot or a chain change, by one atomic store.
 */
import {
  BPF_MAP,
  type BpfProgram,
  bytesOfU32,
  createMapOwners,
  type MapType,
  type OwnedProgram,
  u32Of,
} from '@cpumap/bpf';
import { type Allocator, type Machine, type Memory, synchronizeRcu } from '@cpumap/smp';
import {
  BPF_ATTACH_TYPE,
  BPF_EXIST,
  BPF_F_NUMA_NODE,
  BPF_F_RDONLY,
  BPF_F_RDONLY_PROG,
  BPF_F_WRONLY,
  BPF_NOEXIST,
  type ErrnoName,
  type Features,
  KernelError,
} from '@cpumap/uapi';
import { BPF_DEVMAP_VAL, BPF_DTAB_NETDEV } from './entry.ts';
import { bucketCount, bucketOf } from './hash-lookup.ts';

export interface DevMapTypeParts {
  readonly memory: Memory;
  readonly allocator: Allocator;
  readonly machine: Machine;
  readonly features: Features;
  readonly programByFd: (fd: number) => BpfProgram | undefined;
  /** Address of the device of an ifindex; 0 if there is none. */
  readonly deviceByIndex: (ifindex: number) => number;
  /** Makes the buffers of broadcasts' copies, if they are not there. @throws KernelError ENOMEM */
  readonly prepareClones: () => void;
}

const CREATE_FLAGS = BPF_F_NUMA_NODE | BPF_F_RDONLY | BPF_F_WRONLY;
/** Rounded up to a power of two, the number of buckets has 32 bits. */
const MOST_HASHED = 2 ** 31;

function refuse(code: ErrnoName, command: string, hint: string): never {
  throw new KernelError(code, `bpf(${command})`, { hint });
}

/** What both types have in common: entries, and the checks of create. */
function createEntries(parts: DevMapTypeParts) {
  const { memory, allocator, features, programByFd, deviceByIndex, prepareClones } = parts;
  const owners = createMapOwners(false);
  const { u32 } = memory;
  const UPDATE = 'BPF_MAP_UPDATE_ELEM';

  return {
    allocCheck({ keySize, valueSize, maxEntries, flags }: Parameters<MapType['allocCheck']>[0]): void {
      const sizes = features.cpumapProgram ? [4, 8] : [4];
      if (maxEntries === 0 || keySize !== 4 || !sizes.includes(valueSize) || (flags & ~CREATE_FLAGS) !== 0) {
        const what = `keys of 4 bytes, values of ${sizes.join(' or ')}, at least one entry`;
        refuse('EINVAL', 'BPF_MAP_CREATE', `a devmap has ${what}, no flag but BPF_F_NUMA_NODE, _RDONLY and _WRONLY`);
      }
    },

    /** The slots, all empty. Programs get pointers to entries, so the map is read-only for them, and says so. */
    alloc(map: number, slots: number): void {
      if (features.devmapBroadcast) prepareClones();
      u32[(map + BPF_MAP.map_flags) >> 2]! |= BPF_F_RDONLY_PROG;
      u32[(map + BPF_MAP.element_size) >> 2] = 4;
      u32[(map + BPF_MAP.elements) >> 2] = allocator.alloc(slots * 4);
    },

    /** A new entry; 0 for a value without a device, which empties a slot. mirrors __dev_map_alloc_node: EINVAL for all. */
    make(map: number, key: number, value: Uint8Array): number {
      const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
      const ifindex = view.getUint32(BPF_DEVMAP_VAL.ifindex, true);
      const fd = value.length === BPF_DEVMAP_VAL.sizeof ? view.getInt32(BPF_DEVMAP_VAL.bpf_prog, true) : 0;
      if (ifindex === 0) {
        if (fd > 0) refuse('EINVAL', UPDATE, 'a value without a device cannot have a program');
        return 0;
      }
      const dev = deviceByIndex(ifindex);
      if (dev === 0) refuse('EINVAL', UPDATE, `no device has the ifindex ${ifindex}`);
      let progId = 0;
      if (fd > 0) {
        const program = programByFd(fd);
        if (program === undefined) return refuse('EINVAL', UPDATE, `no program has the descriptor ${fd}`);
        if (program.expectedAttachType !== BPF_ATTACH_TYPE.XDP_DEVMAP) {
          const hint = `program ${program.name} was not loaded for devmap entries: expected_attach_type is BPF_XDP_DEVMAP`;
          refuse('EINVAL', UPDATE, hint);
        }
        const problem = owners.problemOf(map, program);
        if (problem !== undefined) refuse('EINVAL', UPDATE, problem);
        progId = program.id;
      }
      const entry = allocator.alloc(BPF_DTAB_NETDEV.sizeof);
      u32[(entry + BPF_DTAB_NETDEV.ifindex) >> 2] = ifindex;
      u32[(entry + BPF_DTAB_NETDEV.prog_id) >> 2] = progId;
      u32[(entry + BPF_DTAB_NETDEV.dev) >> 2] = dev;
      u32[(entry + BPF_DTAB_NETDEV.key) >> 2] = key;
      return entry;
    },

    programUses(map: number, program: OwnedProgram): void {
      const problem = owners.problemOf(map, program);
      if (problem !== undefined) refuse('EINVAL', 'BPF_PROG_LOAD', problem);
    },

    forget: (map: number) => owners.forget(map),

    read(map: number, entry: number): Uint8Array {
      return memory.u8.slice(entry, entry + u32[(map + BPF_MAP.value_size) >> 2]!);
    },
  };
}

/** The two types of devmaps, for the host's registry. */
export function devMapTypes(parts: DevMapTypeParts): { readonly array: MapType; readonly hash: MapType } {
  const { memory, allocator, machine } = parts;
  const { u32, i32 } = memory;
  const entries = createEntries(parts);
  const read = (map: number, field: number): number => u32[(map + field) >> 2]!;
  const slot = (map: number, key: number): number => (read(map, BPF_MAP.elements) >> 2) + key;

  function free(entry: number): void {
    synchronizeRcu(machine);
    allocator.free(entry);
  }

  function checkFlags(flags: number): void {
    if (flags > BPF_EXIST) refuse('EINVAL', 'BPF_MAP_UPDATE_ELEM', `flags ${flags} are not known here`);
  }

  const array: MapType = {
    allocCheck: entries.allocCheck,
    programUses: entries.programUses,
    alloc: (map) => entries.alloc(map, read(map, BPF_MAP.max_entries)),
    lookup(map, keyBytes) {
      const key = u32Of(keyBytes);
      const entry = key < read(map, BPF_MAP.max_entries) ? u32[slot(map, key)]! : 0;
      if (entry === 0) refuse('ENOENT', 'BPF_MAP_LOOKUP_ELEM', `no device at ${key}`);
      return entries.read(map, entry);
    },
    update(map, keyBytes, value, flags) {
      // mirrors __dev_map_update_elem: flags, then bounds, then NOEXIST, which an array never grants
      const key = u32Of(keyBytes);
      checkFlags(flags);
      if (key >= read(map, BPF_MAP.max_entries)) refuse('E2BIG', 'BPF_MAP_UPDATE_ELEM', `index ${key} is out of range`);
      if (flags === BPF_NOEXIST) refuse('EEXIST', 'BPF_MAP_UPDATE_ELEM', 'a devmap has no "only create"');
      const old = Atomics.exchange(i32, slot(map, key), entries.make(map, key, value));
      if (old !== 0) free(old);
    },
    delete(map, keyBytes) {
      const key = u32Of(keyBytes);
      if (key >= read(map, BPF_MAP.max_entries))
        refuse('EINVAL', 'BPF_MAP_DELETE_ELEM', `index ${key} is out of range`);
      const old = Atomics.exchange(i32, slot(map, key), 0);
      if (old !== 0) free(old);
    },
    getNextKey(map, keyBytes) {
      const max = read(map, BPF_MAP.max_entries);
      const key = keyBytes === undefined ? undefined : u32Of(keyBytes);
      if (key === undefined || key >= max) return bytesOfU32(0);
      if (key === max - 1) refuse('ENOENT', 'BPF_MAP_GET_NEXT_KEY', 'that was the last index');
      return bytesOfU32(key + 1);
    },
    free(map) {
      synchronizeRcu(machine);
      for (let key = 0; key < read(map, BPF_MAP.max_entries); key++) {
        const entry = u32[slot(map, key)]!;
        if (entry !== 0) allocator.free(entry);
      }
      entries.forget(map);
      allocator.free(read(map, BPF_MAP.elements));
    },
  };

  /** The word that points to an entry: a bucket, or the `next` of the one before it; 0 when the key has none. */
  function linkOf(map: number, key: number): number {
    let link = bucketOf(memory, map, key);
    while (u32[link] !== 0 && u32[(u32[link]! + BPF_DTAB_NETDEV.key) >> 2] !== key) {
      link = (u32[link]! + BPF_DTAB_NETDEV.next) >> 2;
    }
    return u32[link] === 0 ? 0 : link;
  }

  /** All entries, bucket by bucket. */
  function* all(map: number): Generator<number> {
    for (let bucket = 0; bucket < bucketCount(read(map, BPF_MAP.max_entries)); bucket++) {
      for (let entry = u32[slot(map, bucket)]!; entry !== 0; entry = u32[(entry + BPF_DTAB_NETDEV.next) >> 2]!)
        yield entry;
    }
  }

  // no programUses: the kernel looks at programs that use a devmap_hash only when they are put in it
  const hash: MapType = {
    allocCheck(spec) {
      entries.allocCheck(spec);
      if (spec.maxEntries > MOST_HASHED) {
        refuse('EINVAL', 'BPF_MAP_CREATE', `max_entries ${spec.maxEntries}: at most ${MOST_HASHED}`);
      }
    },
    alloc: (map) => entries.alloc(map, bucketCount(read(map, BPF_MAP.max_entries))),
    lookup(map, keyBytes) {
      const link = linkOf(map, u32Of(keyBytes));
      if (link === 0) refuse('ENOENT', 'BPF_MAP_LOOKUP_ELEM', `no device at ${u32Of(keyBytes)}`);
      return entries.read(map, u32[link]!);
    },
    update(map, keyBytes, value, flags) {
      // mirrors __dev_map_hash_update_elem: unlike an array's, an entry without a device is refused
      const key = u32Of(keyBytes);
      const noDevice = new DataView(value.buffer, value.byteOffset).getUint32(0, true) === 0;
      if (flags > BPF_EXIST || noDevice) {
        refuse(
          'EINVAL',
          'BPF_MAP_UPDATE_ELEM',
          noDevice ? 'ifindex 0 is no device' : `flags ${flags} are not known here`,
        );
      }
      const link = linkOf(map, key);
      if (link !== 0 && flags === BPF_NOEXIST) refuse('EEXIST', 'BPF_MAP_UPDATE_ELEM', `there is a device at ${key}`);
      const entry = entries.make(map, key, value);
      if (link === 0 && [...all(map)].length >= read(map, BPF_MAP.max_entries)) {
        allocator.free(entry);
        refuse('E2BIG', 'BPF_MAP_UPDATE_ELEM', `the map is full: ${read(map, BPF_MAP.max_entries)} entries`);
      }
      // a new entry becomes its bucket's first, also where it replaces one; a CPU meets it before the old one is gone
      const bucket = bucketOf(memory, map, key);
      const old = link === 0 ? 0 : u32[link]!;
      u32[(entry + BPF_DTAB_NETDEV.next) >> 2] = u32[bucket]!;
      Atomics.store(u32, bucket, entry);
      if (old === 0) return;
      const oldLink = link === bucket ? (entry + BPF_DTAB_NETDEV.next) >> 2 : link;
      Atomics.store(u32, oldLink, u32[(old + BPF_DTAB_NETDEV.next) >> 2]!);
      free(old);
    },
    delete(map, keyBytes) {
      const link = linkOf(map, u32Of(keyBytes));
      if (link === 0) refuse('ENOENT', 'BPF_MAP_DELETE_ELEM', `no device at ${u32Of(keyBytes)}`);
      const old = u32[link]!;
      Atomics.store(u32, link, u32[(old + BPF_DTAB_NETDEV.next) >> 2]!);
      free(old);
    },
    getNextKey(map, keyBytes) {
      const keys = [...all(map)].map((entry) => u32[(entry + BPF_DTAB_NETDEV.key) >> 2]!);
      const at = keyBytes === undefined ? -1 : keys.indexOf(u32Of(keyBytes)); // an unknown key starts over
      const next = keys[at + 1];
      return next === undefined ? refuse('ENOENT', 'BPF_MAP_GET_NEXT_KEY', 'that was the last key') : bytesOfU32(next);
    },
    free(map) {
      synchronizeRcu(machine);
      for (const entry of [...all(map)]) allocator.free(entry);
      entries.forget(map);
      allocator.free(read(map, BPF_MAP.elements));
    },
  };

  return { array, hash };
}
