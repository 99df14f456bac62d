/**
 * The programs written in TypeScript, a second time and in another way: what random frames are compared with. They
 * answered as Linux does on the same recorded packets as the bytecode.
 */
import type { ProgramFactory } from '@cpumap/bpf';
import type { SampleProgramName } from '../../src/index.ts';
import { l4Dport, l4Sport } from './port-programs.ts';
import { ddosFilterPktgen, lbHashIpPairs, noTouch, protoSeparate, roundRobin, touchData } from './sample-programs.ts';

export const REFERENCE: Readonly<Record<SampleProgramName, ProgramFactory>> = {
  no_touch: noTouch,
  touch_data: touchData,
  round_robin: roundRobin,
  proto_separate: protoSeparate,
  ddos_filter_pktgen: ddosFilterPktgen,
  lb_hash_ip_pairs: lbHashIpPairs,
  l4_sport: l4Sport,
  l4_dport: l4Dport,
};
