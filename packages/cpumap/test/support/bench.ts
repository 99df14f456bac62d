/**
 * cpumap on virtual CPUs, without a device: the test plays the driver of each CPU. It redirects frames one by one, ends
 * the poll when it likes, and lets single CPUs take a turn.
 */
import { type BpfMap, type BpfProgram, createMap, type MapSpec, type ProgramInstance } from '@cpumap/bpf';
import {
  attachFramePools,
  attachNetifReceive,
  attachSkBuffs,
  attachXdpFrames,
  copyMacFrame,
  createFramePool,
  createFramePools,
  createNetDevice,
  framePoolFree,
  STACK_COUNTERS,
  XDP_BUFF,
} from '@cpumap/skb';
import {
  attachMachine,
  attachPtrRings,
  attachTasks,
  createAllocator,
  createCpuLoop,
  createMachine,
  createMemory,
  createPercpu,
  createVirtualExecutor,
  createVirtualTime,
  percpu,
} from '@cpumap/smp';
import { attachTracepoints, createTraceArea, createTraceControl } from '@cpumap/tracepoints';
import {
  BPF_ATTACH_TYPE,
  BPF_MAP_TYPE,
  BPF_PROG_TYPE,
  ETH_P,
  featuresOf,
  KernelError,
  NET_RX_SUCCESS,
  type Release,
} from '@cpumap/uapi';
import { attachXdp, createXdp, NO_XDP_XMIT } from '@cpumap/xdp';
import { expect } from 'vitest';
import { attachCpuMap, CPU_MAP_ENTRY, CPUMAP_COUNTERS, createCpuMap, createCpuMapType } from '../../src/index.ts';

const MIB = 1024 * 1024;
const FRAMES = 2048;
const LENGTH = 60;
/** The device that all frames come from. */
const IFINDEX = 5;

export type Bench = ReturnType<typeof createBench>;

export function createBench(release: Release, { cpus = 3, mib = 32, seed = 1 } = {}) {
  const memory = createMemory(mib * MIB);
  const { u8, u32, i32, f64 } = memory;
  const allocator = createAllocator(memory);
  const time = createVirtualTime(cpus);
  const machine = attachMachine(memory, createMachine(allocator, cpus), time.onKick);
  const tasks = attachTasks(machine);
  const features = featuresOf(release);
  const trace = createTraceArea(allocator, cpus, cpus > 16 ? 256 : 4096);
  const control = createTraceControl(memory, trace, features);
  const subscription = control.subscribe();
  const poolsAt = createFramePools(memory, allocator, cpus);
  const xdpAt = createXdp(allocator, cpus);
  const cpumapAt = createCpuMap(allocator, cpus);
  const stackCounters = createPercpu(allocator, cpus, STACK_COUNTERS.sizeof);
  const buffs = createPercpu(allocator, cpus, XDP_BUFF.sizeof);
  const pool = createFramePool(memory, allocator, poolsAt, { count: FRAMES, maxFrame: 64, cpu: 0 });
  const dev = createNetDevice(memory, allocator, { ifindex: IFINDEX, address: new Uint8Array(6), maxFrame: 64 });
  const scratch = allocator.alloc(4);
  const delivered: { cpu: number; number: number }[] = [];
  /** Called in the middle of a CPU's poll, once: what other CPUs and the host may do at that very moment. */
  const meanwhile: { atDelivery?: () => void; atStopTest?: () => void; atFree?: () => void } = {};
  const once = (when: keyof typeof meanwhile): void => {
    const act = meanwhile[when];
    delete meanwhile[when];
    act?.();
  };
  let sent = 0;

  const all = Array.from({ length: cpus }, (_, cpu) => {
    const { clock } = time;
    const tracepoints = attachTracepoints(memory, trace, cpu, features, clock);
    const plain = attachFramePools(memory, poolsAt, cpu);
    const pools = {
      ...plain,
      put(frame: number): void {
        plain.put(frame);
        once('atFree');
      },
    };
    const frames = attachXdpFrames(memory, features);
    const skbs = attachSkBuffs(memory, frames, features);
    const throwOn = (_: unknown, error: unknown): never => {
      throw error;
    };
    const own = percpu(stackCounters, cpu);
    const stack = attachNetifReceive({ memory, skbs, pools, counters: own, onError: throwOn });
    const receive = (skb: number): number => {
      const frame = copyMacFrame(memory, skb);
      expect(frame).toHaveLength(LENGTH);
      delivered.push({ cpu, number: new DataView(frame.buffer).getUint32(20) });
      once('atDelivery');
      return NET_RX_SUCCESS;
    };
    stack.add({ id: 1, protocol: ETH_P.ALL, handler: { receive } });
    const watched = {
      ...tasks,
      shouldStop(task: number): boolean {
        once('atStopTest');
        return tasks.shouldStop(task);
      },
    };
    const parts = {
      machine,
      memory,
      cpu,
      nrCpus: cpus,
      features,
      tasks: watched,
      tracepoints,
      pools,
      frames,
      skbs,
      stack,
      rps: stack,
    };
    const cpumap = attachCpuMap(parts, cpumapAt);
    const xdp = attachXdp(
      { ...parts, clock, seed, targets: [cpumap.target], device: NO_XDP_XMIT, onProgramError: throwOn },
      xdpAt,
    );
    const loop = createCpuLoop(machine, tasks, cpu, [cpumap.kthreadKind(xdp)]);
    return { loop, xdp, pools, skbs, buff: percpu(buffs, cpu), handle: async () => undefined };
  });
  const executor = createVirtualExecutor(machine, time, all, seed);
  const programs = new Map<number, BpfProgram>();
  const type = createCpuMapType({
    memory,
    allocator,
    machine,
    tasks,
    features,
    programByFd: (fd) => programs.get(fd),
    waitFor: executor.waitFor,
  });
  const types = new Map([[BPF_MAP_TYPE.CPUMAP as number, type]]);
  const rings = attachPtrRings(memory);
  let nextId = 1;

  /** A frame with the next number, in the buff of a CPU: as its driver has it before the program runs. */
  function nextFrame(cpu: number): number {
    // whoever allocates must own the pool: the test takes the place of the one CPU that receives
    const frame = all[0]!.pools.allocBulk(pool, scratch, 1) === 1 ? u32[scratch >> 2]! : 0;
    expect(frame).not.toBe(0);
    const data = frame + 256;
    u8.fill(0, data, data + LENGTH);
    new DataView(u8.buffer).setUint32(data + 20, sent++);
    const { buff } = all[cpu]!;
    const set = (field: number, value: number): void => {
      u32[(buff + field) >> 2] = value;
    };
    set(XDP_BUFF.data_hard_start, frame);
    set(XDP_BUFF.frame_sz, 1024);
    set(XDP_BUFF.data_meta, data);
    set(XDP_BUFF.data, data);
    set(XDP_BUFF.data_end, data + LENGTH);
    set(XDP_BUFF.dev, dev);
    set(XDP_BUFF.rx_queue_index, 0);
    return frame;
  }

  const elements = (map: BpfMap): number => u32[(map.pointer + 24) >> 2]! >> 2;

  const bench = {
    memory,
    type,
    delivered,
    meanwhile,
    create(spec: Partial<MapSpec> = {}): BpfMap {
      const valueSize = features.cpumapProgram ? 8 : 4;
      const full = { type: BPF_MAP_TYPE.CPUMAP, keySize: 4, valueSize, maxEntries: cpus, ...spec };
      return createMap({ memory, allocator, types }, full, nextId++);
    },
    /** The bytes of an entry's value. */
    value(map: BpfMap, qsize: number, fd = 0): Uint8Array {
      const bytes = new Uint8Array(map.info().valueSize);
      const view = new DataView(bytes.buffer);
      view.setUint32(0, qsize, true);
      if (bytes.length === 8) view.setInt32(4, fd, true);
      return bytes;
    },
    set(map: BpfMap, key: number, qsize: number, fd = 0): void {
      map.update(key, bench.value(map, qsize, fd));
    },
    /** A loaded program for entries, or for devices. */
    program(instance: ProgramInstance, options: Partial<BpfProgram> = {}): BpfProgram {
      const id = nextId++;
      const program: BpfProgram = {
        id,
        name: `p${id}`,
        type: BPF_PROG_TYPE.XDP,
        expectedAttachType: BPF_ATTACH_TYPE.XDP_CPUMAP,
        attachTo: undefined,
        frags: false,
        mapIds: [],
        ...options,
      };
      programs.set(id, program);
      for (const { xdp } of all) xdp.addProgram(id, instance);
      return program;
    },
    begin: (cpu: number, program = 99) => all[cpu]!.xdp.begin(program),
    /** One frame through bpf_redirect_map and xdp_do_redirect, as the driver of `cpu`; a frame that stays is freed. */
    redirect(map: BpfMap, key: number, cpu = 0): number {
      const { xdp, pools, buff } = all[cpu]!;
      const frame = nextFrame(cpu);
      xdp.helpers.redirectMap(map.pointer, key, 0);
      const err = xdp.doRedirect(buff);
      if (err !== 0) pools.put(frame);
      return err;
    },
    /** The same in generic mode. */
    redirectSkb(map: BpfMap, key: number, cpu = 0): number {
      const { xdp, pools, skbs, buff } = all[cpu]!;
      const frame = nextFrame(cpu);
      xdp.helpers.redirectMap(map.pointer, key, 0);
      const err = xdp.doGenericRedirect(skbs.fromBuff(buff), dev);
      if (err !== 0) pools.put(frame);
      return err;
    },
    /** The end of the poll of `cpu`. */
    endPoll(cpu = 0): void {
      all[cpu]!.xdp.flush();
      all[cpu]!.pools.flush();
    },
    turn: (cpu: number) => all[cpu]!.loop.turn(),
    /** Until no CPU has anything to do. */
    rest: () => executor.advance(Number.POSITIVE_INFINITY),
    /** The entry of a slot, 0 without. */
    entry: (map: BpfMap, key: number) => Atomics.load(i32, elements(map) + key),
    kthreadState(entry: number): number {
      return tasks.state(u32[(entry + CPU_MAP_ENTRY.kthread) >> 2]!);
    },
    depth(entry: number): number {
      return rings.depth(u32[(entry + CPU_MAP_ENTRY.queue) >> 2]!);
    },
    sum(counter: keyof typeof CPUMAP_COUNTERS): number {
      return all.reduce((n, _, cpu) => n + f64[(percpu(cpumapAt.counters, cpu) + CPUMAP_COUNTERS[counter]) >> 3]!, 0);
    },
    used: () => allocator.used,
    lines: () => subscription.read().records.map((record) => control.format(record)),
    /** Everything was counted once, and every buffer is back. */
    async end(): Promise<void> {
      for (let cpu = 0; cpu < cpus; cpu++) bench.endPoll(cpu);
      await bench.rest();
      const [taken, full, dequeued] = [bench.sum('taken'), bench.sum('ring_full'), bench.sum('dequeued')];
      expect(dequeued).toBe(taken - full);
      const ended = bench.sum('delivered') + bench.sum('refused') + bench.sum('prog_drop') + bench.sum('prog_redirect');
      expect(ended).toBe(dequeued);
      expect(framePoolFree(memory, pool)).toBe(FRAMES);
    },
  };
  return bench;
}

/** 'ok', or the name of the errno. Other errors are not answers. */
export function answerOf(act: () => unknown): string {
  try {
    act();
    return 'ok';
  } catch (error) {
    if (error instanceof KernelError) return error.code;
    throw error;
  }
}
