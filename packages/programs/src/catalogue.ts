/**
 * The programs by name, as specs to load, and the maps that they need. Nothing here runs per packet: the code is named
 * by the URL of './sample.js', which every CPU's thread imports for itself.
 */

import type { MapSpec, ProgramSpec } from '@cpumap/bpf';
import { BPF_ATTACH_TYPE, BPF_MAP_TYPE, DATAREC } from '@cpumap/uapi';

/** The maps that the programs look for, by the sample's names. */
export type SampleMapName = 'cpu_map' | 'rx_cnt' | 'cpus_available' | 'cpus_count' | 'cpus_iterator';

/** The end of the sample's section name; for xdp-bench's additions, of the function's. */
export type SampleProgramName =
  | 'no_touch'
  | 'touch_data'
  | 'round_robin'
  | 'proto_separate'
  | 'ddos_filter_pktgen'
  | 'lb_hash_ip_pairs'
  | 'l4_sport'
  | 'l4_dport';

/** xdp-bench's --program-mode. */
export type SampleProgramMode =
  | 'no-touch'
  | 'touch'
  | 'round-robin'
  | 'l4-proto'
  | 'l4-filter'
  | 'l4-hash'
  | 'l4-sport'
  | 'l4-dport';

export interface SampleProgram {
  /** The sample's --prognum; xdp-bench's additions have none. */
  readonly prognum?: number;
  readonly name: SampleProgramName;
  readonly mode: SampleProgramMode;
  /** The factory's name in '@cpumap/programs/sample'. */
  readonly export: string;
  readonly description: string;
  /** What it uses; `sampleProgram` wants at least these. */
  readonly maps: readonly SampleMapName[];
}

const FIXED: readonly SampleMapName[] = ['cpu_map', 'rx_cnt', 'cpus_available'];
const COUNTED: readonly SampleMapName[] = [...FIXED, 'cpus_count'];

export const SAMPLE_PROGRAMS: readonly SampleProgram[] = [
  {
    prognum: 0,
    name: 'no_touch',
    mode: 'no-touch',
    export: 'noTouch',
    description: 'everything to the first CPU, without reading the packet',
    maps: FIXED,
  },
  {
    prognum: 1,
    name: 'touch_data',
    mode: 'touch',
    export: 'touchData',
    description: 'everything to the first CPU after reading the EtherType; drops IEEE 802.3 frames',
    maps: FIXED,
  },
  {
    prognum: 2,
    name: 'round_robin',
    mode: 'round-robin',
    export: 'roundRobin',
    description: 'the next CPU for each packet',
    maps: [...COUNTED, 'cpus_iterator'],
  },
  {
    prognum: 3,
    name: 'proto_separate',
    mode: 'l4-proto',
    export: 'protoSeparate',
    description: 'TCP to the first CPU, UDP to the second, ICMP to the third',
    maps: FIXED,
  },
  {
    prognum: 4,
    name: 'ddos_filter_pktgen',
    mode: 'l4-filter',
    export: 'ddosFilterPktgen',
    description: 'as l4-proto, and drops UDP to port 9',
    maps: FIXED,
  },
  {
    prognum: 5,
    name: 'lb_hash_ip_pairs',
    mode: 'l4-hash',
    export: 'lbHashIpPairs',
    description: 'a CPU by a hash of both IP addresses and the protocol, the same in both directions',
    maps: COUNTED,
  },
  {
    name: 'l4_sport',
    mode: 'l4-sport',
    export: 'l4Sport',
    description: 'a CPU by the TCP or UDP source port',
    maps: COUNTED,
  },
  {
    name: 'l4_dport',
    mode: 'l4-dport',
    export: 'l4Dport',
    description: 'a CPU by the TCP or UDP destination port',
    maps: COUNTED,
  },
];

/** A map that exists, as a program spec names it. */
export type MapReference = NonNullable<ProgramSpec['maps']>[string];

export interface SampleProgramOptions {
  /** At least the maps that the program uses, by the sample's names; others are left out of the spec. */
  readonly maps: Readonly<Record<string, MapReference>>;
  /** An entry of cpus_available that is not below this is no CPU. The sample has 12. */
  readonly nrCpus: number;
  /** xdp-bench says true, the sample of 2017 says nothing. */
  readonly frags?: boolean;
}

function moduleCode(name: string): ProgramSpec['code'] {
  return { module: new URL('./sample.js', import.meta.url).href, export: name };
}

function find(which: number | string): SampleProgram {
  const found = SAMPLE_PROGRAMS.find(
    ({ prognum, name, mode }) => which === prognum || which === name || which === mode,
  );
  if (found !== undefined) return found;
  const known = SAMPLE_PROGRAMS.map(({ name, mode }) => `${name} (${mode})`).join(', ');
  throw new RangeError(`no sample program ${which}: there are prognum 0 to 5, ${known}`);
}

/**
 * One of the sample's programs, to load.
 *
 * @param which its prognum, its name or its xdp-bench mode
 * @throws RangeError for an unknown program, TypeError for a map that it needs and was not given
 */
export function sampleProgram(
  which: number | SampleProgramName | SampleProgramMode,
  { maps, nrCpus, frags = false }: SampleProgramOptions,
): ProgramSpec {
  const program = find(which);
  const used = program.maps.map((name) => {
    const map = maps[name];
    if (map === undefined) throw new TypeError(`program ${program.name} needs a map '${name}'`);
    return [name, map] as const;
  });
  return {
    name: program.name,
    code: moduleCode(program.export),
    expectedAttachType: BPF_ATTACH_TYPE.XDP,
    frags,
    maps: Object.fromEntries(used),
    constants: { nr_cpus: nrCpus },
  };
}

/** A second program for cpumap entries. `frags` must agree with the program that redirects. */
export function remoteProgram(
  action: 'pass' | 'drop',
  { frags = false }: { readonly frags?: boolean } = {},
): ProgramSpec {
  return {
    name: `cpumap_${action}`,
    code: moduleCode(action === 'pass' ? 'remotePass' : 'remoteDrop'),
    expectedAttachType: BPF_ATTACH_TYPE.XDP_CPUMAP,
    frags,
  };
}

/** `sizeof(struct bpf_cpumap_val)`: a queue size alone until 5.9, with a second program since. */
export type CpuMapValueSize = 4 | 8;

/**
 * The maps of the sample's programs for `nrCpus` CPUs, in the sample's order. After creating them, user space fills
 * cpus_available with `nrCpus`, which is no CPU, before it adds the first one.
 */
export function sampleMaps(
  nrCpus: number,
  cpuMapValueSize: CpuMapValueSize = 4,
): (MapSpec & { readonly name: SampleMapName })[] {
  const { CPUMAP, ARRAY, PERCPU_ARRAY } = BPF_MAP_TYPE;
  const u32 = { keySize: 4, valueSize: 4 };
  return [
    { name: 'cpu_map', type: CPUMAP, keySize: 4, valueSize: cpuMapValueSize, maxEntries: nrCpus },
    { name: 'rx_cnt', type: PERCPU_ARRAY, keySize: 4, valueSize: DATAREC.sizeof, maxEntries: 1 },
    { name: 'cpus_available', type: ARRAY, ...u32, maxEntries: nrCpus },
    { name: 'cpus_count', type: ARRAY, ...u32, maxEntries: 1 },
    { name: 'cpus_iterator', type: PERCPU_ARRAY, ...u32, maxEntries: 1 },
  ];
}
