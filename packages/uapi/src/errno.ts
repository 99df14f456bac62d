/**
 * The errno values that BPF and XDP answer with, as Linux numbers them on x86-64 and arm64 (asm-generic).
 * ENOTSUPP is the kernel's internal 524: it reaches user space from bpf(2) unchanged and has no libc name.
 */
export const ERRNO = {
  EPERM: 1,
  ENOENT: 2,
  ESRCH: 3,
  EINTR: 4,
  EIO: 5,
  ENXIO: 6,
  E2BIG: 7,
  EBADF: 9,
  ECHILD: 10,
  EAGAIN: 11,
  ENOMEM: 12,
  EACCES: 13,
  EFAULT: 14,
  EBUSY: 16,
  EEXIST: 17,
  ENODEV: 19,
  EINVAL: 22,
  EMFILE: 24,
  ENOSPC: 28,
  EPIPE: 32,
  ERANGE: 34,
  EDEADLK: 35,
  ENOSYS: 38,
  ELOOP: 40,
  EBADRQC: 56,
  ETIME: 62,
  EOVERFLOW: 75,
  EMSGSIZE: 90,
  EPROTONOSUPPORT: 93,
  EOPNOTSUPP: 95,
  EAFNOSUPPORT: 97,
  ENETDOWN: 100,
  ENOBUFS: 105,
  ETIMEDOUT: 110,
  EALREADY: 114,
  ENOTSUPP: 524,
} as const;

/** The name of an errno, as in `'EINVAL'`. */
export type ErrnoName = keyof typeof ERRNO;

const TEXT: Record<ErrnoName, string> = {
  EPERM: 'operation not permitted',
  ENOENT: 'no such entry',
  ESRCH: 'no such process',
  EINTR: 'interrupted',
  EIO: 'input/output error',
  ENXIO: 'no such device or address',
  E2BIG: 'too big',
  EBADF: 'bad file descriptor',
  ECHILD: 'no child process',
  EAGAIN: 'try again',
  ENOMEM: 'out of memory',
  EACCES: 'permission denied',
  EFAULT: 'bad address',
  EBUSY: 'busy',
  EEXIST: 'exists already',
  ENODEV: 'no such device',
  EINVAL: 'invalid argument',
  EMFILE: 'too many open files',
  ENOSPC: 'no space left',
  EPIPE: 'broken pipe',
  ERANGE: 'out of range',
  EDEADLK: 'deadlock avoided',
  ENOSYS: 'no such system call',
  ELOOP: 'too many levels',
  EBADRQC: 'invalid request code',
  ETIME: 'timer expired',
  EOVERFLOW: 'value too large',
  EMSGSIZE: 'message too long',
  EPROTONOSUPPORT: 'protocol not supported',
  EOPNOTSUPP: 'operation not supported',
  EAFNOSUPPORT: 'address family not supported',
  ENETDOWN: 'network is down',
  ENOBUFS: 'no buffer space',
  ETIMEDOUT: 'timed out',
  EALREADY: 'already in progress',
  ENOTSUPP: 'operation not supported by this object',
};

const NAMES = new Map<number, ErrnoName>(Object.entries(ERRNO).map(([name, n]) => [n, name as ErrnoName]));

/** `errnoName(22)` and `errnoName(-22)` are `'EINVAL'`; a number that is not in the table gives `undefined`. */
export function errnoName(errno: number): ErrnoName | undefined {
  return NAMES.get(Math.abs(errno));
}

/** One short phrase for an errno name, without the name itself. */
export function errnoText(name: ErrnoName): string {
  return TEXT[name];
}
