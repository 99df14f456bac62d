/**
 * A network namespace of the test process's own, without a name: it ends with the process, and so does everything in it.
 * The thread also gets mounts of its own, in which tracefs can be mounted for it alone.
 *
 * Only the calling thread moves; bpf(2) and files are used on it, and processes that it starts are in there with it.
 */
import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';

type Native = (...args: unknown[]) => number;
interface Koffi {
  load(path: string): { func(name: string, result: string, args: readonly string[]): Native };
  errno(): number;
}

const CLONE_NEWNS = 0x20000;
const CLONE_NEWNET = 0x40000000;
const MS_REC_PRIVATE = 0x4000 | 0x40000;
const MNT_DETACH = 2;
const AF_PACKET = 17;
const SOCK_RAW = 3;
const SYS_SETRESUID = process.arch === 'x64' ? 117 : 147;
const TRACEFS = '/sys/kernel/tracing';
const NOBODY = 65534;

const koffi = (): Koffi => createRequire(import.meta.url)('koffi') as Koffi;
const native = (name: string, result: string, args: readonly string[]): Native =>
  koffi().load('libc.so.6').func(name, result, args);

function done(what: string, result: number): void {
  if (result < 0) throw new Error(`${what}: errno ${koffi().errno()}`);
}

export function run(command: string): string {
  const [program, ...args] = command.split(' ');
  return execFileSync(program!, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

/** Moves the calling thread, for good. */
export function enterNamespace(): void {
  done('unshare', native('unshare', 'int', ['int'])(CLONE_NEWNET | CLONE_NEWNS));
  const mount = native('mount', 'int', ['str', 'str', 'str', 'ulong', 'void *']);
  done('mount private', mount('none', '/', null, MS_REC_PRIVATE, null));
  run('ip link set lo up');
}

export function mountTracefs(): void {
  const mount = native('mount', 'int', ['str', 'str', 'str', 'ulong', 'void *']);
  done('mount tracefs', mount('nodev', TRACEFS, 'tracefs', 0, null));
}

export function unmountTracefs(): void {
  done('umount', native('umount2', 'int', ['str', 'int'])(TRACEFS, MNT_DETACH));
}

/** A veth pair that is up; frames sent on `peer` are received on `name`. */
export function createVeth(name: string, peer: string): void {
  run(`ip link add ${name} type veth peer name ${peer}`);
  for (const device of [name, peer]) {
    run(`ip link set ${device} addrgenmode none`); // nothing but the test's own frames
    run(`ip link set ${device} up`);
  }
}

/** Sends frames on an interface through an AF_PACKET socket. */
export function sendFrames(device: string, frame: Uint8Array, count: number): void {
  const socket = native('socket', 'int', ['int', 'int', 'int']);
  const sendto = native('sendto', 'long', ['int', 'void *', 'size_t', 'int', 'void *', 'uint']);
  const address = new Uint8Array(20); // struct sockaddr_ll
  const view = new DataView(address.buffer);
  view.setUint16(0, AF_PACKET, true);
  view.setInt32(4, native('if_nametoindex', 'uint', ['str'])(device), true);
  const fd = socket(AF_PACKET, SOCK_RAW, 0);
  done('socket', fd);
  try {
    for (let i = 0; i < count; i++) done('sendto', sendto(fd, frame, frame.length, 0, address, address.length));
  } finally {
    native('close', 'int', ['int'])(fd);
  }
}

/** Runs something without root's rights. */
export function asNobody<T>(act: () => T): T {
  const setresuid = native('syscall', 'long', ['long', 'int', 'int', 'int']); // of this thread alone
  done('setresuid', setresuid(SYS_SETRESUID, -1, NOBODY, -1));
  try {
    return act();
  } finally {
    done('setresuid', setresuid(SYS_SETRESUID, -1, 0, -1));
  }
}

/** Waits until something is so; what happens on other CPUs has no other end. Fails after five seconds. */
export async function until(what: string, condition: () => boolean): Promise<void> {
  const end = performance.now() + 5000;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`not within 5 s: ${what}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
