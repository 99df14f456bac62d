/** The kernel and the process's rights, as far as anyone may read them. */
import { readFileSync } from 'node:fs';
import { arch, release as kernelRelease } from 'node:os';
import { type Features, featuresOf, KernelError } from '@cpumap/uapi';
import { libc } from './libc.ts';
import { nrCpus, parseCpuList, possibleCpuNumbers } from './possible-cpus.ts';
import { effectiveCapabilities, missingCapabilities, rightsHint } from './rights.ts';
import { hasTracefs } from './tracefs.ts';
import { readVmlinux } from './vmlinux-btf.ts';

export interface SystemFacts {
  readonly release: string;
  readonly machine: string;
  readonly features: Features;
  readonly missingCapabilities: readonly string[];
  /** How to get them; undefined when none is missing. */
  readonly rightsHint: string | undefined;
  /** NR_CPUS: no cpumap is larger. */
  readonly nrCpus: number;
  readonly possible: readonly number[];
  readonly online: readonly number[];
  /** The tracepoints of the group xdp in the kernel's BTF; undefined without BTF. */
  readonly tracepoints: readonly string[] | undefined;
  readonly tracefs: boolean;
}

const TRACEPOINT = /^btf_trace_(xdp_\w+)$/;

function tracepoints(): string[] | undefined {
  try {
    const names = readVmlinux().types.map(({ kind, name }) =>
      kind === 'typedef' ? TRACEPOINT.exec(name)?.[1] : undefined,
    );
    return names.filter((name) => name !== undefined).sort();
  } catch (error) {
    if (error instanceof KernelError) return undefined;
    throw error;
  }
}

/** @throws KernelError ENOSYS where there is no Linux, or no koffi */
export function systemFacts(): SystemFacts {
  libc();
  const release = kernelRelease();
  const features = featuresOf(release);
  const effective = effectiveCapabilities();
  const missing = missingCapabilities(effective, features);
  return {
    release,
    machine: arch(),
    features,
    missingCapabilities: missing,
    rightsHint: missing.length === 0 ? undefined : rightsHint(effective, features),
    nrCpus: nrCpus(),
    possible: possibleCpuNumbers(),
    online: parseCpuList(readFileSync('/sys/devices/system/cpu/online', 'utf8')),
    tracepoints: tracepoints(),
    tracefs: hasTracefs(),
  };
}
