/**
 * The wire of a device: lays a source out in the shared memory, divides it among the queues by RSS, and runs it.
 *
 * Owner  the host thread. Each queue gets a WIRE of its own and sends its own share in its own order, so queues need not
 *        wait for each other; all shares of a paced source follow the same clock.
 */

import type { Allocator, Memory } from '@cpumap/smp';
import { ETH_HLEN } from '@cpumap/uapi';
import type { FrameSource } from './frame-source.ts';
import { createRssHasher, INDIRECTION_ENTRIES } from './rss.ts';
import { RX_QUEUE, WIRE, WIRE_DONE, WIRE_HELD, WIRE_HOLD, WIRE_RUNNING, WIRE_STOP } from './rx-queue.ts';

export interface WireOptions {
  readonly source: FrameSource;
  readonly queues: readonly number[];
  readonly maxFrame: number;
  readonly rssKey: Uint8Array;
  readonly rssVlanTags: number;
  readonly indirection: readonly number[];
  /** Makes the queues' CPUs look. */
  readonly kick: () => void;
}

/** When each element of an order is due, as in a FrameSource. */
export interface WirePace {
  readonly dueNs: Float64Array;
  readonly cycleNs: number;
}

/** How a wire goes on that was held. */
export interface WireChange {
  /** From this element of the order on. A source of one cycle or less then sends what is behind it, and no more. */
  readonly position?: number;
  /** In this time; null for as fast as the rings take them. */
  readonly pace?: WirePace | null;
}

export interface Wire {
  /** Everything was sent (or the stop was heard) and cleaned from the rings. */
  readonly done: boolean;
  /** Asks all queues to stop sending; what is in their rings is still received. */
  stop(): void;
  /** Asks all queues to send nothing more for now; what is in their rings is still received. */
  hold(): void;
  /** Every queue heard it, or has nothing left to send. */
  readonly held: boolean;
  /** The element of the order that is sent next, by the queue that is least far; the order's length when all were sent. */
  position(): number;
  /**
   * Goes on after `hold`, where it was, as if no time had passed; or as `change` says, which a wire that is done follows, too.
   * @throws RangeError when it is not held
   */
  release(change?: WireChange): void;
  /**
   * Frees what the source takes. Only when done, with a `grace` that waits until no CPU can still look at it; or without,
   * when no queue is served any more.
   */
  close(grace?: () => void): void;
}

/** What one queue sends. */
interface QueueWire {
  readonly wire: number;
  /** Frames to send, at the start. */
  readonly left: number;
  /** Its part of the order. */
  readonly positions: readonly number[];
}

export function createWire(memory: Memory, allocator: Allocator, options: WireOptions): Wire {
  const { source, queues, maxFrame } = options;
  const { u8, u32, f64 } = memory;
  const blocks: number[] = [];
  const paces = new Map<number, number>(); // room for times, by wire; kept while there is no pace
  const take = (bytes: number): number => {
    const block = allocator.alloc(Math.max(bytes, 1));
    blocks.push(block);
    return block;
  };
  const releaseAll = (): void => {
    for (const block of blocks.splice(0)) allocator.free(block);
  };

  /** Copies the frames, each from a cache line on; a frame that no device takes keeps address 0. */
  function layFrames(): number {
    const starts: number[] = [];
    let bytes = 0;
    for (const frame of source.frames) {
      starts.push(bytes);
      bytes += Math.ceil(frame.length / 64) * 64;
    }
    const table = take(source.frames.length * 8);
    const arena = take(bytes);
    source.frames.forEach((frame, index) => {
      if (frame.length < ETH_HLEN || frame.length > maxFrame) return;
      u8.set(frame, arena + starts[index]!);
      u32[(table + index * 8) >> 2] = arena + starts[index]!;
      u32[(table + index * 8 + 4) >> 2] = frame.length;
    });
    return table;
  }

  function queueOfFrames(): Uint32Array {
    if (queues.length === 1) return new Uint32Array(source.frames.length);
    const hash = createRssHasher(options.rssKey, options.rssVlanTags);
    return Uint32Array.from(
      source.frames,
      (frame) => options.indirection[hash(frame, 0, frame.length) & (INDIRECTION_ENTRIES - 1)]!,
    );
  }

  /** Frames of one queue among the first `count` of the endless sequence. */
  function share(positions: readonly number[]): number {
    if (positions.length === 0) return 0;
    if (source.count === Number.POSITIVE_INFINITY) return Number.POSITIVE_INFINITY;
    const cycles = Math.floor(source.count / source.order.length);
    const rest = source.count % source.order.length;
    return cycles * positions.length + positions.filter((position) => position < rest).length;
  }

  function layPace(wire: number, positions: readonly number[], { dueNs, cycleNs }: WirePace): void {
    const due = paces.get(wire) ?? take(positions.length * 8);
    paces.set(wire, due);
    positions.forEach((position, i) => {
      f64[(due >> 3) + i] = dueNs[position]!;
    });
    u32[(wire + WIRE.due) >> 2] = due;
    f64[(wire + WIRE.cycle_ns) >> 3] = cycleNs;
  }

  function layWire(frames: number, positions: readonly number[]): QueueWire {
    const wire = take(WIRE.sizeof);
    const order = take(positions.length * 4);
    positions.forEach((position, i) => {
      u32[(order >> 2) + i] = source.order[position]!;
    });
    if (source.dueNs !== undefined) layPace(wire, positions, { dueNs: source.dueNs, cycleNs: source.cycleNs! });
    const left = share(positions);
    u32[(wire + WIRE.frames) >> 2] = frames;
    u32[(wire + WIRE.order) >> 2] = order;
    u32[(wire + WIRE.order_length) >> 2] = positions.length;
    const fits = (position: number): boolean => u32[(frames + source.order[position]! * 8) >> 2] !== 0;
    u32[(wire + WIRE.flawless) >> 2] = positions.every(fits) ? 1 : 0;
    f64[(wire + WIRE.left) >> 3] = left;
    f64[(wire + WIRE.cycle_start) >> 3] = Number.NaN;
    return { wire, left, positions };
  }

  function lay(): QueueWire[] {
    const frames = layFrames();
    const queueOf = queueOfFrames();
    const positions: number[][] = queues.map(() => []);
    source.order.forEach((frame, position) => {
      positions[queueOf[frame]!]!.push(position);
    });
    return positions.map((own) => layWire(frames, own));
  }

  let wires: QueueWire[];
  try {
    wires = lay();
  } catch (error) {
    releaseAll();
    throw error;
  }
  wires.forEach(({ wire, left }, index) => {
    u32[(queues[index]! + RX_QUEUE.source) >> 2] = wire;
    Atomics.store(u32, (wire + WIRE.state) >> 2, left > 0 ? WIRE_RUNNING : WIRE_DONE);
  });

  const stateOf = ({ wire }: QueueWire): number => Atomics.load(u32, (wire + WIRE.state) >> 2);
  const isHeld = (): boolean => wires.every((each) => stateOf(each) === WIRE_DONE || stateOf(each) === WIRE_HELD);
  const nextOf = ({ wire, positions }: QueueWire): number => positions[u32[(wire + WIRE.position) >> 2]!]!;
  const onePass = source.count <= source.order.length;

  function ask(what: number): void {
    for (const { wire } of wires) Atomics.store(u32, (wire + WIRE.ask) >> 2, what);
  }

  /** All go on at the moment at which they were held: the earliest time at which one of them has a frame due. */
  function resumeCycles(): void {
    const paced = wires.filter(
      ({ wire }) => u32[(wire + WIRE.due) >> 2] !== 0 && !Number.isNaN(f64[(wire + WIRE.cycle_start) >> 3]!),
    );
    const dueAt = ({ wire }: QueueWire): number => {
      const due = u32[(wire + WIRE.due) >> 2]! >> 3;
      return f64[(wire + WIRE.cycle_start) >> 3]! + f64[due + u32[(wire + WIRE.position) >> 2]!]!;
    };
    const moment = Math.min(...paced.filter((each) => stateOf(each) === WIRE_HELD).map(dueAt));
    if (moment === Number.POSITIVE_INFINITY) return;
    for (const { wire } of paced) {
      f64[(wire + WIRE.begin_at) >> 3] = moment - f64[(wire + WIRE.cycle_start) >> 3]!;
      f64[(wire + WIRE.cycle_start) >> 3] = Number.NaN;
    }
  }

  function moveTo(position: number): void {
    for (const { wire, positions } of wires) {
      if (positions.length === 0) continue;
      const next = positions.findIndex((each) => each >= position);
      u32[(wire + WIRE.position) >> 2] = Math.max(next, 0);
      if (!onePass) continue;
      const behind = positions.filter((each) => each >= position && each < source.count).length;
      f64[(wire + WIRE.left) >> 3] = behind;
    }
  }

  /** Its next frame is due at once; with `from`, what is due there. */
  function beginAt({ wire }: QueueWire, from?: number): void {
    const due = u32[(wire + WIRE.due) >> 2]! >> 3;
    if (due === 0) return;
    f64[(wire + WIRE.begin_at) >> 3] = from ?? f64[due + u32[(wire + WIRE.position) >> 2]!]!;
    f64[(wire + WIRE.cycle_start) >> 3] = Number.NaN;
  }

  function release({ position, pace }: WireChange): void {
    if (position === undefined && pace === undefined) resumeCycles();
    for (const { wire, positions } of wires) {
      if (pace) layPace(wire, positions, pace);
      else if (pace === null) u32[(wire + WIRE.due) >> 2] = 0;
    }
    if (position !== undefined) moveTo(position);
    for (const each of wires) {
      if (pace !== undefined) beginAt(each);
      else if (position !== undefined) beginAt(each, source.dueNs?.[position]);
    }
    ask(0);
    for (const { wire } of wires) {
      if (f64[(wire + WIRE.left) >> 3]! > 0) Atomics.store(u32, (wire + WIRE.state) >> 2, WIRE_RUNNING);
    }
    options.kick();
  }

  return {
    get done() {
      return wires.every(
        ({ wire }, index) =>
          Atomics.load(u32, (wire + WIRE.state) >> 2) === WIRE_DONE &&
          Atomics.load(u32, (queues[index]! + RX_QUEUE.filled) >> 2) === 0,
      );
    },
    stop() {
      ask(WIRE_STOP);
      for (const each of wires) {
        // nobody else would hear it
        if (stateOf(each) === WIRE_HELD) Atomics.store(u32, (each.wire + WIRE.state) >> 2, WIRE_DONE);
      }
    },
    hold() {
      ask(WIRE_HOLD);
      options.kick();
    },
    get held() {
      return isHeld();
    },
    position() {
      const sending = wires.filter(({ wire }) => f64[(wire + WIRE.left) >> 3]! > 0);
      return sending.length === 0 ? source.order.length : Math.min(...sending.map(nextOf));
    },
    release(change = {}) {
      if (!isHeld()) throw new RangeError('the wire is not held');
      const { position = 0 } = change;
      if (!(Number.isInteger(position) && position >= 0 && position < source.order.length)) {
        throw new RangeError(`an order of ${source.order.length} elements has no element ${position}`);
      }
      release(change);
    },
    close(grace) {
      for (const queue of queues) u32[(queue + RX_QUEUE.source) >> 2] = 0;
      grace?.();
      releaseAll();
    },
  };
}
