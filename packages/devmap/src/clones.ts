/**
 * Copies of a frame for the devices of a broadcast (mirrors xdpf_clone and skb_clone): each a buffer of its own, from a pool
 * of the CPU that sends. They live until the device has sent them, at the end of the poll at the latest.
 *
 * Owner  the host makes the pools, with the first devmap; a pool belongs to its CPU.
 * The kernel's clone of an XDP frame leaves out the frags, and an sk_buff's shares them; here all buffers are copied.
 */
import { attachSharedInfos, createFramePool, type FramePools, type FramePoolsAt, SK_BUFF } from '@cpumap/skb';
import type { Allocator, Memory } from '@cpumap/smp';
import {
  PAGE_SIZE,
  SK_BUFF_SIZE,
  SKB_FRAG,
  SKB_SHARED_INFO_SIZE,
  XDP_FLAGS_HAS_FRAGS,
  XDP_FRAME,
  XDP_PAGE_FRAME,
} from '@cpumap/uapi';
import { DEVMAP_COUNTERS } from './counters.ts';

const MEM_TYPE_PAGE_ORDER0 = 1;
/** What is kept free at a buffer's end, and what may be in front of that. */
const SHARED_INFO = PAGE_SIZE - SKB_SHARED_INFO_SIZE;
/** Buffers per CPU: full bulk queues of 32 devices; of four on machines with so many CPUs that memory would run out. */
const BUFFERS = 512;
const FEW_BUFFERS = 64;
const MANY_CPUS = 16;

/** The pool of one CPU. @throws KernelError ENOMEM */
export function createClonePool(
  memory: Memory,
  allocator: Allocator,
  pools: FramePoolsAt,
  cpu: number,
  nrCpus: number,
): number {
  const count = nrCpus > MANY_CPUS ? FEW_BUFFERS : BUFFERS;
  return createFramePool(memory, allocator, pools, { count, maxFrame: XDP_PAGE_FRAME, cpu });
}

export interface Clones {
  /** A copy of a frame, descriptor and all; 0 when there is no memory for it. */
  frame(frame: number): number;
  skb(skb: number): number;
}

export interface ClonesParts {
  readonly memory: Memory;
  readonly pools: FramePools;
  /** Address of the word that holds this CPU's pool, and of one to write a buffer to. */
  readonly poolWord: number;
  readonly scratch: number;
  /** This CPU's DEVMAP_COUNTERS. */
  readonly counters: number;
}

export function attachClones({ memory, pools, poolWord, scratch, counters }: ClonesParts): Clones {
  const { u8, u32, f64 } = memory;
  const infos = attachSharedInfos(memory);

  /** A buffer of this CPU's pool; 0 when all are out. */
  function take(): number {
    return pools.allocBulk(u32[poolWord >> 2]!, scratch, 1) === 1 ? u32[scratch >> 2]! : 0;
  }

  /** Copies the first `bytes` of a buffer; 0 when they are too many for a page. */
  function copyHead(from: number, bytes: number): number {
    const clone = bytes > SHARED_INFO ? 0 : take();
    if (clone !== 0) u8.copyWithin(clone, from, from + bytes);
    return clone;
  }

  /** Copies the frags of `shinfo` behind `clone`, and gives all back when there is no memory. */
  function copyFrags(clone: number, shinfo: number): boolean {
    const own = clone + SHARED_INFO;
    infos.init(own);
    for (let i = 0; i < infos.nrFrags(shinfo); i++) {
      const frag = infos.frag(shinfo, i) >> 2;
      const data = u32[frag + (SKB_FRAG.netmem >> 2)]! + u32[frag + (SKB_FRAG.offset >> 2)]!;
      const length = u32[frag + (SKB_FRAG.len >> 2)]!;
      const buffer = take();
      if (buffer === 0) {
        infos.putFrags(own, pools);
        pools.put(clone);
        return false;
      }
      f64[(counters + DEVMAP_COUNTERS.clone_frags) >> 3]! += 1;
      u8.copyWithin(buffer, data, data + length);
      infos.addFrag(own, buffer, buffer, length);
    }
    return true;
  }

  return {
    frame(frame) {
      const f = frame >> 2;
      const data = u32[f + (XDP_FRAME.data >> 2)]!;
      const clone = copyHead(frame, data - frame + u32[f + (XDP_FRAME.len >> 2)]!);
      if (clone === 0) return 0;
      const c = clone >> 2;
      u32[c + (XDP_FRAME.data >> 2)] = clone + data - frame;
      u32[c + (XDP_FRAME.frame_sz >> 2)] = PAGE_SIZE;
      u32[c + (XDP_FRAME.mem_type >> 2)] = MEM_TYPE_PAGE_ORDER0;
      if ((u32[f + (XDP_FRAME.flags >> 2)]! & XDP_FLAGS_HAS_FRAGS) === 0) return clone;
      return copyFrags(clone, frame + u32[f + (XDP_FRAME.frame_sz >> 2)]! - SKB_SHARED_INFO_SIZE) ? clone : 0;
    },
    skb(skb) {
      const s = skb >> 2;
      const head = u32[s + (SK_BUFF.head >> 2)]!;
      const clone = copyHead(head, u32[s + (SK_BUFF.tail >> 2)]! - head);
      if (clone === 0) return 0;
      if (u32[s + (SK_BUFF.data_len >> 2)] !== 0 && !copyFrags(clone, u32[s + (SK_BUFF.end >> 2)]!)) return 0;
      const own = clone - SK_BUFF_SIZE;
      u8.copyWithin(own, skb, skb + SK_BUFF.sizeof);
      for (const field of [SK_BUFF.head, SK_BUFF.data, SK_BUFF.tail]) u32[(own + field) >> 2]! += clone - head;
      u32[(own + SK_BUFF.end) >> 2] = clone + SHARED_INFO;
      return own;
    },
  };
}
