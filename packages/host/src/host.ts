/**
 * The engine: CPUs, devices, maps and programs on one shared memory, put together and taken apart again.
 *
 * Owner  the thread that calls `createHost`; every function here is for that thread only.
 * A host is  open ──close──► closed; closing puts every frame back in its pool and ends every CPU's thread.
 */
import { availableParallelism } from 'node:os';
import {
  type BpfMap,
  type BpfProgram,
  type Btf,
  type BytecodeCode,
  btfOfTargetTypes,
  createMap,
  type MapSpec,
} from '@cpumap/bpf';
import { createClonePools } from '@cpumap/devmap';
import { createNicDevice, type NicDevice } from '@cpumap/nic';
import { fragsReturned, startBacklogs } from '@cpumap/skb';
import {
  attachMachine,
  attachPtrRings,
  attachTasks,
  createAllocator,
  createMemory,
  createThreadsExecutor,
  createVirtualExecutor,
  createVirtualTime,
  createWallClock,
  type Executor,
  synchronizeRcu,
} from '@cpumap/smp';
import { createTraceControl, type TraceControl } from '@cpumap/tracepoints';
import { DEFAULT_RELEASE, ETH_P, KernelError, NR_CPUS } from '@cpumap/uapi';
import { MAX_IFINDEX } from '@cpumap/xdp';
import { blueprintFeatures, createBlueprint, LOOPBACK_IFINDEX } from './blueprint.ts';
import { engineTargetTypes } from './collection/target-types.ts';
import { createCostMeter } from './costs/cost-meter.ts';
import { checkCostSet } from './costs/cost-set.ts';
import { createCpuRuntime } from './cpu-runtime.ts';
import type { CpuWorkerData } from './cpu-worker.ts';
import type { DeviceOptions, Host, HostOptions } from './host-api.ts';
import { closeLedger, type Ledger } from './ledger.ts';
import { createMapTypes } from './map-types.ts';
import { createProbeControl } from './probe/probe-control.ts';
import { createProgramControl } from './program-control.ts';
import { followProgram } from './program-steps.ts';
import { readCpuStatistics, type Statistics } from './statistics.ts';
import { createXdpLinks } from './xdp-links.ts';

const DEFAULT_MEMORY = 512 * 1024 * 1024;
/**
 * Idle turns of a CPU before its thread sleeps: about 30 µs of looking around. A thread that was woken may wait on the
 * processor of the one that woke it until that one sleeps: with 4000 turns every third wake-up took 450 µs, with 250 one
 * in a hundred takes more than 150 µs, and rates are the same.
 */
const IDLE_TURNS = 250;
const FIRST_IFINDEX = 2;

/** Builds a machine and starts its CPUs. @throws KernelError EINVAL, ENOMEM */
export async function createHost(options: HostOptions): Promise<Host> {
  const { cpus, release = DEFAULT_RELEASE, executor: kind = 'threads', seed = 1 } = options;
  if (!(Number.isInteger(cpus) && cpus >= 1 && cpus <= NR_CPUS)) {
    throw new KernelError('EINVAL', 'createHost', { hint: `cpus is ${cpus}; a machine has 1 to ${NR_CPUS} CPUs` });
  }
  if (options.costs !== undefined) {
    if (kind !== 'virtual') {
      throw new KernelError('EINVAL', 'createHost', {
        hint: "costs are of executor 'virtual': threads take what they take",
      });
    }
    checkCostSet(options.costs);
  }
  const { onStep } = options;
  if (onStep !== undefined && (kind !== 'virtual' || options.bpfEngine !== 'interp')) {
    throw new KernelError('EINVAL', 'createHost', {
      hint: "onStep needs executor 'virtual' and bpfEngine 'interp': nobody can follow compiled programs or other threads",
    });
  }
  const memory = createMemory(options.memoryBytes ?? DEFAULT_MEMORY);
  const allocator = createAllocator(memory);
  const traceRecords = options.traceRecords ?? (cpus > 16 ? 512 : 4096);
  const epochNs = kind === 'virtual' ? 0 : Date.now() * 1e6;
  const blueprint = createBlueprint(memory, allocator, {
    release,
    seed,
    cpus,
    traceRecords,
    epochNs,
    probes: options.probes ?? false,
  });
  Atomics.store(memory.u32, (blueprint.xdp.ifindexes >> 2) + LOOPBACK_IFINDEX, blueprint.loopback);
  const features = blueprintFeatures(blueprint);
  const reports: string[] = [];
  const report = (text: string): void => {
    reports.push(text);
    options.onReport?.(text);
  };

  const codes = new Map<number, BytecodeCode>(); // by program, of a host whose programs are followed

  const { machine, executor } = kind === 'virtual' ? startVirtual() : startThreads();
  try {
    await onEveryCpu({ type: 'ping' });
  } catch (error) {
    await executor.close();
    throw error;
  }
  const tasks = attachTasks(machine);
  const rings = attachPtrRings(memory);
  const trace: TraceControl = createTraceControl(memory, blueprint.trace, features);
  const waitFor = (what: string, condition: () => boolean): void => executor.waitFor(what, condition);
  const programs = new Map<number, BpfProgram>();
  const maps = new Map<number, BpfMap>();
  const { cpumap, mapTypes } = createMapTypes({
    memory,
    allocator,
    machine,
    tasks,
    features,
    seed,
    programByFd: (fd) => programs.get(fd),
    mapByFd: (fd) => maps.get(fd),
    deviceByIndex: (ifindex) =>
      ifindex === LOOPBACK_IFINDEX
        ? blueprint.loopback
        : (devices.find((device) => device.ifindex === ifindex)?.pointer ?? 0),
    prepareClones: () => createClonePools(memory, allocator, { ...blueprint, nrCpus: cpus }),
    waitFor,
  });
  const devices: NicDevice[] = [];
  let nextId = 1; // of maps and programs
  let nextHandler = 1;
  let closing: Promise<void> | undefined;
  let isClosed = false;
  let coreTypes: Btf | undefined;

  function startVirtual() {
    const { costs } = options;
    const time = createVirtualTime(cpus, costs && createCostMeter(memory, blueprint, cpus, costs));
    const machine = attachMachine(memory, blueprint.machine, time.onKick);
    const runtimes = Array.from({ length: cpus }, (_, cpu) =>
      createCpuRuntime({
        machine,
        blueprint,
        cpu,
        clock: time.clock,
        report,
        printk: (line) => options.onPrintk?.(line, cpu),
        ...(onStep && {
          observerOf: (progId, name) => followProgram({ progId, name, cpu, codeOf: (id) => codes.get(id), onStep }),
        }),
      }),
    );
    return { machine, executor: createVirtualExecutor(machine, time, runtimes, seed) };
  }

  function startThreads(): { machine: ReturnType<typeof attachMachine>; executor: Executor } {
    const machine = attachMachine(memory, blueprint.machine);
    const idleTurns = cpus <= availableParallelism() ? IDLE_TURNS : 0;
    const workerData = (cpu: number): CpuWorkerData => ({ wasm: memory.wasm, blueprint, cpu, idleTurns });
    const executor = createThreadsExecutor(machine, {
      script: new URL('./cpu-worker.js', import.meta.url),
      workerData,
      onMessage: ({ cpu, topic, text }) => (topic === 'report' ? report(text) : options.onPrintk?.(text, cpu)),
      clock: createWallClock(blueprint.startNs),
    });
    return { machine, executor };
  }

  async function onEveryCpu(command: unknown): Promise<void> {
    await Promise.all(Array.from({ length: cpus }, (_, cpu) => executor.command(cpu, command)));
  }

  /** A bare function cannot be sent to another thread. */
  function checkCode(code: object, syscall: string): void {
    if (kind === 'threads' && 'factory' in code) {
      throw new KernelError('EINVAL', syscall, {
        hint: "CPUs are threads and cannot share a function: give { module, export } or use executor 'virtual'",
      });
    }
  }

  function deviceNamed(name: string): NicDevice {
    const device = devices.find((candidate) => candidate.name === name);
    if (device !== undefined) return device;
    const names = devices.map((candidate) => candidate.name).join(', ') || 'none';
    throw new KernelError('ENODEV', `device ${name}`, { hint: `no such device; there is ${names}` });
  }

  function queueDepths(): Map<number, number> {
    const depths = new Map<number, number>();
    for (const { cpu, ring } of cpumap.rings()) depths.set(cpu, (depths.get(cpu) ?? 0) + rings.depth(ring));
    return depths;
  }

  function statistics(): Statistics {
    return {
      timestampNs: executor.clock.now(),
      devices: devices.map((device) => ({ name: device.name, counters: device.statistics() })),
      cpus: Array.from({ length: cpus }, (_, cpu) => readCpuStatistics(memory, blueprint, cpu)),
    };
  }

  function fragsOut(): number {
    let out = devices.reduce((sum, device) => sum + device.frags(), 0);
    for (let cpu = 0; cpu < cpus; cpu++) out -= fragsReturned(memory, blueprint.pools, cpu);
    return out;
  }

  function ledger(): Ledger {
    const buffers = devices.map((device) => device.buffers());
    const deadCpus = [...new Set(executor.failures.map(({ cpu }) => cpu))];
    return closeLedger({
      statistics: statistics(),
      waiting: queueDepths(),
      buffersOut: buffers.reduce((out, { total, home }) => out + total - home, 0),
      pending: devices.reduce((sum, device) => sum + device.pending(deadCpus), 0),
      fragsOut: fragsOut(),
      deadCpus,
    });
  }

  function createDevice({ name = `nic${devices.length}`, ...rest }: DeviceOptions = {}): NicDevice {
    if (devices.some((device) => device.name === name)) {
      throw new KernelError('EEXIST', `device ${name}`, { hint: 'a device of that name exists' });
    }
    const ifindex = FIRST_IFINDEX + devices.length;
    if (ifindex >= MAX_IFINDEX) throw new KernelError('ENOSPC', `device ${name}`, { hint: 'no ifindex is left' });
    const parts = {
      memory,
      features,
      allocator,
      machine,
      tasks,
      pools: blueprint.pools,
      waitFor,
      startBacklogs: (rpsCpus: readonly number[]) => startBacklogs(memory, tasks, blueprint.rps, rpsCpus),
    };
    const device = createNicDevice(parts, { name, ifindex, ...rest });
    Atomics.store(memory.u32, (blueprint.xdp.ifindexes >> 2) + ifindex, device.pointer);
    devices.push(device);
    return device;
  }

  const { attachXdp, detachAll } = createXdpLinks({ memory, machine, deviceNamed, failures: executor.failures });

  const { loadProgram, attachTracepoint, testRun } = createProgramControl({
    memory,
    allocator,
    features,
    blueprint,
    cpus,
    engine: options.bpfEngine ?? 'jit',
    executor,
    programs,
    maps,
    mapTypes,
    devices,
    takeId: () => nextId++,
    checkCode,
    createDevice,
    attachXdp,
    isQuiet,
  });

  /** No source is running, no frame is on its way and no kthread is about to leave. */
  function isQuiet(): boolean {
    if (executor.failures.length > 0) return true;
    cpumap.reap();
    if (cpumap.dying > 0 || devices.some((device) => device.wire !== undefined && !device.wire.done)) return false;
    return ledger().inFlight === 0;
  }

  async function close(): Promise<void> {
    try {
      detachAll();
      if (executor.failures.length === 0) {
        for (const device of devices) device.wire?.stop();
        await executor.advance(Number.POSITIVE_INFINITY, isQuiet);
        for (const map of maps.values()) map.close();
        for (const device of devices) device.close();
      }
    } finally {
      isClosed = true;
      await executor.close();
    }
  }

  return {
    kind: 'engine',
    release,
    executor: kind,
    seed,
    memory,
    possibleCpus: cpus,
    trace,
    devices,
    reports,
    failures: executor.failures,
    createDevice,
    createProbe: createProbeControl({
      memory,
      allocator,
      cpus,
      at: blueprint.probes,
      grace() {
        if (isClosed) return true;
        if (executor.failures.length > 0) return false;
        synchronizeRcu(machine);
        return true;
      },
    }),
    createMap(spec: MapSpec) {
      const map = createMap({ memory, allocator, types: mapTypes }, spec, nextId);
      nextId++;
      maps.set(map.id, map);
      return map;
    },
    async loadProgram(spec) {
      const program = await loadProgram(spec);
      if (onStep !== undefined && 'bytecode' in spec.code) codes.set(program.id, spec.code);
      return program;
    },
    fdOf: ({ id }) => id,
    coreTypes() {
      coreTypes ??= btfOfTargetTypes(engineTargetTypes(features));
      return coreTypes;
    },
    attachTracepoint,
    testRun,
    attachXdp,
    async addHandler(code, { protocol = ETH_P.ALL, direction = 'in', options: handlerOptions } = {}) {
      checkCode(code, 'addHandler');
      const id = nextHandler++;
      await onEveryCpu({ type: 'handler', id, protocol, direction, code, options: handlerOptions });
      return id;
    },
    removeHandler: (id) => onEveryCpu({ type: 'remove-handler', id }),
    now: () => executor.clock.now(),
    advance: (ns, until) => executor.advance(ns, until),
    async settle() {
      await executor.advance(Number.POSITIVE_INFINITY, isQuiet);
      // the last poll has counted its frames, but perhaps not yet given back their buffers
      if (executor.failures.length === 0) synchronizeRcu(machine);
    },
    queueDepths,
    statistics,
    ledger,
    close() {
      closing ??= close();
      return closing;
    },
  };
}
