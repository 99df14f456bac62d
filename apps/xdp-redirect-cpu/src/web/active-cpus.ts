/**
 * Which remote CPUs the programs are told to use: the first of cpus_available, as many as cpus_count says.
 *
 * A parked CPU keeps its entry, for frames that are on their way to it. Its place in cpus_available names one that is in
 * use: a program that read cpus_count a moment ago, or that does not read it, never meets a place without a CPU.
 */
import { type BpfMap, bytesOfU32 } from '@cpumap/bpf';
import { ControlRefused } from '@cpumap/dashboard';

export interface ActiveCpus {
  /** In the order in which programs count them. */
  list(): readonly number[];
  /** false: the programs have no such maps. */
  readonly settable: boolean;
  /** round_robin must not run meanwhile. @throws ControlRefused */
  set(cpu: number, active: boolean): Promise<void>;
  /** Makes sure that round_robin finds its way in them; it must not run meanwhile. */
  keepTurns(): Promise<void>;
}

export type Maps = Readonly<Partial<Record<'cpus_available' | 'cpus_count' | 'cpus_iterator', BpfMap>>>;

/** A run that began before may still write its next turn; then it is set back once more. */
const TURN_TRIES = 20;
const TURN_WAIT_MS = 2;

export function createActiveCpus(maps: Maps, remoteCpus: readonly number[]): ActiveCpus {
  const { cpus_available: available, cpus_count: countMap, cpus_iterator: turns } = maps;
  let list = [...remoteCpus];

  function fill(): void {
    remoteCpus.forEach((_, index) => {
      available!.update(index, bytesOfU32(list[index % list.length]!));
    });
  }

  /** round_robin goes on for ever from a turn beyond the count, and aborts every frame. */
  async function keepTurns(): Promise<void> {
    if (turns === undefined) return;
    for (let tries = 0; tries < TURN_TRIES; tries++) {
      const bytes = turns.lookup(0);
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      const now = Array.from({ length: bytes.length / 8 }, (_, cpu) => view.getUint32(cpu * 8, true));
      if (now.every((turn) => turn < list.length)) return;
      turns.update(0, new Uint8Array(bytes.length));
      await new Promise((resolve) => setTimeout(resolve, TURN_WAIT_MS));
    }
  }

  return {
    list: () => list,
    keepTurns,
    settable: available !== undefined && countMap !== undefined,
    async set(cpu, active) {
      if (!remoteCpus.includes(cpu)) {
        throw new ControlRefused(400, `CPU ${cpu} has no entry: there are ${remoteCpus.join(', ')}`);
      }
      const wanted = remoteCpus.filter((each) => (each === cpu ? active : list.includes(each)));
      if (wanted.length === 0) throw new ControlRefused(409, `CPU ${cpu} is the last one in use`);
      const fewer = wanted.length < list.length;
      list = wanted;
      if (fewer) countMap!.update(0, bytesOfU32(list.length));
      fill();
      if (!fewer) countMap!.update(0, bytesOfU32(list.length));
      await keepTurns();
    },
  };
}
