/**
 * The sending side of the model device: ndo_xdp_xmit for frames, generic_xdp_tx for sk_buffs. What a device sends leaves
 * the machine at once, in any number; its buffers come back to their pools. Whoever taps the way out sees each frame as
 * an sk_buff before that.
 */
import {
  attachFrameReturns,
  type FramePools,
  NET_DEVICE,
  type NetifReceive,
  SK_BUFF,
  type SkBuffs,
  type XdpFrames,
} from '@cpumap/skb';
import { CACHELINE, type Memory } from '@cpumap/smp';
import { type Features, layout } from '@cpumap/uapi';

/** Of one device on one CPU, float64; a cache line for each CPU, from the device's tx_counters on. */
export const TX_COUNTERS = layout({ packets: 'f64', bytes: 'f64' });

export interface XdpXmitParts {
  readonly memory: Memory;
  readonly cpu: number;
  readonly features: Features;
  readonly frames: XdpFrames;
  readonly skbs: SkBuffs;
  readonly pools: FramePools;
  /** Where tapped frames go, and end. */
  readonly tap: NetifReceive;
  /** Whether anybody taps. */
  readonly isTapped: () => boolean;
}

export function attachXdpXmit(parts: XdpXmitParts) {
  const { memory, cpu, frames, skbs, tap, isTapped } = parts;
  const { returnFrame } = attachFrameReturns(memory, parts.pools, parts.features);
  const { u32, f64 } = memory;

  function count(dev: number, packets: number, bytes: number): void {
    const counters = u32[(dev + NET_DEVICE.tx_counters) >> 2]! + cpu * CACHELINE;
    f64[(counters + TX_COUNTERS.packets) >> 3]! += packets;
    f64[(counters + TX_COUNTERS.bytes) >> 3]! += bytes;
  }

  return {
    /** ndo_xdp_xmit: sends `n` frames, the words at `list`. */
    xmit(dev: number, list: number, n: number): number {
      const tapped = isTapped();
      let bytes = 0;
      for (let i = 0; i < n; i++) {
        const frame = u32[(list >> 2) + i]!;
        bytes += frames.fullLen(frame);
        if (!tapped) returnFrame(frame);
        else {
          frames.setDevRx(frame, dev);
          tap.receive(skbs.fromFrame(frame));
        }
      }
      count(dev, n, bytes);
      return n;
    },
    /** generic_xdp_tx: sends an sk_buff, MAC header included. */
    genericXmit(dev: number, skb: number): void {
      const s = skb >> 2;
      const start = u32[s + (SK_BUFF.head >> 2)]! + u32[s + (SK_BUFF.mac_header >> 2)]!;
      count(dev, 1, u32[s + (SK_BUFF.tail >> 2)]! - start + u32[s + (SK_BUFF.data_len >> 2)]!);
      u32[s + (SK_BUFF.dev >> 2)] = dev;
      if (isTapped()) tap.receive(skb);
      else tap.free(skb);
    },
  };
}
