/**
 * XDP helpers as code in compiled programs, for releases whose bpf_redirect_map looks the slot up: what helpers.ts does,
 * without the way to JavaScript (about 5 ns a call). The instance's per-CPU address is the CPU's REDIRECT_INFO. What asks
 * for the end of the frame, or moves it, takes that way after all when the frame has frags.
 */
import {
  BPF_MAP,
  type CallSite,
  type InlineHelper,
  type InlineSite,
  MEMORY_COPY,
  MEMORY_FILL,
  OP,
  PREFIX_MISC,
} from '@cpumap/bpf';
import { XDP_BUFF } from '@cpumap/skb';
import type { Memory } from '@cpumap/smp';
import {
  BPF_FUNC,
  BPF_MAP_TYPE,
  ERRNO,
  ETH_HLEN,
  type Features,
  SKB_SHARED_INFO_SIZE,
  XDP_REDIRECT,
} from '@cpumap/uapi';
import { NO_MAP_ID, REDIRECT_INFO } from './redirect-info.ts';

export interface InlineXdpParts {
  readonly memory: Memory;
  readonly features: Features;
  /** Bytes of a frame descriptor: what bpf_xdp_adjust_head must leave in front. */
  readonly descriptorSize: number;
}

const EINVAL = -ERRNO.EINVAL;
const EACCES = -ERRNO.EACCES;
/** Maps whose elements are pointers to entries, by index. */
const POINTER_MAPS: readonly number[] = [BPF_MAP_TYPE.CPUMAP, BPF_MAP_TYPE.DEVMAP, BPF_MAP_TYPE.XSKMAP];

export function createXdpInliner(parts: InlineXdpParts): (site: InlineSite) => InlineHelper | undefined {
  const { memory, features, descriptorSize } = parts;
  const reserved = features.headroomReserved ? descriptorSize : 0;
  const maxMeta = features.largeMetadata ? 252 : 32;
  return ({ helper, map, constants }) => {
    switch (helper) {
      case BPF_FUNC.redirect_map:
        if (!features.redirectMissVerdict || map === undefined) return undefined;
        return redirectMap(memory, map, constants[2]);
      case BPF_FUNC.xdp_adjust_head:
        return (site) => adjustHead(site, reserved);
      case BPF_FUNC.xdp_adjust_meta:
        return (site) => adjustMeta(site, reserved, maxMeta);
      case BPF_FUNC.xdp_adjust_tail:
        return ofOneBuffer(features, adjustTail);
      case BPF_FUNC.xdp_get_buff_len:
        return ofOneBuffer(features, ({ w, argument }) => {
          w.get(argument(1)).op(OP.i32WrapI64).access(OP.i64Load32U, XDP_BUFF.data_end);
          w.get(argument(1)).op(OP.i32WrapI64).access(OP.i64Load32U, XDP_BUFF.data).op(OP.i64Sub);
        });
      default:
        return undefined;
    }
  };
}

function redirectMap({ u32 }: Memory, map: number, flags: bigint | undefined): InlineHelper | undefined {
  const read = (field: number): number => u32[(map + field) >> 2]!;
  const type = read(BPF_MAP.map_type);
  if (!POINTER_MAPS.includes(type)) return undefined;
  const maxEntries = read(BPF_MAP.max_entries);
  const elements = read(BPF_MAP.elements);
  const id = read(BPF_MAP.id);
  const known = flags !== undefined && flags >= 0n && flags <= 3n;

  return ({ w, argument, scratch: [key, entry], percpu, callHelper }) => {
    const store = (field: number, value: () => void): void => {
      w.global(percpu);
      value();
      w.access(OP.i32Store, field);
    };
    if (!known) w.get(argument(3)).i64(3).op(OP.i64LeU).if('i64');
    w.get(argument(2)).op(OP.i32WrapI64).tee(key).i32(maxEntries).op(OP.i32LtU).if('i32');
    w.get(key).i32(4).op(OP.i32Mul).access(OP.i32Load, elements).op(OP.else).i32(0).op(OP.end);
    w.tee(entry).if('i64');
    store(REDIRECT_INFO.tgt_index, () => w.get(key));
    store(REDIRECT_INFO.tgt_value, () => w.get(entry));
    store(REDIRECT_INFO.flags, () => w.i32(0));
    store(REDIRECT_INFO.map_id, () => w.i32(id));
    store(REDIRECT_INFO.map_type, () => w.i32(type));
    w.i64(XDP_REDIRECT).op(OP.else);
    store(REDIRECT_INFO.map_id, () => w.i32(NO_MAP_ID));
    store(REDIRECT_INFO.map_type, () => w.i32(0));
    w.get(argument(3)).op(OP.end);
    if (known) return;
    w.op(OP.else);
    callHelper();
    w.op(OP.end);
  };
}

/** The code for a frame in one buffer, and the helper for others. */
function ofOneBuffer(features: Features, inlined: InlineHelper): InlineHelper {
  if (!features.frags) return inlined;
  return (site) => {
    load(site, XDP_BUFF.flags);
    site.w.if('i64');
    site.callHelper();
    site.w.op(OP.else);
    inlined(site);
    site.w.op(OP.end);
  };
}

function load({ w, argument }: CallSite, field: number): void {
  w.get(argument(1)).op(OP.i32WrapI64).access(OP.i32Load, field);
}

function store({ w, argument }: CallSite, field: number, local: number): void {
  w.get(argument(1)).op(OP.i32WrapI64).get(local).access(OP.i32Store, field);
}

function adjustHead(site: CallSite, reserved: number): void {
  const { w, argument, scratch } = site;
  const [data, meta, length] = scratch;
  const delta = (): void => {
    w.get(argument(2)).op(OP.i32WrapI64);
  };
  load(site, XDP_BUFF.data_meta);
  w.set(meta);
  load(site, XDP_BUFF.data);
  w.tee(data).get(meta).op(OP.i32Sub).i32(0).get(data).get(meta).op(OP.i32GtU, OP.select).set(length);
  w.get(data);
  delta();
  w.op(OP.i32Add).set(data);
  w.get(data);
  load(site, XDP_BUFF.data_hard_start);
  w.i32(reserved).op(OP.i32Add).get(length).op(OP.i32Add, OP.i32LtU);
  w.get(data);
  load(site, XDP_BUFF.data_end);
  w.i32(ETH_HLEN).op(OP.i32Sub, OP.i32GtU, OP.i32Or);
  w.if('i64').i64(EINVAL).op(OP.else);
  w.get(length).if();
  w.get(meta);
  delta();
  w.op(OP.i32Add).get(meta).get(length).op(PREFIX_MISC, MEMORY_COPY, 0, 0).op(OP.end);
  w.get(meta);
  delta();
  w.op(OP.i32Add).set(meta);
  store(site, XDP_BUFF.data_meta, meta);
  store(site, XDP_BUFF.data, data);
  w.i64(0).op(OP.end);
}

function adjustMeta(site: CallSite, reserved: number, maxMeta: number): void {
  const { w, argument, scratch } = site;
  const [data, meta, length] = scratch;
  load(site, XDP_BUFF.data);
  w.set(data);
  load(site, XDP_BUFF.data_meta);
  w.get(argument(2)).op(OP.i32WrapI64, OP.i32Add).tee(meta);
  load(site, XDP_BUFF.data_hard_start);
  w.i32(reserved).op(OP.i32Add, OP.i32LtU);
  w.get(meta).get(data).op(OP.i32GtU, OP.i32Or);
  w.if('i64').i64(EINVAL).op(OP.else);
  w.get(data).get(meta).op(OP.i32Sub).tee(length).i32(3).op(OP.i32And);
  w.get(length).i32(maxMeta).op(OP.i32GtU, OP.i32Or);
  w.if('i64').i64(EACCES).op(OP.else);
  store(site, XDP_BUFF.data_meta, meta);
  w.i64(0).op(OP.end, OP.end);
}

function adjustTail(site: CallSite): void {
  const { w, argument, scratch } = site;
  const [end, before, delta] = scratch;
  load(site, XDP_BUFF.data_end);
  w.tee(before).get(argument(2)).op(OP.i32WrapI64).tee(delta).op(OP.i32Add).tee(end);
  load(site, XDP_BUFF.data_hard_start);
  load(site, XDP_BUFF.frame_sz);
  w.op(OP.i32Add).i32(SKB_SHARED_INFO_SIZE).op(OP.i32Sub, OP.i32GtU).get(end);
  load(site, XDP_BUFF.data);
  w.i32(ETH_HLEN).op(OP.i32Add, OP.i32LtU, OP.i32Or);
  w.if('i64').i64(EINVAL).op(OP.else);
  w.get(delta).i32(0).op(OP.i32GtS).if().get(before).i32(0).get(delta).op(PREFIX_MISC, MEMORY_FILL, 0, OP.end);
  store(site, XDP_BUFF.data_end, end);
  w.i64(0).op(OP.end);
}
