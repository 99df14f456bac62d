/** Running something on one CPU: the calling thread moves there and back. */
import { libc, systemError } from './libc.ts';
import { possibleCpus } from './possible-cpus.ts';

/** Calls `act` on a CPU of the machine. @throws KernelError EINVAL for a CPU that is not there, or not allowed */
export function onCpu<T>(cpu: number, act: () => T): T {
  const c = libc();
  const bytes = Math.max(Math.ceil(possibleCpus() / 64) * 8, 128); // sched_getaffinity refuses less than the kernel's own
  const before = new Uint8Array(bytes);
  const only = new Uint8Array(bytes);
  const asked = c.getAffinity(before);
  if (asked < 0) throw systemError('sched_getaffinity', asked);
  if (Number.isInteger(cpu) && cpu >= 0 && cpu < bytes * 8) only[cpu >> 3] = 1 << (cpu & 7);
  const moved = c.setAffinity(only);
  if (moved < 0) throw systemError('sched_setaffinity', moved, `CPU ${cpu} is not one that this process may run on`);
  try {
    return act();
  } finally {
    c.setAffinity(before);
  }
}
