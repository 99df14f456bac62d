/** All types of maps that the engine has, from the packages that own them. */
import { type BpfMap, type BpfProgram, genericMapTypes, type MapType } from '@cpumap/bpf';
import { type CpuMapType, createCpuMapType } from '@cpumap/cpumap';
import { devMapTypes, xskMapType } from '@cpumap/devmap';
import { type Allocator, type Machine, type Memory, synchronizeRcu, type Tasks } from '@cpumap/smp';
import { BPF_MAP_TYPE, type Features } from '@cpumap/uapi';

export interface MapTypesParts {
  readonly memory: Memory;
  readonly allocator: Allocator;
  readonly machine: Machine;
  readonly tasks: Tasks;
  readonly features: Features;
  /** Of hash functions. */
  readonly seed: number;
  /** What a descriptor stands for; on the engine it is an id. */
  readonly programByFd: (fd: number) => BpfProgram | undefined;
  readonly mapByFd: (fd: number) => BpfMap | undefined;
  /** Address of the device of an ifindex, 0 if there is none. */
  readonly deviceByIndex: (ifindex: number) => number;
  readonly prepareClones: () => void;
  readonly waitFor: (what: string, condition: () => boolean) => void;
}

export function createMapTypes(parts: MapTypesParts): {
  readonly cpumap: CpuMapType;
  readonly mapTypes: ReadonlyMap<number, MapType>;
} {
  const { memory, allocator, machine } = parts;
  const cpumap = createCpuMapType(parts);
  const devmap = devMapTypes(parts);
  const generic = genericMapTypes({
    ...parts,
    nrCpus: machine.nrCpus,
    synchronizeRcu: () => synchronizeRcu(machine),
  });
  const mapTypes = new Map<number, MapType>([
    ...generic,
    [BPF_MAP_TYPE.DEVMAP, devmap.array],
    [BPF_MAP_TYPE.DEVMAP_HASH, devmap.hash],
    [BPF_MAP_TYPE.CPUMAP, cpumap],
    [BPF_MAP_TYPE.XSKMAP, xskMapType(memory, allocator)],
  ]);
  return { cpumap, mapTypes };
}
