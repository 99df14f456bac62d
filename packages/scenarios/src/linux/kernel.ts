/**
 * The running kernel for one run: a backend, and a network namespace of its own with a veth pair in it. Frames are received on
 * CPU 0: by test runs with live frames, or sent at one end of the pair.
 *
 * Safety  nothing outside of the namespace is touched. It has no name: it, its interfaces and what is attached to them go with
 *         the descriptors of this process, however that ends.
 */
import { execFileSync } from 'node:child_process';
import { cpus } from 'node:os';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { BpfProgram } from '@cpumap/bpf';
import type { BackendStatistics } from '@cpumap/host';
import {
  createLinuxBackend,
  createNetworkNamespace,
  interfaceFacts,
  type LinuxBackend,
  openPacketSocket,
  type PacketSocket,
} from '@cpumap/linux';
import { featuresOf, KernelError } from '@cpumap/uapi';
import { stopped } from '../settings.ts';

export const RX_CPU = 0;
const NEAR = 'scenario0';
const FAR = 'scenario1';
const LOOPBACK_IFINDEX = 1; // in every namespace
const TIMEOUT_MS = 5000;

export interface Kernel {
  readonly backend: LinuxBackend;
  /** CPUs that are there. */
  readonly cpus: number;
  /** Where the stack gets the frames of test runs. */
  readonly loopback: PacketSocket;
  /** Where it gets those that `far` sends. */
  readonly near: PacketSocket;
  readonly far: PacketSocket;
  /** Runs something in the namespace. */
  inside<T>(act: () => T): T;
  /** To the near end of the pair. Test runs of a program that is attached anywhere are spared a change of the kernel's code. */
  attach(program: BpfProgram): void;
  /** Waits until the kthreads have taken what was enqueued, and `more`. @throws KernelError ETIMEDOUT */
  settle(more?: () => boolean): Promise<void>;
}

export interface Counts {
  /** Frames that were brought to rings, those that found one full among them. */
  readonly enqueued: number;
  readonly queueFull: number;
  /** Frames that the kthread of each CPU took, and those of them that the program in its entry passed on. */
  readonly taken: readonly number[];
  readonly passed: readonly number[];
}

export function countsOf({ cpus: all }: BackendStatistics): Counts {
  let enqueued = 0;
  let queueFull = 0;
  for (const { trace } of all) {
    for (const { processed, drops } of trace.enqueue) {
      enqueued += processed;
      queueFull += drops;
    }
  }
  return {
    enqueued,
    queueFull,
    taken: all.map(({ trace }) => trace.kthread.processed),
    passed: all.map(({ trace }) => trace.kthread.xdpPass),
  };
}

export const sumOf = (counts: readonly number[]): number => counts.reduce((sum, n) => sum + n, 0);

function ip(command: string): void {
  try {
    execFileSync('ip', command.split(' '), { stdio: 'pipe' });
  } catch (error) {
    const { code, signal, message } = error as NodeJS.ErrnoException & { signal?: string };
    if (signal === 'SIGINT' || signal === 'SIGTERM') throw stopped(); // a terminal sends it to all of a group
    throw new KernelError(code === 'ENOENT' ? 'ENOSYS' : 'EINVAL', `ip ${command}`, {
      hint: code === 'ENOENT' ? 'there is no command `ip`: install iproute2' : message,
      cause: error,
    });
  }
}

/** @throws KernelError EPERM without root; ENOSYS where there is no bpf(2), no koffi or no `ip` */
export async function withKernel<T>(act: (kernel: Kernel) => Promise<T>): Promise<T> {
  const ends: (() => void)[] = [];
  const backend = createLinuxBackend();
  try {
    const namespace = createNetworkNamespace();
    ends.push(() => namespace.close());
    const listen = (ifindex: number): PacketSocket => {
      const socket = openPacketSocket(ifindex);
      ends.push(() => socket.close());
      return socket;
    };
    const sockets = namespace.run(() => {
      ip(`link add ${NEAR} type veth peer name ${FAR}`);
      for (const name of [NEAR, FAR]) ip(`link set ${name} addrgenmode none`); // nothing but our own frames
      for (const name of ['lo', NEAR, FAR]) ip(`link set ${name} up`);
      // frames are counted one by one: no sum of two is short enough to be merged
      if (featuresOf(backend.release).cpumapGro) for (const name of ['lo', NEAR]) ip(`link set ${name} gro_max_size 1`);
      const [near, far] = [NEAR, FAR].map((name) => listen(interfaceFacts(name)!.ifindex));
      return { near: near!, far: far!, loopback: listen(LOOPBACK_IFINDEX) };
    });
    backend.statistics(); // from here on it counts
    return await act({
      ...sockets,
      backend,
      cpus: Math.min(backend.possibleCpus, cpus().length),
      inside: namespace.run,
      attach(program) {
        namespace.run(() => backend.attachXdp(NEAR, program, 'native'));
      },
      async settle(more = () => true) {
        const end = performance.now() + TIMEOUT_MS;
        for (;;) {
          const { enqueued, queueFull, taken } = countsOf(backend.statistics());
          if (sumOf(taken) >= enqueued - queueFull && more()) return;
          if (performance.now() > end) {
            throw new KernelError('ETIMEDOUT', 'scenario', {
              hint: `of ${enqueued - queueFull} frames in rings the kthreads took ${sumOf(taken)}, or not all of them came to the stack`,
            });
          }
          await nextTurn();
        }
      },
    });
  } finally {
    await backend.close();
    for (const end of ends.reverse()) end();
  }
}

/** The CPUs behind the one that receives; all of them where there are fewer than three. */
export function spreadCpus(nrCpus: number): number[] {
  const all = Array.from({ length: nrCpus }, (_, cpu) => cpu);
  return nrCpus < 3 ? all : all.filter((cpu) => cpu !== RX_CPU);
}
