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
import { RX_QUEUE, WIRE, WIRE_DONE, WIRE_RUNNING } from './rx-queue.ts';

export interface WireOptions {
  readonly source: FrameSource;
  readonly queues: readonly number[];
  readonly maxFrame: number;
  readonly rssKey: Uint8Array;
  readonly rssVlanTags: number;
  readonly indirection: readonly number[];
}

export interface Wire {
  /** Everything was sent (or the stop was heard) and cleaned from the rings. */
  readonly done: boolean;
  /** Asks all queues to stop sending; what is in their rings is still received. */
  stop(): void;
  /**
   * Frees what the source takes. Only when done, with a `grace` that waits until no CPU can still look at it; or without,
   * when no queue is served any more.
   */
  close(grace?: () => void): void;
}

export function createWire(memory: Memory, allocator: Allocator, options: WireOptions): Wire {
  const { source, queues, maxFrame } = options;
  const { u8, u32, f64 } = memory;
  const blocks: number[] = [];
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

  function layWire(frames: number, positions: readonly number[]): { wire: number; left: number } {
    const wire = take(WIRE.sizeof);
    const order = take(positions.length * 4);
    positions.forEach((position, i) => {
      u32[(order >> 2) + i] = source.order[position]!;
    });
    if (source.dueNs !== undefined) {
      const due = take(positions.length * 8);
      positions.forEach((position, i) => {
        f64[(due >> 3) + i] = source.dueNs![position]!;
      });
      u32[(wire + WIRE.due) >> 2] = due;
      f64[(wire + WIRE.cycle_ns) >> 3] = source.cycleNs!;
    }
    const left = share(positions);
    u32[(wire + WIRE.frames) >> 2] = frames;
    u32[(wire + WIRE.order) >> 2] = order;
    u32[(wire + WIRE.order_length) >> 2] = positions.length;
    const fits = (position: number): boolean => u32[(frames + source.order[position]! * 8) >> 2] !== 0;
    u32[(wire + WIRE.flawless) >> 2] = positions.every(fits) ? 1 : 0;
    f64[(wire + WIRE.left) >> 3] = left;
    f64[(wire + WIRE.cycle_start) >> 3] = Number.NaN;
    return { wire, left };
  }

  function lay(): { wire: number; left: number }[] {
    const frames = layFrames();
    const queueOf = queueOfFrames();
    const positions: number[][] = queues.map(() => []);
    source.order.forEach((frame, position) => {
      positions[queueOf[frame]!]!.push(position);
    });
    return positions.map((own) => layWire(frames, own));
  }

  let wires: { wire: number; left: number }[];
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

  return {
    get done() {
      return wires.every(
        ({ wire }, index) =>
          Atomics.load(u32, (wire + WIRE.state) >> 2) === WIRE_DONE &&
          Atomics.load(u32, (queues[index]! + RX_QUEUE.filled) >> 2) === 0,
      );
    },
    stop() {
      for (const { wire } of wires) Atomics.store(u32, (wire + WIRE.stop) >> 2, 1);
    },
    close(grace) {
      for (const queue of queues) u32[(queue + RX_QUEUE.source) >> 2] = 0;
      grace?.();
      releaseAll();
    },
  };
}
