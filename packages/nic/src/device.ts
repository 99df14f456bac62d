/**
 * The model device: what `ethtool` and `ip link` show and set of a NIC with several RX queues.
 *
 * Owner  the host thread. Its queues are served by NAPI tasks on the CPUs that their interrupts are bound to.
 * Changing channels or rings rebuilds the queues, as real drivers do; that is refused (EBUSY) while frames come in.
 */

import { createDeviceBulkQueues } from '@cpumap/devmap';
import {
  createFramePool,
  createNetDevice,
  destroyFramePool,
  type FramePoolsAt,
  framePoolFree,
  NET_DEVICE,
} from '@cpumap/skb';
import {
  type Allocator,
  CACHELINE,
  createTask,
  type Machine,
  type Memory,
  synchronizeRcu,
  TASK,
  TASK_EXITED,
  TASK_POSTED,
  type Tasks,
} from '@cpumap/smp';
import { type ErrnoName, type Features, KernelError, XDP_PAGE_FRAME } from '@cpumap/uapi';
import type { FrameSource } from './frame-source.ts';
import { NAPI_TASK, NO_CPU } from './napi.ts';
import { createReceiveSettings, type ReceiveSettings } from './receive-settings.ts';
import { defaultIndirection, INDIRECTION_ENTRIES, MICROSOFT_RSS_KEY, RSS_KEY_LENGTH, RSS_VLAN_TAGS } from './rss.ts';
import { createRxQueue, destroyRxQueue, RX_QUEUE, type RxQueueCounts, readRxCounters } from './rx-queue.ts';
import { createWire, type Wire } from './wire.ts';
import { TX_COUNTERS } from './xdp-xmit.ts';

export interface NicOptions {
  readonly name: string;
  readonly ifindex: number;
  /** Six bytes. */
  readonly address?: Uint8Array;
  /** Combined channels: RX queues. Default 1. */
  readonly channels?: number;
  /** Descriptors per RX ring. Default 512. */
  readonly rxRing?: number;
  /**
   * Default 1500, at most 9000. A frame may be 22 bytes longer: Ethernet header and two VLAN tags. From 3499 on frames may
   * take several buffers, of a page each.
   */
  readonly mtu?: number;
  /** The CPU of each queue's interrupt; queues beyond the list go round. Default: queue n on CPU n. */
  readonly irqCpus?: readonly number[];
  /** Buffers per queue beside those of its ring. Default 18432: more than the longest cpumap ring holds. */
  readonly buffers?: number;
  /** generic-receive-offload, of what is redirected into a cpumap. Default false, as a veth has it. */
  readonly gro?: boolean;
  /** rx-udp-gro-forwarding: GRO merges UDP as well. Default false. */
  readonly rxUdpGroForwarding?: boolean;
  /** VLAN tags that RSS looks through, 0 to 2. Default 2; many NICs read one at most. */
  readonly rssVlanTags?: number;
  /** rps_cpus of queue 0, the one that redirected frames count for. Default none. */
  readonly rpsCpus?: readonly number[];
}

export const MTU_DEFAULT = 1500;
export const MTU_MIN = 68;
export const MTU_MAX = 9000;
export const RX_RING_DEFAULT = 512;
export const RX_RING_MIN = 8;
export const RX_RING_MAX = 8192;
const BUFFERS_DEFAULT = 18_432;
/** Large buffers of a queue, at most, for frames that generic XDP linearises. */
const LINEAR_BUFFERS = 4096;
/** What a frame has beyond the MTU: Ethernet header and two VLAN tags. */
export const FRAME_HEADERS = 22;

export interface NicParts {
  readonly memory: Memory;
  readonly features: Features;
  readonly allocator: Allocator;
  readonly machine: Machine;
  readonly tasks: Tasks;
  readonly pools: FramePoolsAt;
  readonly waitFor: (what: string, condition: () => boolean) => void;
  /** Sets the backlogs of CPUs going that RPS will hand sk_buffs to. */
  readonly startBacklogs: (cpus: readonly number[]) => void;
}

/** One queue as the device keeps it. */
interface Queue {
  readonly queue: number;
  readonly task: number;
  readonly pool: number;
  /** Large buffers, while a program in generic mode needs them; 0 before. */
  linearPool: number;
}

export interface NicDevice extends ReceiveSettings {
  readonly name: string;
  readonly ifindex: number;
  readonly pointer: number;
  readonly address: Uint8Array;
  readonly maxFrame: number;
  /** Whether its longest frames take several buffers: native programs must be loaded with frags then. */
  readonly needsFrags: boolean;
  /**
   * Whether generic XDP puts frames of several buffers into one, for a program that was loaded without frags.
   * @throws KernelError ENOMEM
   */
  setLinearize(on: boolean): void;
  channels(): number;
  /** ethtool --set-channels combined N. @throws KernelError EINVAL, EBUSY, ENOMEM */
  setChannels(combined: number): void;
  ringParam(): { rx: number };
  /** ethtool --set-ring rx N. @throws KernelError EINVAL, EBUSY, ENOMEM */
  setRingParam(ring: { rx: number }): void;
  rxfh(): { indir: readonly number[]; key: Uint8Array };
  /** ethtool --set-rxfh-indir. @throws KernelError EINVAL, EBUSY */
  setRxfhIndir(indir: readonly number[]): void;
  /** ethtool --set-rxfh hkey. @throws KernelError EINVAL, EBUSY */
  setRxfhKey(key: Uint8Array): void;
  irqAffinity(queue: number): number;
  /** Like writing /proc/irq/N/smp_affinity: the queue moves at the end of a poll, frames and all. @throws KernelError EINVAL */
  setIrqAffinity(queue: number, cpu: number): void;
  /** ethtool -S: totals, then per queue. */
  statistics(): Record<string, number>;
  queueCounts(): RxQueueCounts[];
  /** Buffers of the RX rings whose frames the driver has not seen yet, leaving out the queues of the given CPUs. */
  pending(exceptCpus?: readonly number[]): number;
  /** Buffers that its frames took so far beyond their first ones. */
  frags(): number;
  /** Buffers of all queues, and how many of them are in their pools or posted in rings; exact when all CPUs rest. */
  buffers(): { total: number; home: number };
  /** Frames start to come in. @throws KernelError EBUSY while they already do */
  start(source: FrameSource): Wire;
  readonly wire: Wire | undefined;
  close(): void;
}

export function createNicDevice(parts: NicParts, options: NicOptions): NicDevice {
  const { memory, allocator, machine, tasks, pools, waitFor } = parts;
  const { u32 } = memory;
  const { name, ifindex, irqCpus, mtu = MTU_DEFAULT, buffers = BUFFERS_DEFAULT } = options;
  const maxFrame = mtu + FRAME_HEADERS;
  // a page per buffer where frames may have several; before 5.18 one buffer, however large
  const linear = parts.features.frags ? Math.min(maxFrame, XDP_PAGE_FRAME) : maxFrame;
  const address = options.address ?? Uint8Array.of(0x02, 0, 0, 0, 0, ifindex & 0xff);
  const refuse = (code: ErrnoName, what: string, hint: string): never => {
    throw new KernelError(code, `${what} ${name}`, { hint });
  };

  if (!(Number.isInteger(mtu) && mtu >= MTU_MIN && mtu <= MTU_MAX)) {
    refuse('EINVAL', 'mtu', `${mtu} is not between ${MTU_MIN} and ${MTU_MAX}`);
  }
  const { rssVlanTags = RSS_VLAN_TAGS } = options;
  if (!(Number.isInteger(rssVlanTags) && rssVlanTags >= 0 && rssVlanTags <= RSS_VLAN_TAGS)) {
    refuse('EINVAL', 'rss', `it looks through 0 to ${RSS_VLAN_TAGS} VLAN tags, not ${rssVlanTags}`);
  }
  const affinity: number[] = [];
  for (const cpu of irqCpus ?? []) checkCpu(cpu);
  const pointer = createNetDevice(memory, allocator, { ifindex, address, maxFrame });
  const txCounters = allocator.alloc(machine.nrCpus * CACHELINE);
  u32[(pointer + NET_DEVICE.tx_counters) >> 2] = txCounters;
  u32[(pointer + NET_DEVICE.xdp_bulkq) >> 2] = createDeviceBulkQueues(allocator, machine.nrCpus);
  let rxRing = checkRing(options.rxRing ?? RX_RING_DEFAULT);
  let channels = checkChannels(options.channels ?? 1);
  let indir: readonly number[] = defaultIndirection(channels);
  let key = MICROSOFT_RSS_KEY;
  let queues: Queue[] = [];
  let linearizes = false;
  const linearCount = Math.min(rxRing + buffers, LINEAR_BUFFERS);
  const past: RxQueueCounts[] = []; // of queues that are gone
  let wire: Wire | undefined;
  const receiveSettings = createReceiveSettings(parts, name, pointer);
  receiveSettings.setFeatures(options);
  receiveSettings.setRpsCpus(options.rpsCpus ?? []);
  build();

  function checkCpu(cpu: number): void {
    if (!(Number.isInteger(cpu) && cpu >= 0 && cpu < machine.nrCpus)) {
      refuse('EINVAL', 'irq affinity', `CPU ${cpu} is not possible here: there are CPUs 0 to ${machine.nrCpus - 1}`);
    }
  }

  function checkRing(rx: number): number {
    if (Number.isInteger(rx) && rx >= RX_RING_MIN && rx <= RX_RING_MAX) return rx;
    return refuse('EINVAL', 'set-ring', `rx ${rx} is not between ${RX_RING_MIN} and ${RX_RING_MAX}`);
  }

  function checkChannels(combined: number): number {
    if (Number.isInteger(combined) && combined >= 1 && combined <= INDIRECTION_ENTRIES) return combined;
    return refuse('EINVAL', 'set-channels', `combined ${combined} is not between 1 and ${INDIRECTION_ENTRIES}`);
  }

  function checkIdle(what: string): void {
    if (wire === undefined) return;
    if (!wire.done) refuse('EBUSY', what, 'frames are coming in: stop the source first');
    wire.close(() => synchronizeRcu(machine));
    wire = undefined;
  }

  function cpuOf(queue: number): number {
    const wanted = affinity[queue] ?? irqCpus?.[queue % irqCpus.length];
    return wanted ?? queue % machine.nrCpus;
  }

  /** Makes all queues before one of them runs, so that nothing stays behind when the memory does not suffice. */
  function build(): void {
    const undo: (() => void)[] = [];
    const made: Queue[] = [];
    try {
      for (let index = 0; index < channels; index++) {
        const cpu = cpuOf(index);
        const pool = createFramePool(memory, allocator, pools, { count: rxRing + buffers, maxFrame: linear, cpu });
        undo.push(() => destroyFramePool(memory, allocator, pools, pool));
        const queue = createRxQueue(memory, allocator, { index, dev: pointer, pool, cpu, size: rxRing });
        undo.push(() => destroyRxQueue(memory, allocator, queue));
        const linearPool = linearizes ? addLinearPool(queue) : 0;
        if (linearPool !== 0) undo.push(() => destroyFramePool(memory, allocator, pools, linearPool));
        made.push({ queue, pool, linearPool, task: createTask(memory, allocator, NAPI_TASK, queue, cpu) });
      }
    } catch (error) {
      for (const step of undo) step();
      for (const { task } of made) allocator.free(task);
      throw error;
    }
    queues = made;
    for (const { task } of queues) tasks.post(task);
    waitFor(`start of the queues of ${name}`, () => queues.every(({ task }) => tasks.state(task) > TASK_POSTED));
  }

  function addLinearPool(queue: number): number {
    const pool = createFramePool(memory, allocator, pools, { count: linearCount, maxFrame, cpu: NO_CPU });
    Atomics.store(u32, (queue + RX_QUEUE.linear_pool) >> 2, pool);
    return pool;
  }

  const linearPools = (): number[] => queues.map(({ linearPool }) => linearPool).filter((pool) => pool !== 0);

  function tearDown(): void {
    for (const { task } of queues) {
      tasks.stop(task);
      machine.kick(u32[(task + TASK.cpu) >> 2]!);
    }
    waitFor(`end of the queues of ${name}`, () => queues.every(({ task }) => tasks.state(task) === TASK_EXITED));
    waitFor(`return of the buffers of ${name}`, () =>
      queues.every(({ pool }) => framePoolFree(memory, pool) === rxRing + buffers),
    );
    waitFor(`return of the large buffers of ${name}`, () =>
      linearPools().every((pool) => framePoolFree(memory, pool) === linearCount),
    );
    for (const pool of linearPools()) destroyFramePool(memory, allocator, pools, pool);
    for (const { queue, task, pool } of queues) {
      past.push(readRxCounters(memory, queue));
      destroyRxQueue(memory, allocator, queue);
      destroyFramePool(memory, allocator, pools, pool);
      allocator.free(task);
    }
    queues = [];
  }

  function kick(): void {
    for (const { task } of queues) machine.kick(u32[(task + TASK.cpu) >> 2]!);
  }

  /** What was sent by redirects to the device, of all CPUs. */
  function sent(field: number): number {
    let sum = 0;
    for (let cpu = 0; cpu < machine.nrCpus; cpu++) sum += memory.f64[(txCounters + cpu * CACHELINE + field) >> 3]!;
    return sum;
  }

  function rebuild(change: () => void): void {
    const before = { channels, rxRing, indir };
    tearDown();
    change();
    try {
      build();
    } catch (error) {
      ({ channels, rxRing, indir } = before);
      build(); // what it had a moment ago fits
      throw error;
    }
  }

  return {
    name,
    ifindex,
    pointer,
    address,
    maxFrame,
    needsFrags: linear < maxFrame,
    setLinearize(on) {
      for (const entry of queues) {
        if (on && entry.linearPool === 0) entry.linearPool = addLinearPool(entry.queue);
      }
      linearizes ||= on; // the buffers stay: frames may be on their way in them
      Atomics.store(u32, (pointer + NET_DEVICE.xdp_linearize) >> 2, on ? 1 : 0);
    },
    channels: () => channels,
    setChannels(combined) {
      checkChannels(combined);
      checkIdle('set-channels');
      rebuild(() => {
        channels = combined;
        indir = defaultIndirection(channels);
      });
    },
    ringParam: () => ({ rx: rxRing }),
    setRingParam({ rx }) {
      checkRing(rx);
      checkIdle('set-ring');
      rebuild(() => {
        rxRing = rx;
      });
    },
    rxfh: () => ({ indir, key: key.slice() }),
    setRxfhIndir(wanted) {
      if (
        wanted.length !== INDIRECTION_ENTRIES ||
        wanted.some((q) => !(Number.isInteger(q) && q >= 0 && q < channels))
      ) {
        refuse(
          'EINVAL',
          'set-rxfh-indir',
          `${INDIRECTION_ENTRIES} entries are needed, each a queue from 0 to ${channels - 1}`,
        );
      }
      checkIdle('set-rxfh-indir');
      indir = [...wanted];
    },
    setRxfhKey(wanted) {
      if (wanted.length !== RSS_KEY_LENGTH) refuse('EINVAL', 'set-rxfh', `a key has ${RSS_KEY_LENGTH} bytes`);
      checkIdle('set-rxfh');
      key = wanted.slice();
    },
    irqAffinity(queue) {
      if (queues[queue] === undefined) refuse('EINVAL', 'irq affinity', `there is no queue ${queue}`);
      return u32[(queues[queue]!.queue + RX_QUEUE.irq_cpu) >> 2]!;
    },
    setIrqAffinity(queue, cpu) {
      if (queues[queue] === undefined) refuse('EINVAL', 'irq affinity', `there is no queue ${queue}`);
      checkCpu(cpu);
      affinity[queue] = cpu;
      const before = Atomics.exchange(u32, (queues[queue]!.queue + RX_QUEUE.irq_cpu) >> 2, cpu);
      machine.kick(before);
    },
    ...receiveSettings,
    queueCounts: () => queues.map(({ queue }) => readRxCounters(memory, queue)),
    statistics() {
      const now = queues.map(({ queue }) => readRxCounters(memory, queue));
      const sum = (field: keyof RxQueueCounts): number =>
        [...past, ...now].reduce((total, counts) => total + counts[field], 0);
      const statistics: Record<string, number> = {
        rx_packets: sum('packets'),
        rx_bytes: sum('bytes'),
        rx_missed_errors: sum('missed'),
        rx_length_errors: sum('length_errors'),
        rx_alloc_failed: sum('alloc_failed'),
        tx_packets: sent(TX_COUNTERS.packets),
        tx_bytes: sent(TX_COUNTERS.bytes),
      };
      now.forEach((counts, index) => {
        statistics[`rx_queue_${index}_packets`] = counts.packets;
        statistics[`rx_queue_${index}_bytes`] = counts.bytes;
        statistics[`rx_queue_${index}_missed`] = counts.missed;
      });
      return statistics;
    },
    pending(exceptCpus = []) {
      return queues
        .filter(({ queue }) => !exceptCpus.includes(u32[(queue + RX_QUEUE.irq_cpu) >> 2]!))
        .reduce((sum, { queue }) => sum + u32[(queue + RX_QUEUE.filled) >> 2]!, 0);
    },
    frags: () =>
      [...past, ...queues.map(({ queue }) => readRxCounters(memory, queue))].reduce((sum, { frags }) => sum + frags, 0),
    buffers() {
      let home = 0;
      for (const { queue, pool } of queues) {
        home += framePoolFree(memory, pool) + u32[(queue + RX_QUEUE.posted) >> 2]!;
      }
      for (const pool of linearPools()) home += framePoolFree(memory, pool);
      return { total: queues.length * (rxRing + buffers) + linearPools().length * linearCount, home };
    },
    get wire() {
      return wire;
    },
    start(source) {
      checkIdle('start');
      wire = createWire(memory, allocator, {
        source,
        queues: queues.map(({ queue }) => queue),
        maxFrame,
        rssKey: key,
        rssVlanTags,
        indirection: indir,
        kick,
      });
      kick();
      return wire;
    },
    close() {
      if (queues.length === 0) return;
      wire?.stop();
      tearDown();
      wire?.close();
      wire = undefined;
      u32[(pointer + NET_DEVICE.xdp_prog) >> 2] = 0;
      u32[(pointer + NET_DEVICE.xdp_generic) >> 2] = 0;
    },
  };
}
