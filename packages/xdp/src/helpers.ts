/**
 * The helpers of XDP programs on one CPU: redirects, and moving the ends of a frame. Contexts are addresses of an
 * xdp_buff, results are what the kernel's helpers return (0, a verdict, or a negative errno).
 */

import { attachMapLookup, BPF_MAP, type BpfHelpers } from '@cpumap/bpf';
import { type FramePools, XDP_BUFF } from '@cpumap/skb';
import type { Clock, Memory } from '@cpumap/smp';
import {
  BPF_F_BROADCAST,
  BPF_F_EXCLUDE_INGRESS,
  ERRNO,
  ETH_HLEN,
  type Features,
  SKB_SHARED_INFO_SIZE,
  XDP_ABORTED,
  XDP_REDIRECT,
} from '@cpumap/uapi';
import { attachBuffFrags } from './buff-frags.ts';
import { NO_MAP_ID, REDIRECT_INFO } from './redirect-info.ts';
import type { RedirectTargets } from './redirect-target.ts';

export interface HelperParts {
  readonly memory: Memory;
  readonly cpu: number;
  readonly clock: Clock;
  readonly features: Features;
  readonly targets: RedirectTargets;
  /** Where frags go that a program cuts off. */
  readonly pools: Pick<FramePools, 'putFrag'>;
  /** This CPU's REDIRECT_INFO. */
  readonly redirectInfo: number;
  /** Bytes of a frame descriptor: what bpf_xdp_adjust_head must leave in front. */
  readonly descriptorSize: number;
  /** Seed of bpf_get_prandom_u32 on this CPU. */
  readonly seed: number;
}

const MISS_VERDICTS = 3;
const MOST_FLAGS = MISS_VERDICTS | BPF_F_BROADCAST | BPF_F_EXCLUDE_INGRESS;
const EINVAL = -ERRNO.EINVAL;
const EACCES = -ERRNO.EACCES;

export function attachHelpers(parts: HelperParts): BpfHelpers {
  const { memory, cpu, clock, features, targets, redirectInfo } = parts;
  const { u8, u32 } = memory;
  const ri = redirectInfo >> 2;
  const INDEX = ri + (REDIRECT_INFO.tgt_index >> 2);
  const VALUE = ri + (REDIRECT_INFO.tgt_value >> 2);
  const MAP = ri + (REDIRECT_INFO.map >> 2);
  const FLAGS = ri + (REDIRECT_INFO.flags >> 2);
  const MAP_ID = ri + (REDIRECT_INFO.map_id >> 2);
  const MAP_TYPE = ri + (REDIRECT_INFO.map_type >> 2);
  const MAP_OWNER = ri + (REDIRECT_INFO.map_owner >> 2);
  const PROG_ID = ri + (REDIRECT_INFO.prog_id >> 2);
  // bound here: V8 folds a constant of this function into its code, one of the bundled module it loads each time
  const TYPE = BPF_MAP.map_type >> 2;
  const ID = BPF_MAP.id >> 2;
  const MISS = MISS_VERDICTS;
  const REDIRECT = XDP_REDIRECT;

  /** 5.13 and later: the slot is looked up here, and a miss is the verdict in the flags' low two bits. */
  function redirectMapWithLookup(map: number, key: number, flags: number): number {
    if ((flags & ~MISS) !== 0) return redirectMapBroadcast(map, key, flags);
    const type = u32[(map >> 2) + TYPE]!;
    const entry = targets[type]?.lookup(map, key >>> 0) ?? 0;
    if (entry === 0) {
      u32[MAP_ID] = NO_MAP_ID;
      u32[MAP_TYPE] = 0;
      return flags;
    }
    u32[INDEX] = key;
    u32[VALUE] = entry;
    u32[FLAGS] = 0;
    u32[MAP_ID] = u32[(map >> 2) + ID]!;
    u32[MAP_TYPE] = type;
    return REDIRECT;
  }

  /** Flags that devmaps alone know: a broadcast needs no entry at the key, but the event shows the one that is there. */
  function redirectMapBroadcast(map: number, key: number, flags: number): number {
    const type = u32[(map >> 2) + TYPE]!;
    const target = targets[type];
    if (!features.devmapBroadcast || target?.broadcast === undefined || (flags & ~MOST_FLAGS) !== 0) return XDP_ABORTED;
    if ((flags & BPF_F_BROADCAST) === 0) return redirectMapWithLookup(map, key, flags & MISS);
    u32[INDEX] = key;
    u32[VALUE] = target.lookup(map, key >>> 0);
    u32[MAP] = map;
    u32[FLAGS] = flags;
    u32[MAP_ID] = u32[(map >> 2) + ID]!;
    u32[MAP_TYPE] = type;
    return REDIRECT;
  }

  /** Until 5.13: nothing is looked up; an empty slot shows at xdp_do_redirect. */
  function redirectMapBlind(map: number, key: number, flags: number): number {
    if (flags !== 0) return XDP_ABORTED;
    u32[INDEX] = key;
    u32[FLAGS] = 0;
    u32[MAP] = map;
    u32[MAP_OWNER] = u32[PROG_ID]!;
    return XDP_REDIRECT;
  }

  const frags = attachBuffFrags(memory, parts.pools);
  const frameEnd = features.headroomReserved ? parts.descriptorSize : 0;
  const maxMeta = features.largeMetadata ? 252 : 32;
  let random = parts.seed >>> 0 || 1; // xorshift never leaves 0

  return {
    mapLookupElem: attachMapLookup(memory, cpu),
    redirectMap: features.redirectMissVerdict ? redirectMapWithLookup : redirectMapBlind,

    redirect(ifindex, flags) {
      if (flags !== 0) return XDP_ABORTED;
      u32[INDEX] = ifindex;
      u32[FLAGS] = 0;
      u32[MAP] = 0;
      u32[MAP_OWNER] = 0;
      u32[MAP_ID] = NO_MAP_ID;
      u32[MAP_TYPE] = 0;
      return XDP_REDIRECT;
    },

    xdpAdjustHead(ctx, delta) {
      const b = ctx >> 2;
      const meta = u32[b + (XDP_BUFF.data_meta >> 2)]!;
      const before = u32[b + (XDP_BUFF.data >> 2)]!;
      const metalen = before > meta ? before - meta : 0;
      const data = before + delta;
      const hardStart = u32[b + (XDP_BUFF.data_hard_start >> 2)]!;
      if (data < hardStart + frameEnd + metalen) return EINVAL;
      if (data > u32[b + (XDP_BUFF.data_end >> 2)]! - ETH_HLEN) return EINVAL;
      if (metalen > 0) u8.copyWithin(meta + delta, meta, meta + metalen);
      u32[b + (XDP_BUFF.data_meta >> 2)] = meta + delta;
      u32[b + (XDP_BUFF.data >> 2)] = data;
      return 0;
    },

    xdpAdjustMeta(ctx, delta) {
      const b = ctx >> 2;
      const data = u32[b + (XDP_BUFF.data >> 2)]!;
      const meta = u32[b + (XDP_BUFF.data_meta >> 2)]! + delta;
      if (meta < u32[b + (XDP_BUFF.data_hard_start >> 2)]! + frameEnd || meta > data) return EINVAL;
      const metalen = data - meta;
      if ((metalen & 3) !== 0 || metalen > maxMeta) return EACCES;
      u32[b + (XDP_BUFF.data_meta >> 2)] = meta;
      return 0;
    },

    xdpGetBuffLen: frags.len,
    xdpLoadBytes: frags.load,
    xdpStoreBytes: frags.store,

    xdpAdjustTail(ctx, delta) {
      if (frags.hasFrags(ctx)) return frags.adjustTail(ctx, delta);
      const b = ctx >> 2;
      const before = u32[b + (XDP_BUFF.data_end >> 2)]!;
      const end = before + delta;
      const hardStart = u32[b + (XDP_BUFF.data_hard_start >> 2)]!;
      if (end > hardStart + u32[b + (XDP_BUFF.frame_sz >> 2)]! - SKB_SHARED_INFO_SIZE) return EINVAL;
      if (end < u32[b + (XDP_BUFF.data >> 2)]! + ETH_HLEN) return EINVAL;
      if (delta > 0) u8.fill(0, before, end);
      u32[b + (XDP_BUFF.data_end >> 2)] = end;
      return 0;
    },

    ktimeGetNs: () => clock.now(),
    getSmpProcessorId: () => cpu,
    getPrandomU32() {
      random ^= random << 13;
      random ^= random >>> 17;
      random ^= random << 5;
      return random >>> 0;
    },
  };
}
