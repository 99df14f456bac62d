/** xdp-bench's modes l4-sport and l4-dport: the CPU by a TCP or UDP port, modulo the number of CPUs. */

import type { ProgramEnv, ProgramFactory, ProgramInstance } from '@cpumap/bpf';
import { ETH_P, XDP_MD, XDP_PASS } from '@cpumap/uapi';
import { increment, PROCESSED } from './counters.ts';
import { attachAvailableCpus, elementOf } from './maps.ts';
import { bpfModulo } from './modulo.ts';
import { DEST_PORT, etherType, ipv4Port, ipv6Port, l3Offset, parseEth, SOURCE_PORT } from './parse.ts';

const DATA = XDP_MD.data >> 2;
const DATA_END = XDP_MD.data_end >> 2;

/** 0 for what is neither TCP nor UDP over IP, and for headers that are cut off. */
function portOf(view: DataView, type: number, l3: number, end: number, port: number): number {
  if (type === ETH_P.IP) return ipv4Port(view, l3, end, port);
  return type === ETH_P.IPV6 ? ipv6Port(view, l3, end, port) : 0;
}

function byPort(env: ProgramEnv, port: number): ProgramInstance {
  const { u32 } = env.memory;
  const view = new DataView(u32.buffer);
  const record = elementOf(env, 'rx_cnt');
  const processed = record + PROCESSED;
  const cpus = attachAvailableCpus(env, record);
  const count = elementOf(env, 'cpus_count');

  return (ctx) => {
    const data = u32[(ctx >>> 2) + DATA]!;
    const end = u32[(ctx >>> 2) + DATA_END]!;
    increment(u32, processed);
    const parsed = parseEth(view, data, end);
    if (parsed === 0) return XDP_PASS;
    const number = portOf(view, etherType(parsed), data + l3Offset(parsed), end, port);
    return cpus.redirectTo(bpfModulo(number, u32[count]!));
  };
}

export const l4Sport: ProgramFactory = (env) => byPort(env, SOURCE_PORT);

export const l4Dport: ProgramFactory = (env) => byPort(env, DEST_PORT);
