/**
 * program: nanoseconds per run of each bytecode program on a 64-byte frame, compiled by the engine and by the running
 * kernel, both through a test run; rounds alternate, and the ratio is of neighbours. Then what compiling costs, and how
 * fast the interpreter is.
 *
 * Each program runs in a thread of its own, as a CPU of the engine has one program at a time.
 */
import {
  assembleProgram,
  type BpfMap,
  createInterpreter,
  decodeProgram,
  encodeProgram,
  INTERPRETER_STACK_SIZE,
  loadBytecode,
  xdpContext,
} from '@cpumap/bpf';
import { cpuMapOf, createHost, type TestRunOptions, type TestRunResult } from '@cpumap/host';
import { createLinuxMap, loadLinuxProgram } from '@cpumap/linux';
import { parsePktgenSpec, pktgenTemplates } from '@cpumap/nic';
import { SAMPLE_PROGRAMS, type SampleProgram, sampleMaps, sampleProgram } from '@cpumap/programs';
import { createMemory } from '@cpumap/smp';
import { BPF_ATTACH_TYPE, BPF_PROG_TYPE, KernelError } from '@cpumap/uapi';
import { spreadOf } from './stats.ts';
import type { Figure, Plot, PlotSeries, Suite } from './suite.ts';

const CPUS = 2;
const QSIZE = 2048;

interface Side {
  testRun(options: TestRunOptions): Promise<TestRunResult>;
  close(): Promise<void> | void;
}

function u32(...values: number[]): Uint8Array {
  return new Uint8Array(Uint32Array.from(values).buffer);
}

/** Every program redirects to CPU 1 where it redirects. */
function fill(maps: Readonly<Record<string, BpfMap>>): void {
  maps.cpus_available!.update(0, u32(1));
  maps.cpus_available!.update(1, u32(1));
  maps.cpus_count!.update(0, u32(CPUS));
}

function mapsOf<M>(create: (spec: ReturnType<typeof sampleMaps>[number]) => M): Record<string, M> {
  return Object.fromEntries(sampleMaps(CPUS, 8).map((spec) => [spec.name, create(spec)]));
}

async function onEngine({ name }: SampleProgram): Promise<Side> {
  const host = await createHost({ cpus: CPUS });
  const maps = mapsOf((spec) => host.createMap(spec));
  cpuMapOf(maps.cpu_map!).set(1, { qsize: QSIZE });
  fill(maps);
  const program = await host.loadProgram(sampleProgram(name, { maps, nrCpus: CPUS }));
  return { testRun: (options) => program.testRun(options), close: () => host.close() };
}

/** @throws KernelError where there is no such kernel, or no right to load programs */
function onKernel({ name }: SampleProgram): Side {
  const maps = mapsOf((spec) => createLinuxMap(spec));
  maps.cpu_map!.update(1, u32(QSIZE, 0));
  fill(maps);
  const program = loadLinuxProgram(sampleProgram(name, { maps, nrCpus: CPUS }), { maps });
  return {
    testRun: (options) => program.testRun(options),
    close() {
      program.close();
      for (const map of Object.values(maps)) map.close();
    },
  };
}

async function measure(program: SampleProgram, repeat: number, rounds: number, kernel: boolean): Promise<Figure[]> {
  const [frame] = pktgenTemplates(parsePktgenSpec('')).map(({ data }) => data);
  const options = { data: frame!, repeat };
  const engine = await onEngine(program);
  const linux = kernel ? onKernel(program) : undefined;
  try {
    const warm = await engine.testRun(options);
    const judge = await linux?.testRun(options);
    if (judge !== undefined && judge.retval !== warm.retval) {
      throw new Error(`${program.name}: verdict ${warm.retval} here, ${judge.retval} from the kernel`);
    }
    const ours: number[] = [];
    const theirs: number[] = [];
    for (let i = 0; i < rounds; i++) {
      ours.push((await engine.testRun(options)).durationNs);
      if (linux !== undefined) theirs.push((await linux.testRun(options)).durationNs);
    }
    const figures: Figure[] = [{ name: program.mode, unit: 'ns', ...spreadOf(ours) }];
    if (linux === undefined) return figures;
    figures.push({ name: '  the kernel', unit: 'ns', ...spreadOf(theirs) });
    figures.push({ name: '  ratio', unit: 'engine / kernel', ...spreadOf(ours.map((ns, i) => ns / theirs[i]!)) });
    return figures;
  } finally {
    await engine.close();
    await linux?.close();
  }
}

/** Straight code of that many instructions with a branch in every ten, as compilers write it. */
function longProgram(instructions: number): string {
  const block = (i: number): string => `
    r2 = *(u32 *)(r10 - 8)
    r2 += ${i}
    r3 = r2
    r3 <<= 3
    r3 ^= r2
    *(u64 *)(r10 - 16) = r3
    if r3 > ${i} goto next${i}
    r2 &= 255
    *(u32 *)(r10 - 8) = r2
  next${i}:
    r0 = 2`;
  const blocks = Array.from({ length: Math.floor(instructions / 10) }, (_, i) => block(i));
  return `*(u64 *)(r10 - 8) = 7\n${blocks.join('\n')}\nexit`;
}

function compileTimes(rounds: number): number[] {
  const bytecode = assembleProgram(longProgram(1000));
  const memory = createMemory(1 << 16);
  return Array.from({ length: rounds }, () => {
    const start = performance.now();
    loadBytecode(memory, {
      name: 'long',
      code: { bytecode },
      programType: BPF_PROG_TYPE.XDP,
      expectedAttachType: BPF_ATTACH_TYPE.XDP,
      maps: {},
      context: xdpContext(BPF_ATTACH_TYPE.XDP),
      engine: 'jit',
    });
    return performance.now() - start;
  });
}

/** M instructions per second of a loop of additions, shifts and memory accesses. */
function interpreterRates(rounds: number): number[] {
  const loop = `
    r1 = 100000
  again:
    r2 += r1
    r3 = r2
    r3 >>= 3
    *(u64 *)(r10 - 8) = r3
    r4 = *(u32 *)(r10 - 8)
    r2 ^= r4
    r1 += -1
    if r1 != 0 goto again
    r0 = r2
    exit`;
  const memory = createMemory(1 << 16);
  const instructions = decodeProgram(encodeProgram(assembleProgram(loop).instructions));
  const mayAccess = (): boolean => false;
  const interpreter = createInterpreter({ memory, instructions, stack: 4096, mayAccess });
  if (INTERPRETER_STACK_SIZE + 4096 > memory.bytes) throw new RangeError('the stack does not fit');
  return Array.from({ length: rounds }, () => {
    const start = performance.now();
    interpreter.run(0);
    return interpreter.executed() / (performance.now() - start) / 1e3;
  });
}

/** Why the kernel cannot be measured, or undefined. */
function kernelProblem(): string | undefined {
  try {
    onKernel(SAMPLE_PROGRAMS[0]!).close();
    return undefined;
  } catch (error) {
    if (error instanceof KernelError) return error.message;
    throw error;
  }
}

export const program: Suite = {
  name: 'program',
  what: 'one run of a bytecode program on a 64-byte frame, engine and kernel; compiling; interpreting',
  async run({ smoke, rounds = smoke ? 2 : 11 }) {
    const repeat = smoke ? 20_000 : 2_000_000;
    const problem = kernelProblem();
    const figures: Figure[] = [];
    for (const one of SAMPLE_PROGRAMS) figures.push(...(await measure(one, repeat, rounds, problem === undefined)));
    figures.push({ name: 'compile 1000', unit: 'ms, verified and compiled', ...spreadOf(compileTimes(rounds)) });
    figures.push({ name: 'interpreter', unit: 'M instructions/s', ...spreadOf(interpreterRates(rounds)) });
    const medians = (name: string | undefined): PlotSeries['points'] =>
      SAMPLE_PROGRAMS.flatMap(({ mode }) => {
        const at = figures.findIndex((figure) => figure.name === mode);
        const figure = figures[name === undefined ? at : at + 1]!;
        return figure.name === (name ?? mode) ? [{ x: mode, ...figure }] : [];
      });
    const series = [
      { name: 'engine', points: medians(undefined) },
      { name: 'kernel', points: medians('  the kernel') },
    ].filter(({ points }) => points.length > 0);
    const plot: Plot = {
      name: 'program',
      title: 'One run of a bytecode program on a 64-byte frame',
      kind: 'bars',
      xName: 'program',
      unit: 'ns',
      series,
    };
    return { figures, plots: [plot], ...(problem !== undefined && { skipped: [`the kernel: ${problem}`] }) };
  },
};
