/**
 * Cost sets from published figures. Nobody published every stage: sums are the published ones, how a sum is divided is
 * assumed where the source does not say it.
 */
import type { CostSet } from './cost-set.ts';

export const COST_SETS = {
  /**
   * RX side: 74 + 12 + 3 + 8/8 + 64/64 = 91 ns, the 11 Mpps of the cover letter. Remote side: 49 + 65 + 200 = 314 ns,
   * 3.18 Mpps to a UDP stack without a listener, as measured before batching came in 5.2.
   */
  'published-2017': {
    name: 'published-2017',
    source:
      'Sums: one CPU redirects about 11 Mpps (cover letter of the series, 2017), a remote CPU takes 3.18 Mpps to UDP without ' +
      'a listener (before 5.2). Assumed: how they divide into stages, wake-ups.',
    ns: {
      driver: 74,
      program: 12,
      enqueue: 3,
      flush: 8,
      wakeup: 200,
      dequeue: 49,
      remoteProgram: 6,
      skb: 65,
      stack: 200,
    },
    turn: 64,
    wakeLatency: 2000,
  },
  /**
   * 26 + 5 = 31 ns, 32 Mpps dropped by the driver; 58 ns, 17.2 Mpps redirected; 5.8 ns for a second program; 25 + 65 + 148
   * = 238 ns, 4.2 Mpps to a UDP stack without a listener.
   */
  'published-2020': {
    name: 'published-2020',
    source:
      'Sums: 32 Mpps dropped in the driver, 17.2 Mpps redirected, 4.2 Mpps to UDP without a listener, 5.8 ns for a second program ' +
      '(Linux 5.8 on a 3.6 GHz Xeon E5-1650 v4 with i40e). Assumed: how they divide into stages, wake-ups.',
    ns: {
      driver: 26,
      program: 5,
      enqueue: 18,
      flush: 64,
      wakeup: 200,
      dequeue: 25,
      remoteProgram: 5.8,
      skb: 65,
      stack: 148,
    },
    turn: 64,
    wakeLatency: 2000,
  },
} as const satisfies Record<string, CostSet>;
