/**
 * What the kernel can do, asked by doing it: a map or a program is made and given back at once, nothing is attached to an
 * interface. Where the process may not ask, and for what cannot be asked so, the release speaks.
 */
import { assembleProgram, type ProgramSpec } from '@cpumap/bpf';
import { createLinuxBackend, createLinuxMap, loadLinuxProgram, type SystemFacts } from '@cpumap/linux';
import { BPF_ATTACH_TYPE, BPF_MAP_TYPE, FEATURES, type Feature, type FeatureName, KernelError } from '@cpumap/uapi';

export interface Ability {
  readonly name: string;
  readonly there: boolean;
  /** How that is known: the kernel did it, or refused it, or its release has it. */
  readonly known: 'asked' | 'release';
  /** The release that brought it. */
  readonly since: string | undefined;
  /** What the kernel said when it refused. */
  readonly refusal: string | undefined;
}

const PASS = { bytecode: assembleProgram('r0 = 2\nexit') };
const cpumap = (valueSize: number) => ({ type: BPF_MAP_TYPE.CPUMAP, keySize: 4, valueSize, maxEntries: 1 });
const load = (spec: Partial<ProgramSpec>): void => {
  loadLinuxProgram({ name: 'probe', code: PASS, ...spec }, { maps: {} }).close();
};

/** Counting needs tracing programs on the tracepoints; the backend hangs them there with its first cpumap. */
async function count(): Promise<void> {
  const backend = createLinuxBackend();
  try {
    backend.createMap(cpumap(4));
    backend.statistics();
  } finally {
    await backend.close();
  }
}

const PROBES: readonly { name: string; feature: FeatureName; ask?: () => void | Promise<void> }[] = [
  { name: 'cpumap', feature: 'cpumap', ask: () => createLinuxMap(cpumap(4)).close() },
  {
    name: 'second program in entries',
    feature: 'cpumapProgram',
    ask() {
      createLinuxMap(cpumap(8)).close();
      load({ expectedAttachType: BPF_ATTACH_TYPE.XDP_CPUMAP });
    },
  },
  { name: 'frames of several buffers (frags)', feature: 'frags', ask: () => load({ frags: true }) },
  { name: 'counting by tracepoints', feature: 'cpumap', ask: count },
  { name: 'cpumap in generic mode', feature: 'genericCpumap' },
  { name: 'GRO on the remote CPU', feature: 'cpumapGro' },
];

export async function abilitiesOf({ features }: SystemFacts): Promise<Ability[]> {
  const abilities: Ability[] = [];
  for (const { name, feature, ask } of PROBES) {
    const { since }: Feature = FEATURES[feature];
    const byRelease = { name, there: features[feature], known: 'release', since } as const;
    abilities.push(ask === undefined ? { ...byRelease, refusal: undefined } : await asked(byRelease, ask));
  }
  return abilities;
}

async function asked(
  byRelease: Pick<Ability, 'name' | 'there' | 'known' | 'since'>,
  ask: () => void | Promise<void>,
): Promise<Ability> {
  try {
    await ask();
    return { ...byRelease, there: true, known: 'asked', refusal: undefined };
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    // without rights the kernel does not say what it can
    const denied = error.code === 'EPERM' || error.code === 'EACCES';
    if (denied) return { ...byRelease, refusal: 'not asked: no rights' };
    return { ...byRelease, there: false, known: 'asked', refusal: error.message };
  }
}
