/**
 * BPF_MAP_TYPE_CPUMAP as bpf(2) sees it: create, update, lookup, delete, get_next_key, free, with the kernel's checks in
 * the kernel's order.
 *
 * Owner  the host thread calls all of these. CPUs only ever see a slot change, by one atomic exchange.
 */

import { BPF_MAP, type BpfProgram, type MapType, nextIndex, u32Of } from '@cpumap/bpf';
import { type Allocator, type Machine, type Memory, synchronizeRcu, TASK_RUNNING, type Tasks } from '@cpumap/smp';
import {
  BPF_CPUMAP_VAL,
  BPF_EXIST,
  BPF_F_NUMA_NODE,
  BPF_NOEXIST,
  CPUMAP_QSIZE_MAX,
  type ErrnoName,
  type Features,
  KernelError,
  NR_CPUS,
} from '@cpumap/uapi';
import { cpuMapElementBytes } from './enqueue.ts';
import { allocEntry, CPU_MAP_ENTRY, entryTask, freeEntry, isDead } from './entry.ts';
import { createCpuMapOwners } from './map-owner.ts';

export interface CpuMapTypeParts {
  readonly memory: Memory;
  readonly allocator: Allocator;
  readonly machine: Machine;
  readonly tasks: Tasks;
  readonly features: Features;
  /** The program that a file descriptor stands for; on the engine that is the program's id. */
  readonly programByFd: (fd: number) => BpfProgram | undefined;
  /** Blocks until the CPUs have made the condition true. */
  readonly waitFor: (what: string, condition: () => boolean) => void;
}

export interface CpuMapType extends MapType {
  /** A program that uses the map was loaded. @throws KernelError EINVAL when it does not match the map's owner */
  programUses(map: number, program: BpfProgram): void;
  /** Frees entries whose kthreads have left; called by every operation, and when the host rests. */
  reap(): void;
  /** Entries that were replaced or deleted and whose kthreads have not left yet. */
  readonly dying: number;
  /** The rings of all entries, live and dying, with the CPU that empties each. */
  rings(): { readonly cpu: number; readonly ring: number }[];
}

const UPDATE = 'bpf(BPF_MAP_UPDATE_ELEM)';

function refuse(code: ErrnoName, syscall: string, hint: string): never {
  throw new KernelError(code, syscall, { hint });
}

export function createCpuMapType(parts: CpuMapTypeParts): CpuMapType {
  const { memory, allocator, machine, tasks, features, programByFd, waitFor } = parts;
  const { u32, i32 } = memory;
  const nrCpus = machine.nrCpus;
  const entryParts = { memory, allocator, nrCpus, features };
  const owners = createCpuMapOwners();
  const live = new Set<number>();
  const dying = new Set<number>();
  let nextPid = 1000;

  const maxEntries = (map: number): number => u32[(map + BPF_MAP.max_entries) >> 2]!;
  const valueSize = (map: number): number => u32[(map + BPF_MAP.value_size) >> 2]!;
  const slot = (map: number, key: number): number => (u32[(map + BPF_MAP.elements) >> 2]! >> 2) + key;

  function reap(): void {
    for (const entry of dying) {
      if (!isDead(memory, tasks, entry)) continue;
      dying.delete(entry);
      freeEntry(entryParts, entry);
    }
  }

  /** Swaps a slot; the old entry's kthread drains and leaves by itself, after a grace period. */
  function replace(map: number, key: number, entry: number): void {
    const old = Atomics.exchange(i32, slot(map, key), entry);
    if (old === 0) return;
    synchronizeRcu(machine);
    tasks.stop(entryTask(memory, old));
    live.delete(old);
    dying.add(old);
  }

  /** mirrors __cpu_map_entry_alloc; until 6.18 every failure in here is reported as ENOMEM. */
  function secondProgram(map: number, fd: number): number {
    if (fd <= 0) return 0;
    const program = programByFd(fd);
    const problem = program === undefined ? `no program has the descriptor ${fd}` : owners.problemOfEntry(map, program);
    if (problem !== undefined) refuse('ENOMEM', UPDATE, `${problem} (the kernel says ENOMEM for any unfit program)`);
    return program!.id;
  }

  function checkUpdate(map: number, key: number, qsize: number, flags: number): void {
    // mirrors cpu_map_update_elem, Linux 6.18, in this order
    if (flags > BPF_EXIST)
      refuse('EINVAL', UPDATE, `flags ${flags}: only BPF_ANY, BPF_NOEXIST and BPF_EXIST are known`);
    if (key >= maxEntries(map)) refuse('E2BIG', UPDATE, `key ${key}, but the map has ${maxEntries(map)} entries`);
    // NOEXIST is EEXIST even on an empty slot: there is no way to ask for "only create"
    if (flags === BPF_NOEXIST) refuse('EEXIST', UPDATE, 'a cpumap has no "only create": use BPF_ANY or BPF_EXIST');
    if (qsize > CPUMAP_QSIZE_MAX) refuse('EOVERFLOW', UPDATE, `qsize ${qsize}: at most ${CPUMAP_QSIZE_MAX} frames`);
    if (key >= nrCpus) refuse('ENODEV', UPDATE, `CPU ${key} is not possible here: there are CPUs 0 to ${nrCpus - 1}`);
  }

  return {
    reap,
    get dying() {
      return dying.size;
    },
    rings: () =>
      [...live, ...dying].map((entry) => ({
        cpu: u32[(entry + CPU_MAP_ENTRY.cpu) >> 2]!,
        ring: u32[(entry + CPU_MAP_ENTRY.queue) >> 2]!,
      })),

    programUses(map, program) {
      const problem = owners.problemOf(map, program);
      if (problem !== undefined) refuse('EINVAL', 'bpf(BPF_PROG_LOAD)', problem);
    },

    allocCheck({ keySize, valueSize: size, maxEntries: max, flags }) {
      const sizes = features.cpumapProgram ? [4, 8] : [4];
      if (max === 0 || keySize !== 4 || !sizes.includes(size) || (flags & ~BPF_F_NUMA_NODE) !== 0) {
        const what = `keys of 4 bytes, values of ${sizes.join(' or ')}, at least one entry, no flag but BPF_F_NUMA_NODE`;
        refuse('EINVAL', 'bpf(BPF_MAP_CREATE)', `a cpumap has ${what}`);
      }
      if (max > NR_CPUS) {
        refuse(
          'E2BIG',
          'bpf(BPF_MAP_CREATE)',
          `max_entries ${max} is above NR_CPUS (${NR_CPUS}): use the number of CPUs`,
        );
      }
    },

    alloc(map) {
      u32[(map + BPF_MAP.element_size) >> 2] = 4;
      u32[(map + BPF_MAP.elements) >> 2] = allocator.alloc(cpuMapElementBytes(maxEntries(map), nrCpus));
    },

    update(map, keyBytes, value, flags) {
      reap();
      const key = u32Of(keyBytes);
      const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
      const qsize = view.getUint32(BPF_CPUMAP_VAL.qsize, true);
      checkUpdate(map, key, qsize, flags);
      if (qsize === 0) return replace(map, key, 0); // acts as a delete, whatever the program's descriptor says
      const fd = valueSize(map) === BPF_CPUMAP_VAL.sizeof ? view.getInt32(BPF_CPUMAP_VAL.bpf_prog, true) : 0;
      const progId = secondProgram(map, fd);
      const mapId = u32[(map + BPF_MAP.id) >> 2]!;
      const entry = allocEntry(entryParts, { cpu: key, mapId, qsize, progId, pid: nextPid++ });
      const task = entryTask(memory, entry);
      tasks.post(task);
      // mirrors 6.5 and later: a kthread that is stopped before it ever ran would leave its frames behind. It has nothing
      // to do yet, so having run means that it sleeps
      waitFor(`start of the kthread on CPU ${key}`, () => tasks.state(task) > TASK_RUNNING);
      live.add(entry);
      replace(map, key, entry);
    },

    lookup(map, keyBytes) {
      reap();
      const key = u32Of(keyBytes);
      const entry = key < maxEntries(map) ? Atomics.load(i32, slot(map, key)) : 0;
      if (entry === 0) refuse('ENOENT', 'bpf(BPF_MAP_LOOKUP_ELEM)', `no entry for CPU ${key}`);
      const value = new Uint8Array(valueSize(map));
      const view = new DataView(value.buffer);
      view.setUint32(BPF_CPUMAP_VAL.qsize, u32[(entry + CPU_MAP_ENTRY.qsize) >> 2]!, true);
      if (value.length === BPF_CPUMAP_VAL.sizeof) {
        view.setUint32(BPF_CPUMAP_VAL.bpf_prog, u32[(entry + CPU_MAP_ENTRY.prog_id) >> 2]!, true);
      }
      return value;
    },

    delete(map, keyBytes) {
      reap();
      const key = u32Of(keyBytes);
      // mirrors cpu_map_delete_elem: the same bad key is E2BIG for update and EINVAL here
      if (key >= maxEntries(map)) {
        refuse('EINVAL', 'bpf(BPF_MAP_DELETE_ELEM)', `key ${key}, but the map has ${maxEntries(map)} entries`);
      }
      replace(map, key, 0);
    },

    // walks all indexes, empty ones included
    getNextKey: (map, key) => nextIndex(key, maxEntries(map)),

    free(map) {
      for (let key = 0; key < maxEntries(map); key++) replace(map, key, 0);
      waitFor('end of the kthreads of a freed cpumap', () => {
        reap();
        return dying.size === 0;
      });
      owners.forget(map);
      allocator.free(u32[(map + BPF_MAP.elements) >> 2]!);
    },
  };
}
