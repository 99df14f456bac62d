/**
 * One CPU of the engine, put together from all the layers: what runs on it and what the host can ask of it.
 *
 * Runs in the CPU's own realm (its thread, or the host's thread in the virtual executor). Knows nothing of executors.
 */

import { importFunction, instantiate, type ModuleCode, type ProgramImage } from '@cpumap/bpf';
import { attachCpuMap } from '@cpumap/cpumap';
import { attachDma, attachNapi } from '@cpumap/nic';
import {
  attachFramePools,
  attachNetifReceive,
  attachSkBuffs,
  attachXdpFrames,
  NET_DEVICE,
  type PacketHandlerFactory,
  SK_BUFF,
} from '@cpumap/skb';
import { attachTasks, type Clock, type CpuRuntime, createCpuLoop, type Machine, percpu } from '@cpumap/smp';
import { attachTracepoints } from '@cpumap/tracepoints';
import { XDP_ABORTED } from '@cpumap/uapi';
import { attachXdp } from '@cpumap/xdp';
import { type Blueprint, blueprintFeatures } from './blueprint.ts';

export type HandlerCode = ModuleCode | { readonly factory: PacketHandlerFactory };

/** What the host asks of a CPU. Plain data, unless code is a bare function. */
type CpuCommand =
  /** Answered as soon as the CPU runs. */
  | { readonly type: 'ping' }
  | { readonly type: 'program'; readonly image: ProgramImage }
  | {
      readonly type: 'handler';
      readonly id: number;
      readonly protocol: number;
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
}

const describe = (error: unknown): string =>
  error instanceof Error ? `${error.name}: ${error.message}` : String(error);

export function createCpuRuntime({ machine, blueprint, cpu, clock, report }: CpuRuntimeParts): CpuRuntime {
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

  const stack = attachNetifReceive({
    memory,
    skbs,
    pools,
    counters: percpu(blueprint.stackCounters, cpu),
    onError(skb, error) {
      const dev = memory.u32[(skb + SK_BUFF.dev) >> 2]!;
      tracepoints.exception(0, XDP_ABORTED, memory.u32[(dev + NET_DEVICE.ifindex) >> 2]!);
      reportOnce('a packet handler', error);
    },
  });
  const parts = { machine, memory, cpu, nrCpus, features, tasks, tracepoints, pools, frames, skbs, stack };
  const cpumap = attachCpuMap(parts, blueprint.cpumap);
  const xdp = attachXdp(
    {
      memory,
      cpu,
      clock,
      features,
      frames,
      tracepoints,
      seed: blueprint.seed + cpu + 1,
      targets: [cpumap.target],
      onProgramError: (progId, error) => reportOnce(`program ${progId}`, error),
    },
    blueprint.xdp,
  );
  const napi = attachNapi({ ...parts, xdp, dma: attachDma(memory, clock), buff: percpu(blueprint.napiBuff, cpu) });
  const loop = createCpuLoop(machine, tasks, cpu, [cpumap.kthreadKind(xdp), napi]); // by CPUMAP_KTHREAD and NAPI_TASK

  return {
    loop: {
      ...loop,
      close() {
        loop.close();
        stack.close();
      },
    },
    async handle(received) {
      const command = received as CpuCommand;
      if (command.type === 'program') {
        xdp.addProgram(command.image.id, await instantiate(command.image, memory, xdp.helpers));
      } else if (command.type === 'handler') {
        const { id, protocol, code, options } = command;
        const factory = 'factory' in code ? code.factory : await importFunction<PacketHandlerFactory>(code);
        stack.add({ id, protocol, handler: factory({ memory, cpu, now: () => clock.now(), options }) });
      } else if (command.type === 'remove-handler') {
        stack.remove(command.id);
      }
    },
  };
}
