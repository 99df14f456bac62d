/** The calling thread on one CPU, for as long as something takes. */
import { libc, systemError } from './libc.ts';

const MASK_BYTES = 1024; // 8192 CPUs
const SCHED_OTHER = 0;
const SCHED_FIFO = 1;

export interface OnCpuOptions {
  /**
   * With the lowest real-time priority: what is woken on this CPU meanwhile, kthreads of cpumap entries among it, waits.
   * Default false. Keep it short.
   */
  readonly alone?: boolean;
}

/** @throws KernelError EINVAL: the thread cannot run there; EPERM for `alone` without CAP_SYS_NICE */
export function onCpu<T>(cpu: number, act: () => T, { alone = false }: OnCpuOptions = {}): T {
  const c = libc();
  const check = (what: string, answer: number, hint?: string): void => {
    if (answer < 0) throw systemError(what, answer, hint);
  };
  const before = new Uint8Array(MASK_BYTES);
  check('sched_getaffinity', c.getAffinity(before));
  const only = new Uint8Array(MASK_BYTES);
  only[cpu >> 3] = 1 << (cpu & 7);
  // first, so that it need not wait for its turn on the other CPU
  if (alone) check('sched_setscheduler', c.setScheduler(SCHED_FIFO, 1));
  try {
    check('sched_setaffinity', c.setAffinity(only), `CPU ${cpu} is not one that this process may run on`);
    return act();
  } finally {
    c.setAffinity(before);
    if (alone) c.setScheduler(SCHED_OTHER, 0);
  }
}
