/**
 * The path that most suites measure, on any backend: a program of the sample on the RX CPU, a cpumap, and on the remote CPU
 * a second program that drops, or the stack. Engine and kernel get the same bytecode.
 */
import { assembleProgram, type BpfProgram, type Instruction } from '@cpumap/bpf';
import { type Backend, type BackendStatistics, cpuMapOf } from '@cpumap/host';
import { type BytecodeSpec, remoteProgram, type SampleProgramMode, sampleMaps, sampleProgram } from '@cpumap/programs';
import { BPF_MAP_TYPE } from '@cpumap/uapi';

export const RX_CPU = 0;
const REMOTE_CPU = 1;

export interface PathSpec {
  readonly mode: SampleProgramMode;
  /** A second program that drops, or the stack. */
  readonly remote: 'drop' | 'stack';
  /** Senders: above 1 the program numbers the frames' source addresses itself, as a test run has one frame only. */
  readonly flows: number;
  readonly qsize: number;
}

/** What is counted by tracepoints, of all CPUs. */
export interface PathCounts {
  readonly enqueued: number;
  /** Frames for which the ring had no room. */
  readonly dropped: number;
  readonly enqueueEvents: number;
  readonly processed: number;
  readonly droppedByProgram: number;
}

const FLOW_MAP = 'flow';
/** Of an IPv4 header behind an Ethernet header: the lower half of the source address. */
const SADDR_LOW = 14 + 14;

const u32 = (...values: number[]): Uint8Array => new Uint8Array(Uint32Array.from(values).buffer);

/** The program with code in front that gives each frame the next of `flows` (a power of two) source addresses. */
function numberingFlows(spec: BytecodeSpec, flows: number): BytecodeSpec {
  const numbering = assembleProgram(`
    r6 = r1
    r1 = map_value(${FLOW_MAP}) ll
    r2 = *(u32 *)(r1 + 0)
    r2 += 1
    *(u32 *)(r1 + 0) = r2
    r2 &= ${flows - 1}
    r3 = *(u32 *)(r6 + 0)
    r4 = *(u32 *)(r6 + 4)
    r5 = r3
    r5 += ${SADDR_LOW + 2}
    if r5 > r4 goto short
    *(u16 *)(r3 + ${SADDR_LOW}) = r2
  short:
    r1 = r6
    exit`);
  const slots = numbering.instructions.at(-1)!.slot; // where its exit would be
  const moved = <T extends { readonly slot: number }>(item: T): T => ({ ...item, slot: item.slot + slots });
  const { instructions, mapReferences } = spec.code.bytecode;
  return {
    ...spec,
    code: {
      ...spec.code,
      bytecode: {
        instructions: [...numbering.instructions.slice(0, -1), ...instructions.map((one): Instruction => moved(one))],
        mapReferences: [...numbering.mapReferences, ...mapReferences.map(moved)],
      },
    },
  };
}

/** Makes maps and programs; the program is not attached. */
export async function createPath(backend: Backend, { mode, remote, flows, qsize }: PathSpec): Promise<BpfProgram> {
  const nrCpus = backend.possibleCpus;
  const maps = Object.fromEntries(sampleMaps(nrCpus, 8).map((spec) => [spec.name, backend.createMap(spec)]));
  const drop = remote === 'drop' ? backend.fdOf(await backend.loadProgram(remoteProgram('drop'))) : 0;
  cpuMapOf(maps.cpu_map!).set(REMOTE_CPU, { qsize, program: drop });
  maps.cpus_available!.update(0, u32(REMOTE_CPU));
  maps.cpus_count!.update(0, u32(1));
  const spec = sampleProgram(mode, { maps, nrCpus });
  if (flows === 1) return backend.loadProgram(spec);
  const flow = backend.createMap({
    name: FLOW_MAP,
    type: BPF_MAP_TYPE.ARRAY,
    keySize: 4,
    valueSize: 4,
    maxEntries: 1,
  });
  return backend.loadProgram(numberingFlows({ ...spec, maps: { ...spec.maps, [FLOW_MAP]: flow } }, flows));
}

export function countsOf({ cpus }: BackendStatistics): PathCounts {
  const sum = (of: (trace: BackendStatistics['cpus'][number]['trace']) => number): number =>
    cpus.reduce((total, { trace }) => total + of(trace), 0);
  const enqueue = (field: 'processed' | 'drops' | 'events'): number =>
    sum((trace) => trace.enqueue.reduce((total, target) => total + target[field], 0));
  return {
    enqueued: enqueue('processed'),
    dropped: enqueue('drops'),
    enqueueEvents: enqueue('events'),
    processed: sum(({ kthread }) => kthread.processed),
    droppedByProgram: sum(({ kthread }) => kthread.xdpDrop),
  };
}

export interface Round {
  readonly seconds: number;
  readonly frames: number;
  /** Frames that the remote CPU took from the ring. */
  readonly taken: number;
}

/** What a round did, checked. @throws Error when frames are missing, or went where they should not */
export function roundOf(
  { remote }: PathSpec,
  frames: number,
  seconds: number,
  before: PathCounts,
  after: PathCounts,
): Round {
  const delta = (field: keyof PathCounts): number => after[field] - before[field];
  const taken = delta('processed');
  const problem =
    delta('enqueued') !== frames
      ? `${delta('enqueued')} frames were enqueued`
      : taken !== frames - delta('dropped')
        ? `${taken} frames left the ring, which refused ${delta('dropped')}`
        : delta('droppedByProgram') !== (remote === 'drop' ? taken : 0)
          ? `the second program dropped ${delta('droppedByProgram')} of ${taken}`
          : undefined;
  if (problem !== undefined) throw new Error(`a round of ${frames} frames is wrong: ${problem}`);
  return { seconds, frames, taken };
}
