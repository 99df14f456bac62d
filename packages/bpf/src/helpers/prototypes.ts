/**
 * The helpers that programs may call: what each takes and returns, for which program types, and with which maps.
 *
 * Data only; the verifier reads it, and so does whoever provides the functions. Numbers, types and licences are those of
 * Linux 6.18 (asked: one call of each helper, loaded as each program type, under GPL and under MIT). A helper that Linux
 * has and this list has not is refused by the verifier with a hint that names it.
 */
import { BPF_FUNC, BPF_MAP_TYPE, BPF_PROG_TYPE, type BpfFuncName } from '@cpumap/uapi';

/** What a register must hold where a helper is called. Sizes follow the memory that they are the size of. */
export type HelperArgument =
  | 'anything'
  | 'ctx'
  /** One map, known when the program is loaded. */
  | 'map'
  | 'map-key'
  | 'map-value'
  /** Memory that the helper reads. */
  | 'mem'
  | 'mem-or-null'
  /** Memory that the helper fills; what was in it does not matter. */
  | 'uninit-mem'
  | 'uninit-mem-or-null'
  | 'size'
  | 'size-or-zero'
  /** The constant size of the memory that is returned. */
  | 'alloc-size'
  /** What `ringbuf_reserve` returned; the program gives it back. */
  | 'release-ringbuf-mem'
  | 'func'
  /** The context of a callback. */
  | 'stack-or-null'
  | 'spin-lock'
  /** A string in a read-only map, with its zero. */
  | 'const-string'
  /** A pointer to the kernel's struct xdp_buff, which a tracing program got as an argument. */
  | 'xdp-buff';

export type HelperReturn = 'integer' | 'void' | 'map-value-or-null' | 'ringbuf-mem-or-null';

export interface HelperPrototype {
  readonly id: number;
  /** Without `bpf_`. */
  readonly name: BpfFuncName;
  /** r1 to r5, as many as it uses. */
  readonly args: readonly HelperArgument[];
  readonly returns: HelperReturn;
  /** Only for programs whose licence is compatible with the GPL. */
  readonly gplOnly: boolean;
  readonly programTypes: readonly number[];
  /** Whether it may move the packet: all pointers into it are void after the call. */
  readonly changesPacket: boolean;
  /** The map types that it takes; undefined where the map decides, see MAP_TYPE_HELPERS. */
  readonly mapTypes: readonly number[] | undefined;
}

const { XDP, TRACEPOINT, RAW_TRACEPOINT, TRACING } = BPF_PROG_TYPE;
const M = BPF_MAP_TYPE;

const ALL = [XDP, TRACEPOINT, RAW_TRACEPOINT, TRACING];
const TRACERS = [TRACEPOINT, RAW_TRACEPOINT, TRACING];

interface Rest {
  readonly returns?: HelperReturn;
  readonly gplOnly?: boolean;
  readonly programTypes?: readonly number[];
  readonly changesPacket?: boolean;
  readonly mapTypes?: readonly number[];
}

function prototype(name: BpfFuncName, args: readonly HelperArgument[], rest: Rest = {}): HelperPrototype {
  const { returns = 'integer', gplOnly = false, programTypes = ALL, changesPacket = false, mapTypes } = rest;
  return { id: BPF_FUNC[name], name, args, returns, gplOnly, programTypes, changesPacket, mapTypes };
}

const XDP_ONLY = { programTypes: [XDP] };
const MOVES_PACKET = { programTypes: [XDP], changesPacket: true };
const PERF = { mapTypes: [M.PERF_EVENT_ARRAY], gplOnly: true };
const RING = { mapTypes: [M.RINGBUF] };
const GPL = { gplOnly: true };
const PERCPU = [M.PERCPU_ARRAY, M.PERCPU_HASH, M.LRU_PERCPU_HASH];

const PROTOTYPES: readonly HelperPrototype[] = [
  prototype('map_lookup_elem', ['map', 'map-key'], { returns: 'map-value-or-null' }),
  prototype('map_update_elem', ['map', 'map-key', 'map-value', 'anything']),
  prototype('map_delete_elem', ['map', 'map-key']),
  prototype('map_lookup_percpu_elem', ['map', 'map-key', 'anything'], {
    returns: 'map-value-or-null',
    mapTypes: PERCPU,
  }),
  prototype('for_each_map_elem', ['map', 'func', 'stack-or-null', 'anything']),
  prototype('loop', ['anything', 'func', 'stack-or-null', 'anything']),
  prototype('tail_call', ['ctx', 'map', 'anything'], { returns: 'void', mapTypes: [M.PROG_ARRAY] }),
  prototype('redirect', ['anything', 'anything'], XDP_ONLY),
  prototype('redirect_map', ['map', 'anything', 'anything'], {
    ...XDP_ONLY,
    mapTypes: [M.DEVMAP, M.DEVMAP_HASH, M.CPUMAP, M.XSKMAP],
  }),
  prototype('xdp_adjust_head', ['ctx', 'anything'], MOVES_PACKET),
  prototype('xdp_adjust_meta', ['ctx', 'anything'], MOVES_PACKET),
  prototype('xdp_adjust_tail', ['ctx', 'anything'], MOVES_PACKET),
  prototype('xdp_load_bytes', ['ctx', 'anything', 'uninit-mem', 'size'], XDP_ONLY),
  prototype('xdp_store_bytes', ['ctx', 'anything', 'mem', 'size'], XDP_ONLY),
  prototype('xdp_get_buff_len', ['ctx'], XDP_ONLY),
  prototype('csum_diff', ['mem-or-null', 'size-or-zero', 'mem-or-null', 'size-or-zero', 'anything'], XDP_ONLY),
  prototype('ktime_get_ns', []),
  prototype('ktime_get_boot_ns', []),
  prototype('ktime_get_coarse_ns', [], XDP_ONLY),
  prototype('ktime_get_tai_ns', []),
  prototype('jiffies64', []),
  prototype('get_smp_processor_id', []),
  prototype('get_numa_node_id', []),
  prototype('get_prandom_u32', []),
  prototype('get_current_pid_tgid', []),
  prototype('get_current_uid_gid', []),
  prototype('get_current_comm', ['uninit-mem', 'size']),
  prototype('trace_printk', ['mem', 'size'], GPL),
  prototype('trace_vprintk', ['mem', 'size', 'mem-or-null', 'size-or-zero'], GPL),
  prototype('snprintf', ['uninit-mem-or-null', 'size-or-zero', 'const-string', 'mem-or-null', 'size-or-zero'], GPL),
  prototype('strncmp', ['mem', 'size', 'const-string']),
  prototype('perf_event_output', ['ctx', 'map', 'anything', 'mem', 'size-or-zero'], PERF),
  prototype('xdp_output', ['xdp-buff', 'map', 'anything', 'mem', 'size-or-zero'], { ...PERF, programTypes: [TRACING] }),
  prototype('ringbuf_output', ['map', 'mem', 'size-or-zero', 'anything'], RING),
  prototype('ringbuf_reserve', ['map', 'alloc-size', 'anything'], { ...RING, returns: 'ringbuf-mem-or-null' }),
  prototype('ringbuf_submit', ['release-ringbuf-mem', 'anything'], { returns: 'void' }),
  prototype('ringbuf_discard', ['release-ringbuf-mem', 'anything'], { returns: 'void' }),
  prototype('ringbuf_query', ['map', 'anything'], RING),
  prototype('probe_read', ['uninit-mem', 'size-or-zero', 'anything'], { ...GPL, programTypes: TRACERS }),
  prototype('probe_read_str', ['uninit-mem', 'size-or-zero', 'anything'], { ...GPL, programTypes: TRACERS }),
  prototype('probe_read_kernel', ['uninit-mem', 'size-or-zero', 'anything'], GPL),
  prototype('probe_read_kernel_str', ['uninit-mem', 'size-or-zero', 'anything'], GPL),
  prototype('spin_lock', ['spin-lock'], { returns: 'void' }),
  prototype('spin_unlock', ['spin-lock'], { returns: 'void' }),
];

/** By helper id. */
export const HELPER_PROTOTYPES: ReadonlyMap<number, HelperPrototype> = new Map(PROTOTYPES.map((one) => [one.id, one]));

const ids = (...names: BpfFuncName[]): ReadonlySet<number> => new Set(names.map((name) => BPF_FUNC[name]));

/** The helpers that a map of such a type may be passed to; a type that is not here goes to any that takes a map. */
export const MAP_TYPE_HELPERS: ReadonlyMap<number, ReadonlySet<number>> = new Map([
  [M.PROG_ARRAY, ids('tail_call')],
  [M.PERF_EVENT_ARRAY, ids('perf_event_read', 'perf_event_output', 'perf_event_read_value', 'xdp_output')],
  [M.STACK_TRACE, ids('get_stackid')],
  [M.CGROUP_ARRAY, ids('skb_under_cgroup', 'current_task_under_cgroup')],
  [M.ARRAY_OF_MAPS, ids('map_lookup_elem')],
  [M.HASH_OF_MAPS, ids('map_lookup_elem')],
  [M.DEVMAP, ids('redirect_map', 'map_lookup_elem')],
  [M.DEVMAP_HASH, ids('redirect_map', 'map_lookup_elem')],
  [M.CPUMAP, ids('redirect_map')],
  [M.XSKMAP, ids('redirect_map', 'map_lookup_elem')],
  [M.QUEUE, ids('map_push_elem', 'map_pop_elem', 'map_peek_elem')],
  [M.STACK, ids('map_push_elem', 'map_pop_elem', 'map_peek_elem')],
  [M.RINGBUF, ids('ringbuf_output', 'ringbuf_reserve', 'ringbuf_query')],
]);
