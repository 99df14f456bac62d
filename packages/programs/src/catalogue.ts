/**
 * The XDP programs by name, as specs to load. Nothing here runs per packet: a spec's code is bytecode, assembled for the
 * number of CPUs that it is asked for.
 */

import { assembleProgram } from '@cpumap/bpf';
import { BPF_ATTACH_TYPE, BPF_PROG_TYPE, ETH_ALEN } from '@cpumap/uapi';
import type { BytecodeSpec } from './bytecode.ts';
import { type MapReference, pickMaps, type SampleMapName } from './maps.ts';
import { l4Dport, l4Sport } from './port-programs.ts';
import { cpumapDrop, cpumapPass, cpumapRedirect, devmapEgress } from './remote-programs.ts';
import { ddosFilterPktgen, lbHashIpPairs, noTouch, protoSeparate, roundRobin, touchData } from './sample-programs.ts';

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
    description: 'everything to the first CPU, without reading the packet',
    maps: FIXED,
  },
  {
    prognum: 1,
    name: 'touch_data',
    mode: 'touch',
    description: 'everything to the first CPU after reading the EtherType; drops IEEE 802.3 frames',
    maps: FIXED,
  },
  {
    prognum: 2,
    name: 'round_robin',
    mode: 'round-robin',
    description: 'the next CPU for each packet',
    maps: [...COUNTED, 'cpus_iterator'],
  },
  {
    prognum: 3,
    name: 'proto_separate',
    mode: 'l4-proto',
    description: 'TCP to the first CPU, UDP to the second, ICMP to the third',
    maps: FIXED,
  },
  {
    prognum: 4,
    name: 'ddos_filter_pktgen',
    mode: 'l4-filter',
    description: 'as l4-proto, and drops UDP to port 9',
    maps: FIXED,
  },
  {
    prognum: 5,
    name: 'lb_hash_ip_pairs',
    mode: 'l4-hash',
    description: 'a CPU by a hash of both IP addresses and the protocol, the same in both directions',
    maps: COUNTED,
  },
  {
    name: 'l4_sport',
    mode: 'l4-sport',
    description: 'a CPU by the TCP or UDP source port',
    maps: COUNTED,
  },
  {
    name: 'l4_dport',
    mode: 'l4-dport',
    description: 'a CPU by the TCP or UDP destination port',
    maps: COUNTED,
  },
];

const TEXT: Readonly<Record<SampleProgramName, (nrCpus: number) => string>> = {
  no_touch: noTouch,
  touch_data: touchData,
  round_robin: roundRobin,
  proto_separate: protoSeparate,
  ddos_filter_pktgen: ddosFilterPktgen,
  lb_hash_ip_pairs: lbHashIpPairs,
  l4_sport: l4Sport,
  l4_dport: l4Dport,
};

export interface SampleProgramOptions {
  /** At least the maps that the program uses, by the sample's names; others are left out of the spec. */
  readonly maps: Readonly<Record<string, MapReference>>;
  /** An entry of cpus_available that is not below this is no CPU. The sample has 12. */
  readonly nrCpus: number;
  /** xdp-bench says true, the sample of 2017 says nothing. */
  readonly frags?: boolean;
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
): BytecodeSpec {
  const { name, maps: needed } = find(which);
  return {
    name,
    type: BPF_PROG_TYPE.XDP,
    expectedAttachType: BPF_ATTACH_TYPE.XDP,
    frags,
    code: { bytecode: assembleProgram(TEXT[name](nrCpus)) },
    maps: pickMaps(name, needed, maps),
  };
}

/**
 * A second program for cpumap entries. `redirect` swaps the MAC addresses and sends to the device in slot 0 of the devmap
 * `tx_port`. `frags` must agree with the program that redirects to the entry.
 *
 * @throws TypeError for `redirect` without its map
 */
export function remoteProgram(
  action: 'pass' | 'drop' | 'redirect',
  {
    frags = false,
    maps = {},
  }: { readonly frags?: boolean; readonly maps?: Readonly<Record<string, MapReference>> } = {},
): BytecodeSpec {
  const name = `cpumap_${action}`;
  const text = { pass: cpumapPass, drop: cpumapDrop, redirect: cpumapRedirect }[action];
  return {
    name,
    type: BPF_PROG_TYPE.XDP,
    expectedAttachType: BPF_ATTACH_TYPE.XDP_CPUMAP,
    frags,
    code: { bytecode: assembleProgram(text) },
    maps: pickMaps(name, action === 'redirect' ? ['tx_port'] : [], maps),
  };
}

/** The program for the entry of `tx_port`: gives each frame the source address `mac` of the device that sends it. */
export function egressProgram(mac: Uint8Array, { frags = false }: { readonly frags?: boolean } = {}): BytecodeSpec {
  if (mac.length !== ETH_ALEN) throw new RangeError(`a MAC address has ${ETH_ALEN} bytes, not ${mac.length}`);
  return {
    name: 'redirect_egress',
    type: BPF_PROG_TYPE.XDP,
    expectedAttachType: BPF_ATTACH_TYPE.XDP_DEVMAP,
    frags,
    code: { bytecode: assembleProgram(devmapEgress(mac)) },
  };
}
