/**
 * Steering: the maps and programs that send each flow to a CPU of the active set, and move it in order (see
 * steering-programs.ts). Works on any backend.
 *
 * Owner  whoever created it; close it after the program is detached. Entries of CPUs stay in the map, also of parked ones.
 */
import { assembleProgram, type BpfMap, type BpfProgram, bytesOfU32 } from '@cpumap/bpf';
import type { Backend } from '@cpumap/host';
import { BPF_ATTACH_TYPE, BPF_MAP_TYPE, KernelError } from '@cpumap/uapi';
import { assignSlots } from './slots.ts';
import { BUCKETS, FLOW, SLOTS, steerText, TAKEN, takeText } from './steering-programs.ts';

export interface SteeringOptions {
  readonly backend: Backend;
  /** Remote CPUs that may be used; entries are made for all of them. */
  readonly cpus: readonly number[];
  /** Of each entry, in frames. Default 2048. */
  readonly qsize?: number;
  /** For devices with frames in several buffers. Default false. */
  readonly frags?: boolean;
}

export interface Steering {
  readonly cpus: readonly number[];
  /** The program to attach to devices. */
  readonly program: BpfProgram;
  readonly maps: Readonly<Record<'cpu_map' | 'slots' | 'flows' | 'sent' | 'taken' | 'settled' | 'total', BpfMap>>;
  /** Where flows are wanted from now on; they follow one by one. @throws KernelError EINVAL */
  setActive(cpus: readonly number[]): void;
  /**
   * Lets flows leave CPUs that have taken nothing since the last call: all that they took is delivered after a grace period,
   * for which it waits. Call it now and then; it does nothing while there is nothing to say.
   */
  settle(): void;
  /** Gives the maps back. Safe to call twice. */
  close(): void;
}

const u32At = (bytes: Uint8Array, offset: number): number =>
  new DataView(bytes.buffer, bytes.byteOffset).getUint32(offset, true);

function checkCpus(cpus: readonly number[], known: (cpu: number) => boolean, syscall: string): void {
  const strange = cpus.find((cpu) => !known(cpu));
  if (strange !== undefined) throw new KernelError('EINVAL', syscall, { hint: `${strange} is not one of its CPUs` });
  if (cpus.length === 0) throw new KernelError('EINVAL', syscall, { hint: 'flows need at least one CPU' });
  if (new Set(cpus).size < cpus.length) throw new KernelError('EINVAL', syscall, { hint: 'a CPU is named twice' });
}

/** Creates maps, loads both programs, fills the cpumap; all of `cpus` are active. @throws KernelError */
export async function createSteering(options: SteeringOptions): Promise<Steering> {
  const { backend, qsize = 2048, frags = false } = options;
  const cpus = [...options.cpus];
  const nrCpus = backend.possibleCpus;
  checkCpus(cpus, (cpu) => Number.isInteger(cpu) && cpu >= 0 && cpu < nrCpus, 'createSteering');
  const { CPUMAP, ARRAY, PERCPU_ARRAY, ARRAY_OF_MAPS } = BPF_MAP_TYPE;
  const opened: BpfMap[] = [];
  const create = (name: string, type: number, valueSize: number, maxEntries: number, innerMapFd?: number): BpfMap => {
    const inner = innerMapFd === undefined ? {} : { innerMapFd };
    const map = backend.createMap({ name, type, keySize: 4, valueSize, maxEntries, ...inner });
    opened.push(map);
    return map;
  };
  const close = (): void => {
    for (const map of opened.splice(0).reverse()) map.close();
  };

  try {
    const maps = {
      cpu_map: create('cpu_map', CPUMAP, 8, nrCpus),
      slots: create('slots', ARRAY, 4, SLOTS),
      flows: create('flows', PERCPU_ARRAY, FLOW.sizeof, BUCKETS),
      sent: create('sent', PERCPU_ARRAY, 4, nrCpus),
      taken: create('taken', ARRAY, TAKEN.sizeof, nrCpus * nrCpus),
      settled: create('settled', ARRAY, 4, nrCpus * nrCpus),
      total: create('total', PERCPU_ARRAY, 4, 1),
    };
    // an element of a map of maps that changes waits for a grace period, on Linux and the engine
    const fence = create('fence_inner', ARRAY, 4, 1);
    const fences = create('fence', ARRAY_OF_MAPS, 4, 1, backend.fdOf(fence));
    const gracePeriod = (): void => fences.update(0, bytesOfU32(backend.fdOf(fence)));
    gracePeriod(); // from now on there is an old element, for which the engine waits, too
    const { cpu_map, slots, flows, sent, taken, settled, total } = maps;
    const take = await backend.loadProgram({
      name: 'take',
      code: { bytecode: assembleProgram(takeText(nrCpus)) },
      expectedAttachType: BPF_ATTACH_TYPE.XDP_CPUMAP,
      frags,
      maps: { taken, total },
    });
    const program = await backend.loadProgram({
      name: 'steer',
      code: { bytecode: assembleProgram(steerText(nrCpus)) },
      frags,
      maps: { cpu_map, slots, flows, sent, taken, settled },
    });
    const entry = new Uint8Array(Uint32Array.of(qsize, backend.fdOf(take)).buffer);
    for (const cpu of cpus) cpu_map.update(cpu, entry);

    let wanted: readonly (number | undefined)[] = new Array(SLOTS).fill(undefined);
    const setActive = (active: readonly number[]): void => {
      checkCpus(active, (cpu) => cpus.includes(cpu), 'setActive');
      const next = assignSlots(wanted, active);
      for (const [slot, cpu] of next.entries()) if (cpu !== wanted[slot]) slots.update(slot, bytesOfU32(cpu));
      wanted = next;
    };
    setActive(cpus);

    const totals = (): Map<number, number> => {
      const bytes = total.lookup(0);
      return new Map(cpus.map((cpu) => [cpu, u32At(bytes, cpu * 8)]));
    };
    let before = totals();
    const settledAt = new Map(before);

    return {
      cpus,
      program,
      maps,
      setActive,
      settle() {
        const now = totals();
        const quiet = cpus.filter((cpu) => now.get(cpu) === before.get(cpu) && now.get(cpu) !== settledAt.get(cpu));
        before = now;
        if (quiet.length === 0) return;
        gracePeriod(); // ends every batch that is counted in `now`
        const seen = quiet.map((cpu) =>
          Array.from({ length: nrCpus }, (_, rx) => u32At(taken.lookup(cpu * nrCpus + rx), TAKEN.seen)),
        );
        const after = totals();
        for (const [i, cpu] of quiet.entries()) {
          if (after.get(cpu) !== now.get(cpu)) continue;
          for (const [rx, number] of seen[i]!.entries()) settled.update(cpu * nrCpus + rx, bytesOfU32(number));
          settledAt.set(cpu, now.get(cpu)!);
        }
      },
      close,
    };
  } catch (error) {
    close();
    throw error;
  }
}
