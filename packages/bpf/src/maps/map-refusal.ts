/** How operations on maps say no: a KernelError of bpf(2), or the negative errno that a program sees. */

import { ERRNO, type ErrnoName, KernelError } from '@cpumap/uapi';

/** @throws KernelError */
export function refuse(code: ErrnoName, command: string, hint: string): never {
  throw new KernelError(code, `bpf(${command})`, { hint });
}

/** A descriptor of something else is EINVAL, of nothing EBADF. @throws KernelError */
export function refuseDescriptor(
  command: string,
  fd: number,
  wanted: 'map' | 'program',
  found: object | undefined,
): never {
  if (found === undefined) return refuse('EBADF', command, `no ${wanted} has the descriptor ${fd}`);
  return refuse(
    'EINVAL',
    command,
    `${fd} is a descriptor of a ${wanted === 'map' ? 'program' : 'map'}, not of a ${wanted}`,
  );
}

const NAMES = new Map<number, ErrnoName>(Object.entries(ERRNO).map(([name, errno]) => [errno, name as ErrnoName]));

/** Turns what an operation of the shared part answered into an error. @throws KernelError unless `answer` is 0 */
export function refuseErrno(answer: number, command: string, hints: Partial<Record<ErrnoName, string>>): void {
  if (answer === 0) return;
  const code = NAMES.get(-answer) ?? 'EINVAL';
  refuse(code, command, hints[code] ?? 'the map refuses');
}
