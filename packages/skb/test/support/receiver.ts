import { createAllocator, createMemory } from '@cpumap/smp';
import { featuresOf, XDP_PACKET_HEADROOM } from '@cpumap/uapi';
import { attachSkBuffs } from '../../src/build-skb.ts';
import { attachFramePools, createFramePool, createFramePools, frameSize } from '../../src/frame-pool.ts';
import { createNetDevice } from '../../src/net-device.ts';
import { XDP_BUFF } from '../../src/xdp-buff.ts';
import { attachXdpFrames } from '../../src/xdp-frame.ts';

export const OWN_MAC = Uint8Array.of(0x02, 0x42, 0xac, 0x11, 0x80, 0xfe);
export const IFINDEX = 7;
export const MAX_FRAME = 1514;
export const FRAME_SZ = frameSize(MAX_FRAME);

export type Release = '4.15' | '6.18';
export type BuffField = Exclude<keyof typeof XDP_BUFF, 'sizeof'>;

/** A device with one pool of frames, and the xdp_buff of the CPU that polls it. */
export function receiver(release: Release = '6.18', count = 8) {
  const memory = createMemory(1 << 20);
  const allocator = createAllocator(memory);
  const poolsAt = createFramePools(memory, allocator, 2);
  const pool = createFramePool(memory, allocator, poolsAt, { count, maxFrame: MAX_FRAME, cpu: 0 });
  const pools = attachFramePools(memory, poolsAt, 0);
  const dev = createNetDevice(memory, allocator, { ifindex: IFINDEX, address: OWN_MAC, maxFrame: MAX_FRAME });
  const features = featuresOf(release);
  const frames = attachXdpFrames(memory, features);
  const skbs = attachSkBuffs(memory, frames, features);
  const buff = allocator.alloc(XDP_BUFF.sizeof);
  const list = allocator.alloc(64 * 4);

  const setBuff = (fields: Partial<Record<BuffField, number>>): void => {
    for (const [name, value] of Object.entries(fields)) memory.u32[(buff + XDP_BUFF[name as BuffField]) >> 2] = value;
  };

  const alloc = (): number => (pools.allocBulk(pool, list, 1) === 1 ? memory.u32[list >> 2]! : 0);

  return {
    memory,
    allocator,
    poolsAt,
    pool,
    pools,
    dev,
    features,
    frames,
    skbs,
    buff,
    list,
    setBuff,
    /** Takes a buffer, and 0 when the pool is empty. */
    alloc,
    /**
     * A frame that a driver received, or 0: `bytes` lie `headroom` bytes behind the buffer's start, behind `meta` bytes of
     * metadata. Without metadata support data_meta lies behind data, as drivers mark it.
     */
    receive(bytes: Uint8Array, headroom = XDP_PACKET_HEADROOM, meta: number | 'unsupported' = 0): number {
      const frame = alloc();
      const data = frame + headroom;
      memory.u8.set(bytes, data);
      setBuff({
        data,
        data_end: data + bytes.length,
        data_meta: meta === 'unsupported' ? data + 1 : data - meta,
        ingress_ifindex: IFINDEX,
        rx_queue_index: 3,
        data_hard_start: frame,
        frame_sz: FRAME_SZ,
        dev,
      });
      return frame;
    },
  };
}

/** An Ethernet frame of `length` bytes whose payload counts up. */
export function etherFrame(length: number, etherType = 0x0800, destination: Iterable<number> = OWN_MAC): Uint8Array {
  const bytes = Uint8Array.from({ length }, (_, i) => i & 0xff);
  bytes.set([...destination, 0x06, 0x05, 0x04, 0x03, 0x02, 0x01, etherType >> 8, etherType & 0xff]);
  return bytes;
}
