/**
 * One CPU with the sample's maps and one frame, for programs to run on: real memory, real array maps, a real xdp_md.
 * Only bpf_redirect_map is played: it records the key and answers XDP_REDIRECT, or what `redirectAnswer` says. A program
 * may touch its packet, its context (to read) and this CPU's elements of the maps that it was given.
 */

import {
  arrayMapTypes,
  attachMapLookup,
  type BpfHelpers,
  type BpfMap,
  createMap,
  type ProgramEnv,
  type ProgramInstance,
} from '@cpumap/bpf';
import { createAllocator, createMemory, type Memory } from '@cpumap/smp';
import { BPF_MAP_TYPE, DATAREC, XDP_MD, XDP_REDIRECT } from '@cpumap/uapi';
import {
  type SampleMapName,
  type SampleProgramName,
  type SteeringProgramName,
  sampleMaps,
  sampleProgram,
  steeringProgram,
} from '../../src/index.ts';
import { startBytecode, valuesOf } from './engines.ts';

interface Counters {
  readonly processed: bigint;
  readonly dropped: bigint;
  readonly issue: bigint;
}

export interface Outcome {
  readonly verdict: number;
  /** The CPU that bpf_redirect_map was asked for; undefined when it was not called. */
  readonly cpu: number | undefined;
}

export type ProgramName = SampleProgramName | SteeringProgramName;

const isSteering = (name: ProgramName): name is SteeringProgramName => name.startsWith('steer_');

export interface Bench {
  readonly memory: Memory;
  readonly env: ProgramEnv;
  readonly maps: Readonly<Record<Exclude<SampleMapName, 'cpu_map'>, BpfMap>>;
  /** Room around a frame, to poison: the frame lies anywhere in it. */
  readonly arena: Uint8Array;
  /** Every redirect so far: map, key, flags. */
  readonly redirects: [map: number, key: number, flags: number][];
  redirectAnswer: number;
  setAvailable(cpus: readonly number[]): void;
  setCount(count: number): void;
  /** Puts `packet` at `offset` of the arena, `length` of its bytes before data_end and the rest behind. */
  place(packet: Uint8Array, offset?: number, length?: number): number;
  /** One of the programs, with these maps. */
  instantiate(engine: Engine, name: ProgramName): ProgramInstance;
  run(instance: ProgramInstance, ctx: number): Outcome;
  counters(cpu?: number): Counters;
}

export interface BenchOptions {
  readonly nrCpus?: number;
  /** The CPU that runs the program. */
  readonly cpu?: number;
  readonly cpusAvailable?: readonly number[];
  readonly cpusCount?: number;
}

const ARENA = 16_384;
export const HEADROOM = 256;

function notPlayed(): never {
  throw new Error('this helper is not for sample programs');
}

/** By default CPU 0 of 12, with cpus_available as the sample has it after adding CPUs 0 to 3. */
export function createBench(options: BenchOptions = {}): Bench {
  const { nrCpus = 12, cpu = 0, cpusAvailable = [0, 1, 2, 3], cpusCount = cpusAvailable.length } = options;
  const memory = createMemory(1 << 20);
  const { u8, u32 } = memory;
  const allocator = createAllocator(memory);
  const types = arrayMapTypes(memory, allocator, nrCpus);
  const create = (name: string): BpfMap => {
    const spec = sampleMaps(nrCpus).find((map) => map.name === name)!;
    return createMap({ memory, allocator, types }, spec, spec.type === BPF_MAP_TYPE.ARRAY ? 1 : 2);
  };
  const maps = {
    rx_cnt: create('rx_cnt'),
    cpus_available: create('cpus_available'),
    cpus_count: create('cpus_count'),
    cpus_iterator: create('cpus_iterator'),
  };
  const cpuMap = allocator.alloc(64); // nobody looks inside
  const ctx = allocator.alloc(XDP_MD.sizeof);
  const arena = allocator.alloc(ARENA);

  let redirected: number | undefined;
  const helpers: BpfHelpers = {
    mapLookupElem: attachMapLookup(memory, cpu),
    redirectMap(map, key, flags) {
      redirected = key;
      bench.redirects.push([map, key, flags]);
      return bench.redirectAnswer;
    },
    redirect: notPlayed,
    xdpAdjustHead: notPlayed,
    xdpAdjustMeta: notPlayed,
    xdpAdjustTail: notPlayed,
    xdpGetBuffLen: notPlayed,
    xdpLoadBytes: notPlayed,
    xdpStoreBytes: notPlayed,
    ktimeGetNs: notPlayed,
    getSmpProcessorId: () => cpu,
    getPrandomU32: notPlayed,
  };
  const word = (value: number): Uint8Array => new Uint8Array(Uint32Array.of(value).buffer);

  const bench: Bench = {
    memory,
    env: {
      memory,
      helpers,
      maps: {
        cpu_map: cpuMap,
        ...Object.fromEntries(Object.entries(maps).map(([name, map]) => [name, map.pointer])),
      },
      constants: { nr_cpus: nrCpus },
    },
    maps,
    arena: u8.subarray(arena, arena + ARENA),
    redirects: [],
    redirectAnswer: XDP_REDIRECT,
    setAvailable(cpus) {
      for (let i = 0; i < nrCpus; i++) maps.cpus_available.update(i, word(cpus[i] ?? nrCpus));
    },
    setCount(count) {
      maps.cpus_count.update(0, word(count));
    },
    place(packet, offset = HEADROOM, length = packet.length) {
      u8.set(packet, arena + offset);
      u32[(ctx + XDP_MD.data) >> 2] = arena + offset;
      u32[(ctx + XDP_MD.data_meta) >> 2] = arena + offset;
      u32[(ctx + XDP_MD.data_end) >> 2] = arena + offset + length;
      return ctx;
    },
    instantiate(engine, name) {
      const references = Object.fromEntries(
        Object.entries(bench.env.maps).map(([map, pointer], i) => [map, { id: i + 1, pointer }]),
      );
      const options = { maps: references, nrCpus };
      const spec = isSteering(name) ? steeringProgram(name, options) : sampleProgram(name, options);
      const given = Object.keys(spec.maps ?? {}).flatMap((map) => maps[map as keyof typeof maps] ?? []);
      const { mapLookupElem, redirectMap } = helpers;
      return startBytecode(engine, spec, {
        memory,
        allocator,
        maps: bench.env.maps,
        values: given.flatMap((map) => valuesOf(map, mapLookupElem)),
        helpers: { mapLookupElem, redirectMap },
        context: 'xdp_md',
      });
    },
    run(instance, at) {
      redirected = undefined;
      const verdict = instance(at);
      return { verdict, cpu: redirected };
    },
    counters(of = cpu) {
      const value = maps.rx_cnt.lookup(0);
      const view = new DataView(value.buffer, of * DATAREC.sizeof, DATAREC.sizeof);
      const read = (field: number): bigint => view.getBigUint64(field, true);
      return { processed: read(DATAREC.processed), dropped: read(DATAREC.dropped), issue: read(DATAREC.issue) };
    },
  };
  bench.setAvailable(cpusAvailable);
  bench.setCount(cpusCount);
  return bench;
}

/** What runs bytecode. */
export const ENGINES = ['interpreter', 'jit'] as const;
export type Engine = (typeof ENGINES)[number];

/** A program of the catalogue on a bench of its own, and a function that runs it on one packet. */
export function load(
  engine: Engine,
  name: ProgramName,
  options?: BenchOptions,
): { bench: Bench; send: (packet: Uint8Array, offset?: number, length?: number) => Outcome } {
  const bench = createBench(options);
  const instance = bench.instantiate(engine, name);
  return { bench, send: (packet, offset, length) => bench.run(instance, bench.place(packet, offset, length)) };
}

const LETTERS = ['A', 'D', 'P', 'T'];

/** As the recorded verdicts are written: A D P T, or R and the index of the CPU (cpus_available[i] is i here). */
export function inShort({ verdict, cpu }: Outcome): string {
  return verdict === XDP_REDIRECT ? `R${cpu}` : (LETTERS[verdict] ?? `?${verdict}`);
}
