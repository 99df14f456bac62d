/**
 * An RX queue of the model device: its ring of descriptors, its counters, and what the wire sends to it. All in the shared
 * memory, so the queue can be served by any CPU and move between them.
 *
 * Owner  the CPU that its interrupt is bound to; that CPU's NAPI task plays both sides of the ring, the hardware that
 *        fills descriptors and the driver that cleans them. The host sets `irq_cpu` and `source`, and reads counters.
 *
 * A descriptor is  EMPTY ──refill──► POSTED (a buffer, length 0) ──frame arrives──► FILLED ──clean──► EMPTY
 * Frames that find no POSTED descriptor are missed: the device counts them, nobody else ever sees them.
 *
 * A frame that one buffer does not take goes on in the next descriptors: the first buffer is filled as far as a frame of
 * one buffer may reach (3520 bytes of a page), the others from their beginning (4096 bytes), as drivers do whose RX buffers
 * are pages. The lengths of all but the last have MORE_FOLLOWS set; a frame is written when there is room for all of it.
 */

import { type Allocator, CACHELINE, type Memory } from '@cpumap/smp';
import { layout } from '@cpumap/uapi';

export const RX_QUEUE = layout({
  index: 'u32',
  dev: 'u32', // the NET_DEVICE
  pool: 'u32',
  irq_cpu: 'u32', // where its interrupt is bound to: the host's wish, which the NAPI task follows
  buffers: 'u32', // the ring: a word per descriptor, the buffer
  lengths: 'u32', // and one with the length of what is in it, and MORE_FOLLOWS
  size: 'u32',
  to_fill: 'u32', // next POSTED descriptor the hardware fills
  to_clean: 'u32', // next FILLED descriptor the driver cleans
  to_post: 'u32', // next EMPTY descriptor the driver gives a buffer
  posted: 'u32',
  filled: 'u32',
  linear_pool: 'u32', // large buffers for frames that generic XDP has to linearise, 0 without
  scratch: 'u32',
  source: 'u32', // the WIRE that feeds it, 0 without
});

/** In a descriptor's length: the frame goes on in the next one. Not the end of the packet, as real rings say it. */
export const MORE_FOLLOWS = 0x80000000;

/** Counters of a queue, float64, behind its words. */
export const RX_COUNTERS = layout({
  packets: 'f64',
  bytes: 'f64',
  missed: 'f64',
  length_errors: 'f64',
  alloc_failed: 'f64',
  frags: 'f64', // buffers behind the first ones of frames
});
const COUNTERS = CACHELINE;

/**
 * What the wire sends to one queue: an order of frames, sent over and over, and when each is due.
 *
 * `state` is 0 ──the host starts it──► RUNNING ──nothing left, or the host asks──► DONE
 *                                       RUNNING ◄──the host lets go── HELD ◄──the host asks── RUNNING
 *
 * The CPU looks at none of it while it is HELD or DONE: the host may change it then.
 */
export const WIRE = layout({
  state: 'u32',
  ask: 'u32', // what the host asks for: 0, WIRE_STOP or WIRE_HOLD
  frames: 'u32', // address and length of each frame, 8 bytes each; address 0 is a frame that no device takes
  order: 'u32', // words: numbers of frames
  order_length: 'u32',
  position: 'u32',
  due: 'u32', // float64 per element of the order: nanoseconds after the start of its cycle; 0 for no pace
  flawless: 'u32', // 1 when the device takes every frame of the order
  left: 'f64', // frames still to send
  cycle_start: 'f64', // on the machine's clock; NaN until the first frame
  begin_at: 'f64', // how far into its cycle the wire begins, or goes on after it was held
  cycle_ns: 'f64',
});

export const WIRE_RUNNING = 1;
export const WIRE_DONE = 2;
export const WIRE_HELD = 3;

export const WIRE_STOP = 1;
export const WIRE_HOLD = 2;

export interface RxQueueOptions {
  readonly index: number;
  readonly dev: number;
  readonly pool: number;
  readonly cpu: number;
  readonly size: number;
}

export function createRxQueue({ u32 }: Memory, allocator: Allocator, options: RxQueueOptions): number {
  const queue = allocator.alloc(COUNTERS + RX_COUNTERS.sizeof);
  u32[(queue + RX_QUEUE.index) >> 2] = options.index;
  u32[(queue + RX_QUEUE.dev) >> 2] = options.dev;
  u32[(queue + RX_QUEUE.pool) >> 2] = options.pool;
  u32[(queue + RX_QUEUE.irq_cpu) >> 2] = options.cpu;
  u32[(queue + RX_QUEUE.size) >> 2] = options.size;
  u32[(queue + RX_QUEUE.buffers) >> 2] = allocator.alloc(options.size * 4);
  u32[(queue + RX_QUEUE.lengths) >> 2] = allocator.alloc(options.size * 4);
  return queue;
}

export function destroyRxQueue({ u32 }: Memory, allocator: Allocator, queue: number): void {
  allocator.free(u32[(queue + RX_QUEUE.buffers) >> 2]!);
  allocator.free(u32[(queue + RX_QUEUE.lengths) >> 2]!);
  allocator.free(queue);
}

/** Address of a queue's RX_COUNTERS. */
export function rxCounters(queue: number): number {
  return queue + COUNTERS;
}

export type RxQueueCounts = Readonly<Record<Exclude<keyof typeof RX_COUNTERS, 'sizeof'>, number>>;

export function readRxCounters({ f64 }: Memory, queue: number): RxQueueCounts {
  const base = rxCounters(queue);
  const fields = Object.entries(RX_COUNTERS).filter(([name]) => name !== 'sizeof');
  return Object.fromEntries(fields.map(([name, offset]) => [name, f64[(base + offset) >> 3]!])) as RxQueueCounts;
}
