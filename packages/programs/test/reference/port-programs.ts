/** xdp-bench's modes l4-sport and l4-dport: the CPU by a TCP or UDP port, modulo the number of CPUs. */

import type { ProgramEnv, ProgramFactory, ProgramInstance } from '@cpumap/bpf';
import { XDP_PASS } from '@cpumap/uapi';
import { attachAvailableCpus, attachCpusCount, attachRxCount } from './maps.ts';
import { attachParser, DEST_PORT, etherType, l3Offset, SOURCE_PORT } from './parse.ts';

function byPort(env: ProgramEnv, port: number): ProgramInstance {
  const rx = attachRxCount(env);
  const cpus = attachAvailableCpus(env, rx);
  const count = attachCpusCount(env);
  const packet = attachParser(env);

  return (ctx) => {
    const data = packet.data(ctx);
    const end = packet.dataEnd(ctx);
    rx.processed();
    const parsed = packet.parseEth(data, end);
    if (parsed === 0) return XDP_PASS;
    const number = packet.l4Port(etherType(parsed), data + l3Offset(parsed), end, port);
    return cpus.redirectTo(count.modulo(number));
  };
}

export const l4Sport: ProgramFactory = (env) => byPort(env, SOURCE_PORT);

export const l4Dport: ProgramFactory = (env) => byPort(env, DEST_PORT);
