/**
 * datapath: 64-byte frames received on CPU 0, redirected by a program, taken by the second program of CPU 1, which drops
 * them. The rate counts frames that CPU 1 took from the ring. The kernel does the same with the same bytecode, fed by
 * BPF_PROG_TEST_RUN with live frames in batches of 64, tracepoint counters on; where the program is l4-hash, it numbers
 * 4,096 senders itself, on both sides.
 *
 * deliver: without a second program: CPU 1 builds sk_buffs and hands them to a handler that counts them. The kernel hands
 * them to its stack, which does more: it looks at the IP header before it drops what is not for this host.
 */
import { compareSides } from './compare-sides.ts';
import type { PathSpec } from './redirect-path.ts';
import type { Suite } from './suite.ts';

const QSIZE = 2048;

function pathSuite(name: string, what: string, path: Omit<PathSpec, 'qsize'>): Suite {
  return {
    name,
    what,
    run: (options) => compareSides({ name, title: `${name}: 64-byte frames` }, { ...path, qsize: QSIZE }, options),
  };
}

export const datapath = pathSuite(
  'datapath',
  '64-byte frames -> CPU 0, no-touch -> cpumap (2048) -> CPU 1, second program drops; engine and kernel',
  { mode: 'no-touch', remote: 'drop', flows: 1 },
);
export const datapathLb = pathSuite('datapath-lb', 'the same with l4-hash over 4,096 senders', {
  mode: 'l4-hash',
  remote: 'drop',
  flows: 4096,
});
export const deliver = pathSuite(
  'deliver',
  '64-byte frames -> CPU 0, no-touch -> cpumap (2048) -> CPU 1, sk_buff -> counting handler; kernel: its stack',
  { mode: 'no-touch', remote: 'stack', flows: 1 },
);
