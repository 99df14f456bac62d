/**
 * Where frames went once cpumap had them, per CPU, float64: what the ledger needs and the tracepoints do not say in every
 * release. `taken`, `ring_full` and `wakeups` are counted on the redirecting CPU, the rest on the remote one.
 */
import { layout } from '@cpumap/uapi';

export const CPUMAP_COUNTERS = layout({
  /** Accepted by a bulk queue or, in generic mode, by a ring. */
  taken: 'f64',
  /** Freed at a flush because the ring was full. */
  ring_full: 'f64',
  /** Sleeping kthreads that it woke. */
  wakeups: 'f64',
  dequeued: 'f64',
  /** Handed to the stack, which took them. */
  delivered: 'f64',
  /** Handed to the stack, which did not. */
  refused: 'f64',
  /** Not a sum: frames that GRO has and the stack has not, between two turns of the kthread. */
  gro_held: 'f64',
  prog_drop: 'f64',
  prog_redirect: 'f64',
});
