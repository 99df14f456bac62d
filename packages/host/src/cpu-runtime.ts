/**
 * One CPU of the engine, put together from all the layers: what runs on it and what the host can ask of it.
 *
 * Runs in the CPU's own realm (its thread, or the host's thread in the virtual executor). Knows nothing of executors.
 */

import {
  attachMapOps,
  importFunction,
  instantiate,
  type ModuleCode,
  type ProgramImage,
  type ProgramInstance,
  type RunObserver,
} from '@cpumap/bpf';
import { attachCpuMap } from '@cpumap/cpumap';
import { attachDevMap } from '@cpumap/devmap';
import { attachDma, attachNapi, attachXdpXmit } from '@cpumap/nic';
import {
  attachFramePools,
  attachNetifReceive,
  attachRps,
  attachSkBuffs,
  attachXdpFrames,
  NET_DEVICE,
  type NetifReceive,
  type PacketHandlerFactory,
  SK_BUFF,
} from '@cpumap/skb';
import {
  attachPtrRings,
  attachTasks,
  type Clock,
  type CpuRuntime,
  createCpuLoop,
  type Machine,
  type PercpuAt,
  percpu,
} from '@cpumap/smp';
import { attachTracepoints, type EventName, type TraceContext } from '@cpumap/tracepoints';
import { BPF_PROG_TYPE, XDP_ABORTED } from '@cpumap/uapi';
import { attachXdp, type RedirectTarget } from '@cpumap/xdp';
import { type Blueprint, blueprintFeatures } from './blueprint.ts';
import { attachBytecodeEnvs } from './bytecode-envs.ts';
import { attachCpuProbes } from './probe/cpu-probes.ts';
import { attachProbedParts } from './probe/probed-parts.ts';
import type { TestRunAnswer, TestRunCommand } from './test-run.ts';

export type HandlerCode = ModuleCode | { readonly factory: PacketHandlerFactory };

/** What the host asks of a CPU. Plain data, unless code is a bare function. */
type CpuCommand =
  /** Answered as soon as the CPU runs. */
  | { readonly type: 'ping' }
  | { readonly type: 'program'; readonly image: ProgramImage }
  | {
      readonly type: 'attach-tracepoint' | 'detach-tracepoint';
      readonly event: EventName;
      readonly context: TraceContext;
      readonly progId: number;
    }
  | TestRunCommand
  | {
      readonly type: 'handler';
      readonly id: number;
      readonly protocol: number;
      readonly direction: 'in' | 'out';
      readonly code: HandlerCode;
      readonly options: unknown;
    }
  | { readonly type: 'remove-handler'; readonly id: number };

export interface CpuRuntimeParts {
  readonly machine: Machine;
  readonly blueprint: Blueprint;
  readonly cpu: number;
  readonly clock: Clock;
  /** Tells the host something unasked. */
  readonly report: (text: string) => void;
  /** Takes a line of bpf_trace_printk. */
  readonly printk: (line: string) => void;
  /** Who follows the runs of an interpreted program. */
  readonly observerOf?: (progId: number, name: string) => RunObserver;
}

const describe = (error: unknown): string =>
  error instanceof Error ? `${error.name}: ${error.message}` : String(error);

export function createCpuRuntime({
  machine,
  blueprint,
  cpu,
  clock,
  report,
  printk,
  observerOf,
}: CpuRuntimeParts): CpuRuntime {
  const { memory, nrCpus } = machine;
  const features = blueprintFeatures(blueprint);
  const tasks = attachTasks(machine);
  const tracepoints = attachTracepoints(memory, blueprint.trace, cpu, features, clock);
  const pools = attachFramePools(memory, blueprint.pools, cpu);
  const frames = attachXdpFrames(memory, features);
  const skbs = attachSkBuffs(memory, frames, features);
  const reported = new Set<string>();

  /** The first error of each program and of the handlers is told; the counters tell how many there were. */
  function reportOnce(what: string, error: unknown): void {
    if (reported.has(what)) return;
    reported.add(what);
    report(`${what} on CPU ${cpu} threw ${describe(error)}`);
  }

  const programs = new Map<number, ProgramInstance>();
  const instance = (id: number): ProgramInstance => {
    const found = programs.get(id);
    if (found === undefined) throw new Error(`program ${id} is not loaded on CPU ${cpu}`);
    return found;
  };
  const targets: RedirectTarget[] = []; // filled below: what probes look into when frames pass
  const probed =
    blueprint.probes &&
    attachProbedParts({
      memory,
      cpu,
      features,
      probes: attachCpuProbes({ memory, cpu, clock, features, frames, skbs }, blueprint.probes),
      targets,
    });

  function netifReceive(at: PercpuAt, probes?: typeof probed): NetifReceive {
    return attachNetifReceive({
      memory,
      skbs,
      pools,
      counters: percpu(at, cpu),
      ...(probes && { probe: probes.handlers }),
      onError(skb, error) {
        probes?.handlerThrew(skb);
        const dev = memory.u32[(skb + SK_BUFF.dev) >> 2]!;
        tracepoints.exception(0, XDP_ABORTED, memory.u32[(dev + NET_DEVICE.ifindex) >> 2]!);
        reportOnce('a packet handler', error);
      },
    });
  }

  const onProgramError = (progId: number, error: unknown): void => reportOnce(`program ${progId}`, error);
  const stack = netifReceive(blueprint.stackCounters, probed);
  const tap = netifReceive(blueprint.tapCounters);
  const taps = new Set<number>(); // ids of handlers
  const rps = attachRps(
    {
      memory,
      nrCpus,
      tasks,
      stack: probed?.steeredStack(stack) ?? stack,
      pools,
      counters: percpu(blueprint.stackCounters, cpu),
    },
    blueprint.rps,
  );
  const parts = { machine, memory, cpu, nrCpus, features, tasks, tracepoints, pools, frames, skbs, stack, rps };
  const { xmit, genericXmit } = attachXdpXmit({ ...parts, tap, isTapped: () => taps.size > 0 });
  const entryParts = { ...parts, frames: probed?.frames(frames) ?? frames };
  const devmap = attachDevMap(
    {
      ...entryParts,
      xmit,
      genericXmit,
      freeSkb: stack.free,
      program: probed?.devmapPrograms(instance) ?? instance,
      onProgramError,
    },
    blueprint.devmap,
  );
  const cpumap = attachCpuMap(
    { ...entryParts, ...(probed && { rings: probed.rings(attachPtrRings(memory)) }) },
    blueprint.cpumap,
  );
  targets.push(...devmap.targets, cpumap.target);
  const xdp = attachXdp(
    {
      memory,
      cpu,
      clock,
      features,
      frames,
      tracepoints,
      pools,
      seed: blueprint.seed + cpu + 1,
      targets,
      device: devmap.device,
      onProgramError,
    },
    blueprint.xdp,
  );
  const maps = attachMapOps(memory, cpu, nrCpus, percpu(blueprint.mapOps, cpu));
  const napiBuff = percpu(blueprint.napiBuff, cpu);
  const buffs = [napiBuff, percpu(blueprint.cpumap.buff, cpu), percpu(blueprint.devmap.buff, cpu)];
  const envs = attachBytecodeEnvs({ memory, cpu, clock, blueprint, xdp, maps, instance, printk, buffs });
  const napi = attachNapi({
    ...parts,
    xdp: probed?.deviceXdp(xdp) ?? xdp,
    dma: attachDma(memory, clock),
    buff: napiBuff,
    ...(probed && { onNoMemory: probed.noMemory }),
  });
  const loop = createCpuLoop(machine, tasks, cpu, [
    cpumap.kthreadKind(probed?.entryXdp(xdp) ?? xdp),
    napi,
    rps.backlogKind,
  ]); // by CPUMAP_KTHREAD, NAPI_TASK and BACKLOG_TASK

  async function addProgram(image: ProgramImage): Promise<void> {
    const isXdp = image.type === BPF_PROG_TYPE.XDP;
    const env = isXdp && observerOf ? { ...envs.xdp, observer: observerOf(image.id, image.name) } : envs.xdp;
    const program = await instantiate(image, xdp.helpers, isXdp ? env : envs.tracing);
    programs.set(image.id, program);
    if (isXdp) xdp.addProgram(image.id, program);
  }

  /** A tracing program that goes wrong changes nothing for the frame that it was run for. */
  function traceProgram(id: number): (ctx: number) => void {
    const program = instance(id);
    return (ctx) => {
      try {
        program(ctx);
      } catch (error) {
        reportOnce(`program ${id}`, error);
      }
    };
  }

  function testRun({ progId, buff, repeat }: TestRunCommand): TestRunAnswer {
    const program = instance(progId);
    xdp.begin(progId);
    buffs.push(buff);
    let retval = XDP_ABORTED;
    const start = performance.now();
    try {
      for (let i = 0; i < repeat; i++) retval = program(buff);
    } catch (error) {
      return { retval: XDP_ABORTED, durationNs: 0, fault: describe(error) };
    } finally {
      buffs.pop();
    }
    return { retval, durationNs: ((performance.now() - start) * 1e6) / repeat };
  }

  return {
    loop: {
      ...loop,
      close() {
        loop.close();
        stack.close();
        tap.close();
      },
    },
    async handle(received) {
      const command = received as CpuCommand;
      switch (command.type) {
        case 'program':
          return addProgram(command.image);
        case 'attach-tracepoint':
          return tracepoints.addProgram(command.event, command.context, command.progId, traceProgram(command.progId));
        case 'detach-tracepoint':
          return tracepoints.removeProgram(command.event, command.progId);
        case 'test-run':
          return testRun(command);
        case 'handler': {
          const { id, protocol, direction, code, options } = command;
          const factory = 'factory' in code ? code.factory : await importFunction<PacketHandlerFactory>(code);
          const handler = factory({ memory, cpu, now: () => clock.now(), options });
          if (direction === 'in') return stack.add({ id, protocol, handler });
          taps.add(id);
          return tap.add({ id, protocol, handler });
        }
        case 'remove-handler':
          if (taps.delete(command.id)) return tap.remove(command.id);
          return stack.remove(command.id);
      }
    },
  };
}
