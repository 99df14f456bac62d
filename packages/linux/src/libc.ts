/**
 * The C library of the running system, as far as bpf(2) and what goes with it need it: loaded when it is first asked for,
 * never when the package is imported. On another system, or without koffi, asking is an error that says what is missing.
 *
 * System calls answer as the kernel does: a result, or a negative errno.
 */
import { createRequire } from 'node:module';
import { arch, platform } from 'node:os';
import { errnoName, KernelError } from '@cpumap/uapi';

/** What a command of bpf(2) takes, and the arrays that its pointers point to. */
export interface Attribute {
  readonly bytes: Uint8Array;
  readonly arrays: readonly Uint8Array[];
}

/** Memory that is shared with the kernel. */
export interface Mapping {
  readonly buffer: ArrayBuffer;
  /** No view of the buffer may be used after this. */
  unmap(): void;
}

export interface Libc {
  /** bpf(2). A descriptor or 0, or a negative errno. */
  bpf(command: number, attr: Attribute): number;
  /** The same with an attribute of `bytes` bytes at an address; whoever calls keeps it, and what it points to, alive. */
  bpfAt(command: number, address: number, bytes: number): number;
  /** Where an array lies: for the pointers in attributes. Valid while the array is referenced. */
  address(array: Uint8Array): bigint;
  /** Bytes of a page. */
  readonly pageSize: number;
  close(fd: number): void;
  /** if_nametoindex(3); 0 when there is no such interface. */
  ifindexOf(name: string): number;
  /** perf_event_open(2) of all processes on one CPU. */
  perfEventOpen(attr: Uint8Array, cpu: number): number;
  ioctl(fd: number, request: number, argument: number): number;
  /** mmap(2) of a descriptor, shared. @returns a negative errno when it cannot be */
  map(fd: number, bytes: number, offset: number, access: 'read' | 'write'): Mapping | number;
  /** Returns when what every CPU had begun under rcu_read_lock has ended. Needs Linux 4.3. */
  synchronizeRcu(): void;
  socket(domain: number, type: number, protocol: number): number;
  send(fd: number, bytes: Uint8Array): number;
  receive(fd: number, into: Uint8Array): number;
  bind(fd: number, address: Uint8Array): number;
  setsockopt(fd: number, level: number, option: number, value: Uint8Array): number;
  /** recvfrom(2); `address` takes the sender's. */
  receiveFrom(fd: number, into: Uint8Array, flags: number, address: Uint8Array): number;
  /** Of the calling thread alone, as all below. */
  unshare(flags: number): number;
  setns(fd: number, type: number): number;
  /** The CPUs that the thread may run on, a bit for each. */
  getAffinity(mask: Uint8Array): number;
  setAffinity(mask: Uint8Array): number;
  setScheduler(policy: number, priority: number): number;
}

type Native = (...args: unknown[]) => number;
/** The part of koffi that is used. */
export interface Koffi {
  load(path: null): { func(name: string, result: string, args: readonly string[]): Native };
  address(array: Uint8Array): bigint;
  view(address: bigint, bytes: number): ArrayBuffer;
  errno(): number;
}

interface Numbers {
  readonly bpf: number;
  readonly perfEventOpen: number;
  readonly membarrier: number;
}
const GENERIC: Numbers = { bpf: 280, perfEventOpen: 241, membarrier: 283 };
/** __NR_bpf and others */
const SYSCALLS: Readonly<Record<string, Numbers>> = {
  x64: { bpf: 321, perfEventOpen: 298, membarrier: 324 },
  arm64: GENERIC,
  riscv64: GENERIC,
};
const PROT_READ = 1;
const PROT_WRITE = 2;
const MAP_SHARED = 1;
const PERF_FLAG_FD_CLOEXEC = 8;
const ALL_PROCESSES = -1;
const CALLING_THREAD = 0;
const NO_GROUP = -1;
/** MEMBARRIER_CMD_GLOBAL: the kernel answers it by synchronize_rcu. */
const MEMBARRIER_GLOBAL = 1;

function unavailable(hint: string, cause?: unknown): KernelError {
  return new KernelError('ENOSYS', 'bpf(2)', { hint, cause });
}

let loaded: Libc | undefined;

/** @throws KernelError ENOSYS on other systems, and where koffi is not installed */
export function libc(): Libc {
  loaded ??= loadLibc(platform(), arch(), () => createRequire(import.meta.url)('koffi') as Koffi);
  return loaded;
}

/** Why there is no bpf(2) for a system; undefined where there is. */
function whyNoBpf(system: string, machine: string): string | undefined {
  if (system !== 'linux') {
    return `the kernel of ${system} has no bpf(2): the engine works here, the linux backend does not`;
  }
  return SYSCALLS[machine] === undefined ? `the number of bpf(2) on ${machine} is not known here` : undefined;
}

/** `libc` on a system. @throws KernelError ENOSYS */
export function loadLibc(system: string, machine: string, requireKoffi: () => Koffi): Libc {
  const problem = whyNoBpf(system, machine);
  if (problem !== undefined) throw unavailable(problem);
  const numbers = SYSCALLS[machine]!;
  let koffi: Koffi;
  try {
    koffi = requireKoffi();
  } catch (cause) {
    throw unavailable('the optional dependency koffi is not installed: npm install koffi', cause);
  }
  const lib = koffi.load(null); // the process: libc is in it, whichever it is
  const syscall = lib.func('syscall', 'long', ['long', 'long', 'void *', 'long']);
  const syscallAt = lib.func('syscall', 'long', ['long', 'long', 'long', 'long']);
  const perfEventOpen = lib.func('syscall', 'long', ['long', 'void *', 'int', 'int', 'int', 'ulong']);
  const membarrier = lib.func('syscall', 'long', ['long', 'int', 'uint', 'int']);
  const close = lib.func('close', 'int', ['int']);
  const nametoindex = lib.func('if_nametoindex', 'uint', ['str']);
  const ioctl = lib.func('ioctl', 'int', ['int', 'ulong', 'long']);
  // addresses of user space are below 2^47: numbers
  const mmap = lib.func('mmap', 'long', ['long', 'size_t', 'int', 'int', 'int', 'long']);
  const munmap = lib.func('munmap', 'int', ['long', 'size_t']);
  const socket = lib.func('socket', 'int', ['int', 'int', 'int']);
  const send = lib.func('send', 'long', ['int', 'void *', 'size_t', 'int']);
  const recv = lib.func('recv', 'long', ['int', 'void *', 'size_t', 'int']);
  const bind = lib.func('bind', 'int', ['int', 'void *', 'uint']);
  const setsockopt = lib.func('setsockopt', 'int', ['int', 'int', 'int', 'void *', 'uint']);
  const recvfrom = lib.func('recvfrom', 'long', ['int', 'void *', 'size_t', 'int', 'void *', 'void *']);
  const unshare = lib.func('unshare', 'int', ['int']);
  const setns = lib.func('setns', 'int', ['int', 'int']);
  const getaffinity = lib.func('sched_getaffinity', 'int', ['int', 'size_t', 'void *']);
  const setaffinity = lib.func('sched_setaffinity', 'int', ['int', 'size_t', 'void *']);
  const setscheduler = lib.func('sched_setscheduler', 'int', ['int', 'int', 'void *']);
  // keeps the arrays of the call that is under way: nothing else need refer to them, and the collector could move in
  const held: { attr: Attribute | undefined } = { attr: undefined };
  const answer = (result: number): number => (result < 0 ? -koffi.errno() : result);
  return {
    bpf(command, attr) {
      held.attr = attr;
      return answer(syscall(numbers.bpf, command, attr.bytes, attr.bytes.length));
    },
    bpfAt: (command, address, bytes) => answer(syscallAt(numbers.bpf, command, address, bytes)),
    address: (array) => koffi.address(array),
    pageSize: lib.func('getpagesize', 'int', [])(),
    close: (fd) => void close(fd),
    ifindexOf: (name) => nametoindex(name),
    perfEventOpen: (attr, cpu) =>
      answer(perfEventOpen(numbers.perfEventOpen, attr, ALL_PROCESSES, cpu, NO_GROUP, PERF_FLAG_FD_CLOEXEC)),
    ioctl: (fd, request, argument) => answer(ioctl(fd, request, argument)),
    map(fd, bytes, offset, access) {
      const protection = access === 'write' ? PROT_READ | PROT_WRITE : PROT_READ;
      const address = answer(mmap(0, bytes, protection, MAP_SHARED, fd, offset));
      if (address < 0) return address;
      return { buffer: koffi.view(BigInt(address), bytes), unmap: () => void munmap(address, bytes) };
    },
    synchronizeRcu: () => void membarrier(numbers.membarrier, MEMBARRIER_GLOBAL, 0, 0),
    socket: (domain, type, protocol) => answer(socket(domain, type, protocol)),
    send: (fd, bytes) => answer(send(fd, bytes, bytes.length, 0)),
    receive: (fd, into) => answer(recv(fd, into, into.length, 0)),
    bind: (fd, address) => answer(bind(fd, address, address.length)),
    setsockopt: (fd, level, option, value) => answer(setsockopt(fd, level, option, value, value.length)),
    receiveFrom: (fd, into, flags, address) =>
      answer(recvfrom(fd, into, into.length, flags, address, Uint32Array.of(address.length))),
    unshare: (flags) => answer(unshare(flags)),
    setns: (fd, type) => answer(setns(fd, type)),
    getAffinity: (mask) => answer(getaffinity(CALLING_THREAD, mask.length, mask)),
    setAffinity: (mask) => answer(setaffinity(CALLING_THREAD, mask.length, mask)),
    setScheduler: (policy, priority) => answer(setscheduler(CALLING_THREAD, policy, Int32Array.of(priority))),
  };
}

/** The error for a negative answer of a system call, which a person would name so. */
export function systemError(syscall: string, answer: number, hint?: string): KernelError {
  const code = errnoName(answer);
  if (code === undefined) return new KernelError('EIO', syscall, { hint: `errno ${-answer}` });
  return new KernelError(code, syscall, hint === undefined ? {} : { hint });
}

/** The error for a negative answer of bpf(2). */
export function bpfError(command: string, answer: number, hint?: string): KernelError {
  return systemError(`bpf(${command})`, answer, hint);
}
