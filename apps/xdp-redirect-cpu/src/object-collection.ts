/**
 * An object's maps and programs on a host, with the configuration that load balancers of this kind leave to user space: the
 * number of CPUs, the CPUs to redirect to, and the sizes of what there is one of for each CPU.
 */
import { type BpfMap, bytesOfU32, type CollectionSpec } from '@cpumap/bpf';
import {
  type Backend,
  type Collection,
  type ConstantValue,
  type CpuMap,
  cpuMapOf,
  hasConstant,
  loadCollection,
  whyNotRun,
} from '@cpumap/host';
import { BPF_MAP_TYPE, BPF_PROG_TYPE } from '@cpumap/uapi';
import { CommandError, EXIT } from './exit-codes.ts';
import { cpuMapOfProgram, typesOf } from './object-file.ts';

export interface ObjectCollection extends Collection {
  readonly spec: CollectionSpec;
  /** undefined for a program that has none. */
  readonly cpuMap: CpuMap | undefined;
}

export interface ObjectCollectionOptions {
  /** The program whose cpumap is meant. */
  readonly program: string;
  /** All that are wanted, that one included. */
  readonly programs: readonly string[];
  readonly remoteCpus: readonly number[];
  /** The most entries that a map gets; undefined for as many as it asks for. */
  readonly clampMaps?: number | undefined;
}

/** How often xdp-tools' counters are there for each CPU: by kind of error, by action, by target CPU. */
const PER_CPU: Readonly<Record<string, (cpus: number) => number>> = {
  redir_err_cnt: () => 7,
  exception_cnt: () => 6,
  cpumap_enqueue_cnt: (cpus) => cpus,
};

/** Programs for tracepoints. */
const TRACING: readonly number[] = [BPF_PROG_TYPE.TRACEPOINT, BPF_PROG_TYPE.RAW_TRACEPOINT, BPF_PROG_TYPE.TRACING];

/**
 * The object's programs for events that the machine has. Of xdp-tools' pairs for one event, `name` and `…_compat` for
 * kernels before 5.9, the first alone: both would count everything twice.
 */
export function tracingPrograms(host: Backend, spec: CollectionSpec): { names: string[]; notes: string[] } {
  const names: string[] = [];
  const notes: string[] = [];
  const all = [...spec.programs.values()].filter(
    ({ programType, autoload }) => autoload && TRACING.includes(programType!),
  );
  for (const program of all) {
    const { name, attachTo } = program;
    const stead = name.endsWith('_compat') && all.find((other) => other !== program && other.attachTo === attachTo);
    const reason = stead ? `${stead.name} does its work` : whyNotRun(host, program);
    if (reason === undefined) names.push(name);
    else notes.push(`program ${name} is not attached: ${reason}`);
  }
  return { names, notes };
}

/** Sizes of the maps that leave it to the loader: one element for each CPU, unless the name says otherwise. */
export function collectionSizes(spec: CollectionSpec, cpus: number): Record<string, number> {
  const open = [...spec.maps.values()].filter(({ maxEntries, data }) => maxEntries === 0 && data === undefined);
  return Object.fromEntries(open.map(({ name }) => [name, cpus * (PER_CPU[name]?.(cpus) ?? 1)]));
}

const PERCPU_VALUES: readonly number[] = [
  BPF_MAP_TYPE.PERCPU_ARRAY,
  BPF_MAP_TYPE.PERCPU_HASH,
  BPF_MAP_TYPE.LRU_PERCPU_HASH,
];
/** More than any element has beside its key and value. */
const ELEMENT_BYTES = 96;

/** Memory that the maps take, generously: each with its elements, at most `limit` of them. */
function collectionBytes(spec: CollectionSpec, cpus: number, limit = Number.POSITIVE_INFINITY): number {
  const sizes = collectionSizes(spec, cpus);
  return [...spec.maps.values()].reduce((bytes, { name, type, keySize, valueSize, maxEntries }) => {
    const entries = Math.min(sizes[name] ?? maxEntries, limit);
    const values = (valueSize + 8) * (PERCPU_VALUES.includes(type) ? cpus : 1);
    return bytes + entries * (ELEMENT_BYTES + keySize + values);
  }, 0);
}

/** Of a machine without devices. */
const BASE_MEMORY = 64 * 1024 * 1024;
const LARGEST_MEMORY = 2 ** 31;

/** Memory for a machine of `base` bytes with the maps of an object, as far as there can be so much. */
export function memoryFor(spec: CollectionSpec, cpus: number, base = BASE_MEMORY, limit?: number): number {
  return Math.min(base + collectionBytes(spec, cpus, limit), LARGEST_MEMORY);
}

function constants(spec: CollectionSpec, cpus: number, remoteCpus: number, cpuMap: string | undefined) {
  const known: Record<string, ConstantValue> = { nr_cpus: cpus, num_cpus: cpus };
  if (remoteCpus > 0) known.cpus_count = remoteCpus;
  if (cpuMap !== undefined) known.cpumap_map_id = { mapId: cpuMap };
  return Object.fromEntries(Object.entries(known).filter(([name]) => hasConstant(spec, name)));
}

/** Programs that stand in program arrays from the start: whoever makes a tail call counts on them. */
function inProgramArrays(spec: CollectionSpec): string[] {
  const values = [...spec.maps.values()].flatMap((map) => map.values);
  return values.filter(({ kind }) => kind === 'program').map(({ target }) => target);
}

/** Loads, and fills in constants; entries come with `addCpus`. @throws KernelError, ObjectError, CommandError */
export async function openCollection(
  host: Backend,
  spec: CollectionSpec,
  { program, programs, remoteCpus, clampMaps }: ObjectCollectionOptions,
): Promise<ObjectCollection> {
  const cpus = host.possibleCpus;
  const cpuMap = cpuMapOfProgram(spec, program);
  const collection = await loadCollection(host, spec, {
    programs: [...new Set([...programs, ...inProgramArrays(spec)])],
    types: typesOf(spec),
    constants: constants(spec, cpus, remoteCpus.length, cpuMap?.name),
    maxEntries: collectionSizes(spec, cpus),
    ...(clampMaps === undefined ? {} : { clampMaps }),
  });
  return { ...collection, spec, cpuMap: cpuMap && cpuMapOf(collection.maps.get(cpuMap.name)!) };
}

export interface Entry {
  readonly qsize: number;
  /** What stands for the program in each entry (`fdOf`), 0 for none. */
  readonly program: number;
}

/**
 * Gives the cpumap its entries, and the programs what they look CPUs up in, where they have maps of these names:
 * cpus_available the CPUs in their order, all other elements a number that is no CPU; cpus_count how many there are. The
 * turn in cpus_iterator starts at 0, as all arrays do.
 */
export function addCpus(
  cpuMap: CpuMap,
  maps: ReadonlyMap<string, BpfMap>,
  remoteCpus: readonly number[],
  { qsize, program }: Entry,
): string[] {
  const { maxEntries, name } = cpuMap.map.info();
  const beyond = remoteCpus.find((cpu) => cpu >= maxEntries);
  if (beyond !== undefined) {
    throw new CommandError(EXIT.BPF, `--cpu ${beyond}: map ${name} has entries for CPUs 0 to ${maxEntries - 1}`);
  }
  const available = maps.get('cpus_available');
  const count = maps.get('cpus_count');
  const room = available?.info().maxEntries ?? remoteCpus.length;
  if (remoteCpus.length > room) {
    throw new CommandError(
      EXIT.BPF,
      `${remoteCpus.length} CPUs to redirect to, and cpus_available has room for ${room}`,
    );
  }
  for (let index = 0; index < room; index++) available?.update(index, bytesOfU32(maxEntries));
  return remoteCpus.map((cpu, index) => {
    cpuMap.set(cpu, program === 0 ? { qsize } : { qsize, program });
    available?.update(index, bytesOfU32(cpu));
    count?.update(0, bytesOfU32(index + 1));
    return `Add-new CPU:${cpu} as idx:${index} queue_size:${qsize} (total cpus_count:${index + 1})`;
  });
}

/** The maps of those names. @throws CommandError for a name that the object does not have */
export function mapsToDump({ maps, spec }: ObjectCollection, names: readonly string[]): BpfMap[] {
  return names.map((name) => {
    const map = maps.get(name);
    if (map !== undefined) return map;
    throw new CommandError(
      EXIT.OPTION,
      `--dump-map ${name}: ${spec.name} has ${[...maps.keys()].join(', ') || 'no maps'}`,
    );
  });
}
