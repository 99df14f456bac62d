/**
 * Hints: where the kernel answers several mistakes with one errno, what was wrong this time, found by looking. Each
 * function takes what is known and gives a sentence, or undefined when nothing is known beyond the errno.
 */
import type { BpfProgram, MapSpec, ProgramSpec } from '@cpumap/bpf';
import type { XdpMode } from '@cpumap/host';
import {
  BPF_ATTACH_TYPE,
  BPF_CPUMAP_VAL,
  BPF_MAP_TYPE,
  BPF_PROG_TYPE,
  type ErrnoName,
  FEATURES,
  type FeatureName,
  type Features,
  progTypeName,
} from '@cpumap/uapi';
import type { AttachedXdp } from './netlink.ts';

/** The kernel as it matters for a hint. */
export interface KernelFacts {
  readonly release: string;
  readonly features: Features;
  readonly nrCpus: number;
  readonly possible: readonly number[];
  /** The hint for EPERM, asked when it happens. */
  readonly rights: () => string;
}

type Hint = string | undefined;

function tooOld(feature: FeatureName & keyof typeof FEATURES, { features, release }: KernelFacts): Hint {
  if (features[feature]) return undefined;
  const { what } = FEATURES[feature];
  const since = 'since' in FEATURES[feature] ? FEATURES[feature].since : '';
  return `this is Linux ${release}, ${since} is needed: ${what}`;
}

/** bpf(BPF_MAP_CREATE) */
export function explainMapCreate(code: ErrnoName, spec: MapSpec, kernel: KernelFacts): Hint {
  if (code === 'EPERM') return kernel.rights();
  if (spec.type !== BPF_MAP_TYPE.CPUMAP) return undefined;
  if (code === 'E2BIG') {
    return `max_entries is ${spec.maxEntries}, above NR_CPUS, with which this kernel was built: ${kernel.nrCpus}`;
  }
  if (code !== 'EINVAL') return undefined;
  if (spec.valueSize === BPF_CPUMAP_VAL.sizeof) {
    const old = tooOld('cpumapProgram', kernel);
    if (old !== undefined) return old;
  } else if (spec.valueSize !== 4) return `values of a cpumap have 4 or 8 bytes, not ${spec.valueSize}`;
  if (spec.keySize !== 4) return `keys of a cpumap have 4 bytes, not ${spec.keySize}`;
  if (spec.maxEntries === 0) return 'max_entries is 0';
  return undefined;
}

/** A program and what it was loaded with, by its descriptor. */
export interface EntryProgram {
  readonly program: BpfProgram | undefined;
  /** Of programs that use the map. */
  readonly owner: BpfProgram | undefined;
}

/** bpf(BPF_MAP_UPDATE_ELEM) of a cpumap; `fd` is that of the second program, 0 without. */
export function explainCpuMapUpdate(
  code: ErrnoName,
  entry: { readonly cpu: number; readonly qsize: number; readonly fd: number; readonly maxEntries: number },
  { program, owner }: EntryProgram,
  kernel: KernelFacts,
): Hint {
  const { cpu, qsize, fd, maxEntries } = entry;
  switch (code) {
    case 'EPERM':
      return 'the map is frozen, or the process lost its rights';
    case 'E2BIG':
      return `the map has CPUs 0 to ${maxEntries - 1}, not ${cpu}`;
    case 'EEXIST':
      return 'a cpumap has no empty places: with BPF_NOEXIST the answer is always this';
    case 'EOVERFLOW':
      return `a ring holds up to 16384 frames, not ${qsize}`;
    case 'ENODEV':
      return `CPU ${cpu} is not possible here: possible are ${kernel.possible.join(', ')}`;
    case 'ENOMEM':
    case 'EINVAL':
    case 'EBADF':
      return fd === 0 ? undefined : explainEntryProgram(fd, program, owner);
    default:
      return undefined;
  }
}

function explainEntryProgram(fd: number, program: BpfProgram | undefined, owner: BpfProgram | undefined): Hint {
  if (program === undefined) return `descriptor ${fd} is of no program that this backend loaded`;
  const name = `program ${program.name}`;
  if (program.type !== BPF_PROG_TYPE.XDP) return `${name} is of type ${progTypeName(program.type)}, not xdp`;
  if (program.expectedAttachType !== BPF_ATTACH_TYPE.XDP_CPUMAP) {
    return `${name} was loaded for another place: programs of entries have the expected attach type BPF_XDP_CPUMAP`;
  }
  return owner === undefined ? undefined : fragsHint(name, program.frags, owner);
}

function fragsHint(name: string, frags: boolean, owner: Pick<BpfProgram, 'name' | 'frags'>): Hint {
  if (frags === owner.frags) return undefined;
  const has = (yes: boolean): string => (yes ? 'has frags support' : 'has no frags support');
  return `${name} ${has(frags)}, but the map belongs to ${owner.name}, which ${has(owner.frags)}: load both with or both without`;
}

/** bpf(BPF_PROG_LOAD); `owner` is a program that uses one of its maps. */
export function explainProgramLoad(
  code: ErrnoName,
  spec: ProgramSpec,
  owner: BpfProgram | undefined,
  kernel: KernelFacts,
): Hint {
  if (code === 'EPERM') return kernel.rights();
  if (code !== 'EINVAL') return undefined;
  const frags = spec.frags ?? false;
  if (frags) {
    const old = tooOld('frags', kernel);
    if (old !== undefined) return old;
  }
  if (spec.expectedAttachType === BPF_ATTACH_TYPE.XDP_CPUMAP) {
    const old = tooOld('cpumapProgram', kernel);
    if (old !== undefined) return old;
  }
  return owner === undefined ? undefined : fragsHint(`program ${spec.name}`, frags, owner);
}

export interface XdpAttempt {
  readonly device: string;
  readonly mode: XdpMode;
  readonly program: BpfProgram;
  /** What is attached already, and the name of that program. */
  readonly attached: AttachedXdp;
  readonly attachedName: string | undefined;
  /** Of the link that holds it there; undefined when it was attached without one. */
  readonly linkId: number | undefined;
  readonly usesCpumap: boolean;
}

/** bpf(BPF_LINK_CREATE) */
export function explainXdpAttach(code: ErrnoName, attempt: XdpAttempt, kernel: KernelFacts): Hint {
  const { device, mode, program, attached } = attempt;
  switch (code) {
    case 'EPERM':
      return kernel.rights();
    case 'EBUSY':
    case 'EEXIST':
      return `${device} has ${attachedText(attempt)} in ${attached.mode} mode: end the process that holds it, or ${offCommand(attempt)}`;
    case 'EOPNOTSUPP':
      if (mode === 'native') return `the driver of ${device} has no native XDP: attach in generic mode`;
      return undefined;
    case 'ERANGE':
      return `the MTU of ${device} or of its peer is too large for a program without frags support`;
    case 'EINVAL':
      break;
    default:
      return undefined;
  }
  if (program.type !== BPF_PROG_TYPE.XDP) return `it is of type ${progTypeName(program.type)}, not an XDP program`;
  if (program.expectedAttachType !== BPF_ATTACH_TYPE.XDP) {
    return 'programs for map entries can not be attached to a device: put it in an entry';
  }
  // links of XDP programs came with the same release
  if (!kernel.features.cpumapProgram) {
    return `this is Linux ${kernel.release}: links of XDP programs need ${FEATURES.cpumapProgram.since}`;
  }
  return mode === 'generic' && attempt.usesCpumap ? tooOld('genericCpumap', kernel) : undefined;
}

/** The command that takes it off: `ip` can not, what a link holds. */
function offCommand({ device, linkId }: XdpAttempt): string {
  return linkId === undefined ? `ip link set dev ${device} xdp off` : `bpftool link detach id ${linkId}`;
}

function attachedText({ attached, attachedName }: XdpAttempt): string {
  if (attached.progId === 0) return 'other programs';
  return `program ${attached.progId}${attachedName === undefined ? '' : ` "${attachedName}"`}`;
}
