/**
 * Bursts on the running kernel: test runs with live frames in a network namespace of our own, a socket on each interface
 * of it, and tracing programs that copy the events of our own maps and programs.
 *
 * Safety nothing outside of the namespace is touched, and it ends with its descriptor.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import {
  attachXdpLink,
  createNetworkNamespace,
  interfaceFacts,
  type LinuxLink,
  type LinuxProgram,
  type LinuxTrace,
  onCpu,
  openPacketSocket,
  type PacketSocket,
} from '@cpumap/linux';
import type { TraceRecord } from '@cpumap/tracepoints';
import { LOOPBACK, type SubjectMap } from '../subject.ts';
import { createDispatcherHold } from './dispatcher-hold.ts';
import type { Names } from './names.ts';
import { type Delivered, eventText, isEmptyTurn, isKthread, seenOf, sentByDevices, stillQueued } from './seen.ts';
import { type Burst, IN, type Seen, type Traffic, type TrafficDevice } from './traffic.ts';

const TIMEOUT_MS = 5000;

export interface KernelTrafficParts {
  readonly trace: LinuxTrace;
  readonly names: Names;
  readonly program: (handle: number) => LinuxProgram;
  /** A program for devices that passes every frame. */
  readonly pass: LinuxProgram;
}

interface Pair extends TrafficDevice {
  /** At the other end of the cable: it sends to the device, and receives what the device sends. */
  readonly peer: PacketSocket;
}

async function until(what: string, condition: () => boolean): Promise<void> {
  const end = performance.now() + TIMEOUT_MS;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`not within ${TIMEOUT_MS} ms: ${what}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Whether a thread waits, or is gone. */
function sleeps(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return stat[stat.lastIndexOf(')') + 2] !== 'R';
  } catch {
    return true;
  }
}

export interface KernelTraffic extends Traffic {
  /** Runs something where the devices are. */
  inside<T>(act: () => T): T;
  /** A program is about to be closed. */
  release(program: LinuxProgram): void;
}

export function createKernelTraffic({ trace, names, program, pass }: KernelTrafficParts): KernelTraffic {
  const namespace = createNetworkNamespace();
  const sockets: { readonly where: string; readonly socket: PacketSocket }[] = [];
  const links: LinuxLink[] = [];
  const pairs = new Map<string, Pair>();
  const subscription = trace.subscribe();
  let ended: TraceRecord[] = [];
  let records: TraceRecord[] = [];
  let frames: Delivered[] = [];

  const ip = (command: string): void => {
    execFileSync('ip', command.split(' '), { stdio: 'pipe' });
  };
  const listen = (where: string, ifindex: number): PacketSocket => {
    const socket = openPacketSocket(ifindex);
    sockets.push({ where, socket });
    return socket;
  };
  names.devices.set(LOOPBACK, IN);
  namespace.run(() => {
    ip('link set lo up');
    listen(IN, LOOPBACK);
  });

  function read(): void {
    const batch = subscription.read();
    if (batch.lost > 0) throw new Error(`${batch.lost} trace records of the kernel were lost`);
    records.push(...batch.records);
    ended.push(...batch.records.filter(isEmptyTurn));
    for (const { where, socket } of sockets) frames.push(...socket.read().map((frame) => ({ where, ...frame })));
  }

  function forget(): void {
    read();
    records = [];
    frames = [];
    ended = [];
  }

  /** A veth pair: its other end has a program, which is what makes it take frames. */
  function device(name: string): Pair {
    const known = pairs.get(name);
    if (known !== undefined) return known;
    return namespace.run(() => {
      const peerName = `${name}-peer`;
      ip(`link add ${name} type veth peer name ${peerName}`);
      for (const one of [name, peerName]) {
        ip(`link set ${one} addrgenmode none`); // nothing but our own frames
        ip(`link set ${one} up`);
      }
      const indexOf = (one: string): number => interfaceFacts(one)!.ifindex;
      const ifindex = indexOf(name);
      const link = attachXdpLink(pass.fd, indexOf(peerName), 'native');
      if (typeof link === 'number') throw new Error(`attach to ${peerName}: errno ${-link}`);
      links.push(link);
      listen(name, ifindex);
      const pair: Pair = { name, ifindex, peer: listen(`out of ${name}`, indexOf(peerName)) };
      pairs.set(name, pair);
      names.devices.set(ifindex, name);
      return pair;
    });
  }

  const hold = createDispatcherHold((n) =>
    namespace.run(() => {
      const name = `idle${n}`;
      if (interfaceFacts(name) === undefined) ip(`link add ${name} type veth peer name ${name}-peer`);
      return interfaceFacts(name)!.ifindex;
    }),
  );

  /** @throws KernelError of the test run */
  async function receive({ program: own, data, repeat = 1, cpu = 0, generic, amidst }: Burst): Promise<void> {
    const loaded = program(own.handle);
    if (generic === undefined) {
      let ran: Promise<unknown> = Promise.resolve();
      const run = (): void => {
        ran = loaded.testRun({ data, repeat, liveFrames: true });
        amidst?.();
      };
      namespace.run(() => {
        if (repeat > 1) hold.ran(loaded);
        onCpu(cpu, run, { alone: true });
      });
      await ran;
      return;
    }
    const pair = device(generic.name);
    const link = namespace.run(() => attachXdpLink(loaded.fd, pair.ifindex, 'generic'));
    if (typeof link === 'number') throw new Error(`attach to ${pair.name}: errno ${-link}`);
    onCpu(
      cpu,
      () => {
        for (let i = 0; i < repeat; i++) pair.peer.send(data);
        amidst?.();
      },
      { alone: true },
    );
    link.close();
  }

  /** The records of this burst: devices' events are everybody's, but ours fired on threads that have fired others of ours. */
  function ownRecords(): TraceRecord[] {
    const isXmit = ({ event }: TraceRecord): boolean => event === 'xdp_devmap_xmit';
    const threads = new Set(records.filter((one) => !isXmit(one)).map(({ fields }) => fields.common_pid));
    return records.filter((one) => !isXmit(one) || threads.has(one.fields.common_pid));
  }

  /** Whether every frame has ended: kthreads have taken all, are through with them, and devices have sent theirs. */
  function isQuiet(): boolean {
    read();
    if (stillQueued(records) !== 0) return false;
    const kthreads = new Set(records.filter(isKthread).map(({ fields }) => fields.common_pid!));
    if (![...kthreads].every(sleeps)) return false;
    for (const { where, socket } of sockets) frames.push(...socket.read().map((frame) => ({ where, ...frame })));
    return frames.filter(({ where }) => where.startsWith('out of')).length >= sentByDevices(ownRecords());
  }

  async function burst(given: Burst): Promise<Seen> {
    forget();
    await receive(given);
    await until('every frame has ended', isQuiet);
    return seenOf(ownRecords(), frames, names);
  }

  return {
    device,
    inside: namespace.run,
    release: hold.release,
    burst,
    async endings({ id }: SubjectMap, count) {
      const found = (): TraceRecord[] => ended.filter(({ fields }) => fields.map_id === id);
      await until(`${count} kthreads of map ${id} have ended`, () => {
        read();
        return found().length >= count;
      });
      return found().map((record) => eventText(record, names));
    },
    close() {
      subscription.close();
      hold.close();
      for (const link of links) link.close();
      for (const { socket } of sockets) socket.close();
      namespace.close();
    },
  };
}
