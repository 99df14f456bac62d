/** Which capabilities the process lacks, and how to get them. */
import { readFileSync } from 'node:fs';
import type { Features } from '@cpumap/uapi';

const CAPABILITY = { CAP_NET_ADMIN: 12, CAP_SYS_ADMIN: 21, CAP_PERFMON: 38, CAP_BPF: 39 } as const;
type Capability = keyof typeof CAPABILITY;

/** What is needed and not among the effective capabilities (hexadecimal, as in /proc/PID/status). */
export function missingCapabilities(effective: string, { capBpf }: Pick<Features, 'capBpf'>): Capability[] {
  const has = (name: Capability): boolean => ((BigInt(`0x${effective}`) >> BigInt(CAPABILITY[name])) & 1n) === 1n;
  if (has('CAP_SYS_ADMIN')) return has('CAP_NET_ADMIN') ? [] : ['CAP_NET_ADMIN'];
  const needed: Capability[] = capBpf
    ? ['CAP_BPF', 'CAP_NET_ADMIN', 'CAP_PERFMON']
    : ['CAP_SYS_ADMIN', 'CAP_NET_ADMIN'];
  return needed.filter((name) => !has(name));
}

/** The hint for EPERM. */
export function rightsHint(effective: string, features: Pick<Features, 'capBpf'>): string {
  const missing = missingCapabilities(effective, features);
  if (missing.length === 0) return 'all capabilities are there: a security module, lockdown or a container forbids it';
  const list = missing.join(', ').toLowerCase().replaceAll(' ', '');
  return `the process lacks ${missing.join(', ')}: run it as root, or once: setcap ${list}+ep $(readlink -f $(which node))`;
}

/** CapEff of the calling thread. */
export function effectiveCapabilities(): string {
  return /^CapEff:\s*([0-9a-f]+)/m.exec(readFileSync('/proc/thread-self/status', 'utf8'))?.[1] ?? '0';
}
