/**
 * The bytecode that Linux 6.18.44 accepted. Each program was loaded there with bpf(2), those for XDP with and without
 * BPF_F_XDP_HAS_FRAGS, all with nrCpus 12. Run there (BPF_PROG_TEST_RUN), the seven programs of verdicts.test.ts gave
 * the recorded verdicts and counts on all 3,533 packets, and the steering programs what reference/steering.ts says;
 * attached there, the monitoring programs counted 100 redirected
 * frames in 13 bulks, one turn after a sleep and seven failed redirects (it has no xdp_redirect_map_err to attach to).
 *
 * A program that changes has to be loaded there again before its hash is changed here.
 */
import { createHash } from 'node:crypto';
import { encodeProgram } from '@cpumap/bpf';
import { expect, it } from 'vitest';
import {
  type BytecodeSpec,
  egressProgram,
  MONITOR_EVENTS,
  monitorMaps,
  monitorProgram,
  remoteProgram,
  SAMPLE_PROGRAMS,
  STEERING_PROGRAMS,
  sampleMaps,
  sampleProgram,
  steeringProgram,
  txPortMap,
} from '../src/index.ts';

const nrCpus = 12;
const specs = [...sampleMaps(nrCpus), ...monitorMaps(nrCpus), txPortMap()];
const maps = Object.fromEntries(specs.map(({ name }) => [name, { id: 1, pointer: 8 }]));

const programs: BytecodeSpec[] = [
  ...SAMPLE_PROGRAMS.map(({ name }) => sampleProgram(name, { maps, nrCpus })),
  ...(['pass', 'drop', 'redirect'] as const).map((action) => remoteProgram(action, { maps })),
  egressProgram(Uint8Array.of(2, 0, 0, 0, 0, 9)),
  ...STEERING_PROGRAMS.map(({ name }) => steeringProgram(name, { maps, nrCpus })),
  ...MONITOR_EVENTS.map((event) => monitorProgram(event, { maps, nrCpus })),
];

/** [name, slots, the first 16 digits of the SHA-256 of the code] */
const ACCEPTED = [
  ['no_touch', 29, '606e4a4473a74fda'],
  ['touch_data', 43, '1702292050232e8b'],
  ['round_robin', 46, 'f02a002693c8d20d'],
  ['proto_separate', 69, '7445aead2f1bb78d'],
  ['ddos_filter_pktgen', 82, '9d6a99301f2e8736'],
  ['lb_hash_ip_pairs', 117, '5ae91b881f429fe3'],
  ['l4_sport', 77, 'f56d1d75ebc3521a'],
  ['l4_dport', 77, 'f744ab559311cdcc'],
  ['cpumap_pass', 2, '614b434cd8324ecc'],
  ['cpumap_drop', 2, 'b11459a0e11ca14c'],
  ['cpumap_redirect', 20, 'fef7c6421324e526'],
  ['redirect_egress', 10, '4eba38878da7687d'],
  ['steer_pppoe', 337, '75b94bcb32766a4e'],
  ['steer_qinq', 231, '7a7e7242a5373adc'],
  ['steer_gre', 422, '1a97fe20cdfb0a72'],
  ['steer_vxlan', 412, 'e18ef119340e3325'],
  ['steer_geneve', 419, '858755d696d767c8'],
  ['steer_gtpu', 447, '3ded630a2e329b91'],
  ['steer_mpls', 432, 'acd8bfe5be1865cc'],
  ['steer_esp', 297, '4f8c0cea82b73dc2'],
  ['steer_auto', 590, 'd24c271535631654'],
  ['trace_xdp_redirect_err', 15, '7180c1f7dc7f867b'],
  ['trace_xdp_redirect_map_err', 15, '7180c1f7dc7f867b'],
  ['trace_xdp_exception', 12, 'fb169511d38ad0d5'],
  ['trace_xdp_cpumap_enqueue', 26, '1295bc0821ba3338'],
  ['trace_xdp_cpumap_kthread', 23, '3de7f9d75ac574e3'],
];

it('is the bytecode that there is', () => {
  const found = programs.map(({ name, code: { bytecode } }) => {
    const bytes = encodeProgram(bytecode.instructions);
    return [name, bytes.length / 8, createHash('sha256').update(bytes).digest('hex').slice(0, 16)];
  });
  expect(found).toEqual(ACCEPTED);
});
