/** Programs on the engine: loading them on every CPU, attaching them to tracepoints, trying them on frames. Host thread. */
import {
  type BpfEngine,
  type BpfMap,
  type BpfProgram,
  type BytecodeCode,
  type BytecodeImage,
  imageOf,
  loadBytecode,
  type MapType,
  type ProgramSpec,
  programOf,
} from '@cpumap/bpf';
import { FRAME_HEADERS, MTU_DEFAULT, type NicDevice, type NicOptions } from '@cpumap/nic';
import { attachXdpFrames } from '@cpumap/skb';
import type { Allocator, Executor, Memory } from '@cpumap/smp';
import { type EventName, traceMaskBits } from '@cpumap/tracepoints';
import { BPF_PROG_TYPE, type Features, KernelError } from '@cpumap/uapi';
import { createXdpInliner } from '@cpumap/xdp';
import type { TracepointLink, XdpLink } from './backend.ts';
import { type Blueprint, LOOPBACK_IFINDEX } from './blueprint.ts';
import { contextOf, eventOf } from './program-contexts.ts';
import { checkTestRun, createTestRun, MOST_LIVE, type TestRunOptions, type TestRunResult } from './test-run.ts';

/** A program on the engine, which can be tried on a frame. */
export interface LoadedProgram extends BpfProgram {
  /** `host.testRun` of this program. */
  testRun(options: TestRunOptions): Promise<TestRunResult>;
}

export interface ProgramControlParts {
  readonly memory: Memory;
  readonly allocator: Allocator;
  readonly features: Features;
  readonly blueprint: Blueprint;
  readonly cpus: number;
  readonly engine: BpfEngine;
  readonly executor: Executor;
  /** By id; filled here. */
  readonly programs: Map<number, BpfProgram>;
  readonly maps: ReadonlyMap<number, BpfMap>;
  readonly mapTypes: ReadonlyMap<number, MapType>;
  readonly devices: readonly NicDevice[];
  readonly takeId: () => number;
  /** @throws KernelError EINVAL for code that cannot get to the CPUs */
  readonly checkCode: (code: object, syscall: string) => void;
  readonly createDevice: (options: Omit<NicOptions, 'ifindex'>) => NicDevice;
  readonly attachXdp: (device: string, program: BpfProgram) => XdpLink;
  readonly isQuiet: () => boolean;
}

/** Of a frame that fills a page. */
const PAGE_MTU = MOST_LIVE - FRAME_HEADERS;

export function createProgramControl(parts: ProgramControlParts) {
  const { memory, allocator, features, blueprint, cpus, engine, executor } = parts;
  const { programs, maps, mapTypes, devices, takeId, checkCode, createDevice, attachXdp, isQuiet } = parts;
  const traceLinks = new Set<string>(); // event and program

  async function onEveryCpu(command: unknown): Promise<void> {
    await Promise.all(Array.from({ length: cpus }, (_, cpu) => executor.command(cpu, command)));
  }

  const inline = createXdpInliner({ memory, features, descriptorSize: attachXdpFrames(memory, features).sizeof });

  function bytecodeImage(spec: ProgramSpec, code: BytecodeCode, program: BpfProgram): BytecodeImage {
    const used = Object.entries(spec.maps ?? {}).map(([name, { id }]) => {
      const map = maps.get(id);
      if (map !== undefined) return [name, map] as const;
      throw new KernelError('EBADF', 'bpf(BPF_PROG_LOAD)', { hint: `map ${name} is not of this host, or closed` });
    });
    return loadBytecode(memory, {
      name: spec.name,
      code,
      programType: program.type,
      expectedAttachType: program.expectedAttachType,
      maps: Object.fromEntries(used),
      context: contextOf(program, features),
      engine,
      inline,
    });
  }

  async function loadProgram(spec: ProgramSpec): Promise<LoadedProgram> {
    checkCode(spec.code, 'bpf(BPF_PROG_LOAD)');
    const program = programOf(spec, takeId());
    const { code } = spec;
    const image = imageOf(spec, program, 'bytecode' in code ? bytecodeImage(spec, code, program) : undefined);
    await onEveryCpu({ type: 'program', image });
    // last, as in the kernel: a program that cannot be loaded does not become a map's owner
    for (const id of program.mapIds) {
      const map = maps.get(id);
      if (map !== undefined) mapTypes.get(map.type)?.programUses?.(map.pointer, program);
    }
    const loaded: LoadedProgram = { ...program, testRun: (runOptions) => testRun(loaded, runOptions) };
    programs.set(program.id, loaded);
    return loaded;
  }

  const runOnce = createTestRun({
    memory,
    allocator,
    command: (cpu, command) => executor.command(cpu, command),
    device: deviceByIndex,
  });

  function deviceByIndex(ifindex: number) {
    if (ifindex === LOOPBACK_IFINDEX) return { pointer: blueprint.loopback, queues: 1 };
    const found = devices.find((device) => device.ifindex === ifindex);
    return found && { pointer: found.pointer, queues: found.channels() };
  }

  async function testRun(program: BpfProgram, run: TestRunOptions): Promise<TestRunResult> {
    const cpu = run.cpu ?? 0;
    if (!(Number.isInteger(cpu) && cpu >= 0 && cpu < cpus)) {
      throw new KernelError('ENXIO', 'bpf(BPF_PROG_TEST_RUN)', { hint: `there are CPUs 0 to ${cpus - 1}, not ${cpu}` });
    }
    if (run.liveFrames !== true) return runOnce(program, run);
    return runLiveFrames(program, { ...run, cpu });
  }

  /** The frame comes in on a device of its own, as often as asked, and its verdicts are carried out. */
  async function runLiveFrames(program: BpfProgram, run: TestRunOptions & { cpu: number }): Promise<TestRunResult> {
    checkTestRun(program, run, deviceByIndex);
    const { data, repeat = 1, cpu } = run;
    // the kernel's test runs have a page for each frame; most frames here need no more than a usual buffer
    const mtu = data.length > MTU_DEFAULT + FRAME_HEADERS ? PAGE_MTU : MTU_DEFAULT;
    const name = mtu === MTU_DEFAULT ? `test${cpu}` : `test${cpu}-page`;
    const device = devices.find((candidate) => candidate.name === name) ?? createDevice({ name, irqCpus: [cpu], mtu });
    const link = attachXdp(name, program);
    const start = performance.now();
    const count = Math.max(repeat, 1);
    try {
      const wire = device.start({ frames: [data], order: Uint32Array.of(0), count });
      await executor.advance(Number.POSITIVE_INFINITY, () => wire.done && isQuiet());
    } finally {
      link.detach();
    }
    const durationNs = ((performance.now() - start) * 1e6) / count;
    const ctx = { data_meta: 0, data: 0, data_end: data.length, ingress_ifindex: device.ifindex };
    return { retval: 0, data: new Uint8Array(), ctx: { ...ctx, rx_queue_index: 0, egress_ifindex: 0 }, durationNs };
  }

  async function attachTracepoint(program: BpfProgram): Promise<TracepointLink> {
    const { id, type } = program;
    if (type === BPF_PROG_TYPE.XDP) {
      throw new KernelError('EINVAL', `attach ${program.name}`, { hint: 'it is an XDP program, not a tracing one' });
    }
    const event = eventOf(program, features);
    const context = type === BPF_PROG_TYPE.TRACEPOINT ? 'record' : 'raw';
    const key = `${event}:${id}`;
    if (traceLinks.has(key)) {
      throw new KernelError('EEXIST', `attach ${program.name}`, { hint: `it is attached to ${event} already` });
    }
    traceLinks.add(key);
    await onEveryCpu({ type: 'attach-tracepoint', event, context, progId: id });
    enableTracePrograms(event);
    return {
      program,
      event,
      async detach() {
        if (!traceLinks.delete(key)) return;
        enableTracePrograms(event);
        if (executor.failures.length === 0) {
          await onEveryCpu({ type: 'detach-tracepoint', event, context, progId: id });
        }
      },
    };
  }

  /** The event's bit for programs is set while any is attached. */
  function enableTracePrograms(event: EventName): void {
    const bit = traceMaskBits(event).programs;
    const mask = blueprint.trace.mask >> 2;
    if ([...traceLinks].some((key) => key.startsWith(`${event}:`))) Atomics.or(memory.u32, mask, bit);
    else Atomics.and(memory.u32, mask, ~bit);
  }

  return { loadProgram, attachTracepoint, testRun };
}
