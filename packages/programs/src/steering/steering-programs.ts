/**
 * Programs for traffic that a device's RSS cannot spread, by name, as specs to load: they hash what is inside an
 * encapsulation, and redirect as lb_hash_ip_pairs does, to cpus_available[hash % cpus_count].
 */
import { assembleProgram } from '@cpumap/bpf';
import { BPF_ATTACH_TYPE, BPF_PROG_TYPE } from '@cpumap/uapi';
import type { BytecodeSpec } from '../bytecode.ts';
import { type MapReference, pickMaps, type SampleMapName } from '../maps.ts';
import type { Encapsulation } from './encapsulation.ts';
import { esp } from './esp.ts';
import { geneve } from './geneve.ts';
import { gre } from './gre.ts';
import { gtpu } from './gtpu.ts';
import { mpls } from './mpls.ts';
import { pppoe } from './pppoe.ts';
import { steeringText } from './steering-text.ts';
import { vxlan } from './vxlan.ts';

/** What the command's --program-mode has, too. */
export type SteeringMode = 'pppoe' | 'qinq' | 'gre' | 'vxlan' | 'geneve' | 'gtpu' | 'mpls' | 'esp' | 'auto';

export type SteeringProgramName = `steer_${SteeringMode}`;

export interface SteeringProgram {
  readonly name: SteeringProgramName;
  readonly mode: SteeringMode;
  readonly description: string;
  /** What it uses; `steeringProgram` wants at least these. */
  readonly maps: readonly SampleMapName[];
}

const MAPS: readonly SampleMapName[] = ['cpu_map', 'rx_cnt', 'cpus_available', 'cpus_count'];

const KNOWN: Readonly<Record<SteeringMode, readonly Encapsulation[]>> = {
  pppoe: [pppoe],
  qinq: [],
  gre: [gre],
  vxlan: [vxlan],
  geneve: [geneve],
  gtpu: [gtpu],
  mpls: [mpls],
  esp: [esp],
  auto: [pppoe, mpls, gre, esp, vxlan, geneve, gtpu],
};

const describe = (mode: SteeringMode, description: string): SteeringProgram => ({
  name: `steer_${mode}`,
  mode,
  description,
  maps: MAPS,
});

export const STEERING_PROGRAMS: readonly SteeringProgram[] = [
  describe('pppoe', 'a CPU by a hash of the flow in a PPPoE session'),
  describe('qinq', 'a CPU by a hash of the flow behind up to two VLAN tags'),
  describe('gre', 'a CPU by a hash of the flow in GRE, IP or Ethernet'),
  describe('vxlan', 'a CPU by a hash of the flow in VXLAN'),
  describe('geneve', 'a CPU by a hash of the flow in Geneve'),
  describe('gtpu', 'a CPU by a hash of the flow in GTP-U'),
  describe('mpls', 'a CPU by a hash of the flow behind up to six MPLS labels'),
  describe('esp', 'a CPU by a hash of the SPI of ESP, in UDP too'),
  describe('auto', 'a CPU by a hash of the flow in any of these encapsulations'),
];

export interface SteeringProgramOptions {
  /** At least the maps that the programs use, by the sample's names; others are left out of the spec. */
  readonly maps: Readonly<Record<string, MapReference>>;
  /** An entry of cpus_available that is not below this is no CPU. */
  readonly nrCpus: number;
  readonly frags?: boolean;
}

/**
 * One of the steering programs, to load.
 *
 * @param which its name or its mode
 * @throws RangeError for an unknown program, TypeError for a map that it needs and was not given
 */
export function steeringProgram(
  which: SteeringProgramName | SteeringMode,
  { maps, nrCpus, frags = false }: SteeringProgramOptions,
): BytecodeSpec {
  const found = STEERING_PROGRAMS.find(({ name, mode }) => which === name || which === mode);
  if (found === undefined) {
    const modes = STEERING_PROGRAMS.map(({ mode }) => mode).join(', ');
    throw new RangeError(`no steering program ${which}: there are ${modes}`);
  }
  const { name, mode } = found;
  return {
    name,
    type: BPF_PROG_TYPE.XDP,
    expectedAttachType: BPF_ATTACH_TYPE.XDP,
    frags,
    code: { bytecode: assembleProgram(steeringText(KNOWN[mode], nrCpus)) },
    maps: pickMaps(name, MAPS, maps),
  };
}
