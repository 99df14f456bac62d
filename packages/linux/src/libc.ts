/**
 * The C library of the running system, as far as bpf(2) needs it: loaded when it is first asked for, never when the package
 * is imported. On another system, or without koffi, asking is an error that says what is missing.
 */
import { createRequire } from 'node:module';
import { arch, platform } from 'node:os';
import { errnoName, KernelError } from '@cpumap/uapi';

/** What a command of bpf(2) takes, and the arrays that its pointers point to. */
export interface Attribute {
  readonly bytes: Uint8Array;
  readonly arrays: readonly Uint8Array[];
}

export interface Libc {
  /** bpf(2). A descriptor or 0, or a negative errno. */
  bpf(command: number, attr: Attribute): number;
  /** Where an array lies: for the pointers in attributes. Valid while the array is referenced. */
  address(array: Uint8Array): bigint;
  close(fd: number): void;
  /** if_nametoindex(3); 0 when there is no such interface. */
  ifindexOf(name: string): number;
}

interface Koffi {
  load(path: string): { func(name: string, result: string, args: readonly string[]): (...args: unknown[]) => number };
  address(array: Uint8Array): bigint;
  errno(): number;
}

/** __NR_bpf */
const SYS_BPF: Readonly<Record<string, number>> = { x64: 321, arm64: 280, riscv64: 280 };

function unavailable(hint: string, cause?: unknown): KernelError {
  return new KernelError('ENOSYS', 'bpf(2)', { hint, cause });
}

let loaded: Libc | undefined;

/** @throws KernelError ENOSYS on other systems, and where koffi is not installed */
export function libc(): Libc {
  loaded ??= load();
  return loaded;
}

function load(): Libc {
  if (platform() !== 'linux') {
    throw unavailable(`the kernel of ${platform()} has no bpf(2): the engine works here, the linux backend does not`);
  }
  const number = SYS_BPF[arch()];
  if (number === undefined) throw unavailable(`the number of bpf(2) on ${arch()} is not known here`);
  let koffi: Koffi;
  try {
    koffi = createRequire(import.meta.url)('koffi') as Koffi;
  } catch (cause) {
    throw unavailable('the optional dependency koffi is not installed: npm install koffi', cause);
  }
  const lib = koffi.load('libc.so.6');
  const syscall = lib.func('syscall', 'long', ['long', 'long', 'void *', 'long']);
  const close = lib.func('close', 'int', ['int']);
  const nametoindex = lib.func('if_nametoindex', 'uint', ['str']);
  // keeps the arrays of the call that is under way: nothing else need refer to them, and the collector could move in
  const held: { attr: Attribute | undefined } = { attr: undefined };
  return {
    bpf(command, attr) {
      held.attr = attr;
      const result = syscall(number, command, attr.bytes, attr.bytes.length);
      return result < 0 ? -koffi.errno() : result;
    },
    address: (array) => koffi.address(array),
    close: (fd) => void close(fd),
    ifindexOf: (name) => nametoindex(name),
  };
}

/** The error for a negative answer of bpf(2). */
export function bpfError(command: string, answer: number, hint?: string): KernelError {
  const code = errnoName(answer);
  if (code === undefined) return new KernelError('EIO', `bpf(${command})`, { hint: `errno ${-answer}` });
  return new KernelError(code, `bpf(${command})`, hint === undefined ? {} : { hint });
}
