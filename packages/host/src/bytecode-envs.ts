/**
 * What one CPU gives to bytecode: helpers, maps, stacks. XDP programs and tracing programs have each their own, as a
 * tracing program may run in the middle of a redirect.
 */
import {
  attachMachineHelpers,
  attachMapHelpers,
  attachTailCalls,
  type BytecodeEnv,
  type ContextBytes,
  JIT_STACK_SIZE,
  type MapOps,
  type ProgramInstance,
} from '@cpumap/bpf';
import { XDP_BUFF } from '@cpumap/skb';
import { type Clock, type Memory, percpu } from '@cpumap/smp';
import { TRACE_SCRATCH, traceCpu } from '@cpumap/tracepoints';
import { attachXdpHelperTable, XDP_STACK_BYTES, type Xdp } from '@cpumap/xdp';
import type { Blueprint } from './blueprint.ts';

export interface BytecodeEnvParts {
  readonly memory: Memory;
  readonly cpu: number;
  readonly clock: Clock;
  readonly blueprint: Blueprint;
  readonly xdp: Xdp;
  readonly maps: MapOps;
  /** An instance of any program on this CPU. */
  readonly instance: (id: number) => ProgramInstance;
  readonly printk: (line: string) => void;
  /** Addresses of the XDP_BUFFs that programs may be running on. */
  readonly buffs: readonly number[];
}

export function attachBytecodeEnvs(parts: BytecodeEnvParts): {
  readonly xdp: BytecodeEnv;
  readonly tracing: BytecodeEnv;
} {
  const { memory, cpu, clock, blueprint, xdp, maps, instance, printk, buffs } = parts;
  const { u32 } = memory;
  const machine = attachMachineHelpers({
    memory,
    cpu,
    clock,
    random: xdp.helpers.getPrandomU32,
    epochNs: blueprint.epochNs,
  });
  const { scratch } = traceCpu(blueprint.trace, cpu);

  const within = (start: number, length: number, address: number, size: number): boolean =>
    address >= start && address + size <= start + length;
  const inPacket = (address: number, size: number): boolean =>
    buffs.some((buff) => {
      if (within(buff, XDP_BUFF.egress_ifindex + 4, address, size)) return true;
      const start = Math.min(u32[(buff + XDP_BUFF.data_meta) >> 2]!, u32[(buff + XDP_BUFF.data) >> 2]!);
      return within(start, u32[(buff + XDP_BUFF.data_end) >> 2]! - start, address, size);
    });

  function env(
    stack: number,
    bytes: number,
    table: BytecodeEnv['table'],
    readable: BytecodeEnv['readable'],
    contextBytes?: ContextBytes,
  ): BytecodeEnv {
    const mapHelpers = attachMapHelpers(maps, contextBytes);
    return {
      memory,
      cpu,
      percpu: xdp.redirectInfo,
      table: { ...machine, ...mapHelpers.table, ...table },
      maps,
      abandon: mapHelpers.abandon,
      readable: (address, size) => within(stack, bytes, address, size) || readable(address, size),
      printk,
      tailCalls: attachTailCalls({ maps, instance, stackStart: stack }),
      stackEnd: stack + bytes,
    };
  }

  return {
    xdp: env(xdp.stack, XDP_STACK_BYTES, attachXdpHelperTable(xdp.helpers), inPacket, {
      length: xdp.helpers.xdpGetBuffLen,
      copy: (ctx, to, size) => void xdp.helpers.xdpLoadBytes(ctx, 0, to, size),
    }),
    tracing: env(percpu(blueprint.tracingStack, cpu), JIT_STACK_SIZE, {}, (address, size) =>
      within(scratch, TRACE_SCRATCH.sizeof, address, size),
    ),
  };
}
