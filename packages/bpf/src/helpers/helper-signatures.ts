/**
 * How compiled programs call each helper: see HelperSignature. Whoever provides a helper's function provides it with these
 * types. Helpers that check a 64-bit flag or value take both halves of it, so that no call costs a BigInt; formatting
 * and statistics, which nobody does per packet, take BigInts.
 */
import { BPF_FUNC, type BpfFuncName } from '@cpumap/uapi';
import type { HelperSignature } from '../jit/signatures.ts';

const STAYS = { keepsPacket: true } as const;
/** Answers with an address. */
const POINTER = { ...STAYS, result: 'u32' } as const;
const NUMBER = { ...STAYS, params: [], result: 'f64' } as const;

const SIGNATURES: Partial<Readonly<Record<BpfFuncName, HelperSignature>>> = {
  map_lookup_elem: { ...POINTER, params: ['i32', 'i32'] },
  map_update_elem: { ...STAYS, params: ['i32', 'i32', 'i32', 'halves'] },
  map_delete_elem: { ...STAYS, params: ['i32', 'i32'] },
  map_lookup_percpu_elem: { ...POINTER, params: ['i32', 'i32', 'i32'] },
  for_each_map_elem: { ...STAYS, params: ['i32', 'i32', 'i32', 'halves'], callsBack: true },
  loop: { ...STAYS, params: ['halves', 'i32', 'i32', 'halves'], result: 'f64', callsBack: true },
  redirect: { ...STAYS, params: ['i32', 'halves'] },
  redirect_map: { ...STAYS, params: ['i32', 'i32', 'halves'], result: 'f64' },
  xdp_adjust_head: { params: ['i32', 'i32'] },
  xdp_adjust_meta: { params: ['i32', 'i32'] },
  xdp_adjust_tail: { params: ['i32', 'i32'] },
  xdp_load_bytes: { ...STAYS, params: ['i32', 'i32', 'i32', 'i32'] },
  xdp_store_bytes: { ...STAYS, params: ['i32', 'i32', 'i32', 'i32'] },
  xdp_get_buff_len: { ...POINTER, params: ['i32'] },
  csum_diff: { ...STAYS, params: ['i32', 'i32', 'i32', 'i32', 'i32'], result: 'f64' },
  ktime_get_ns: NUMBER,
  ktime_get_boot_ns: NUMBER,
  ktime_get_coarse_ns: NUMBER,
  ktime_get_tai_ns: NUMBER,
  jiffies64: NUMBER,
  get_smp_processor_id: { ...POINTER, params: [] },
  get_numa_node_id: { ...POINTER, params: [] },
  get_prandom_u32: { ...POINTER, params: [] },
  get_current_pid_tgid: { ...POINTER, params: [] },
  get_current_uid_gid: { ...POINTER, params: [] },
  get_current_comm: { ...STAYS, params: ['i32', 'i32'] },
  trace_printk: { ...STAYS, params: ['i32', 'i32', 'i64', 'i64', 'i64'] },
  trace_vprintk: { ...STAYS, params: ['i32', 'i32', 'i32', 'i32'] },
  snprintf: { ...STAYS, params: ['i32', 'i32', 'i32', 'i32', 'i32'] },
  strncmp: { ...STAYS, params: ['i32', 'i32', 'i32'] },
  perf_event_output: { ...STAYS, params: ['i32', 'i32', 'halves', 'i32', 'i32'] },
  xdp_output: { ...STAYS, params: ['i32', 'i32', 'halves', 'i32', 'i32'] },
  ringbuf_output: { ...STAYS, params: ['i32', 'i32', 'i32', 'halves'] },
  ringbuf_reserve: { ...POINTER, params: ['i32', 'halves', 'halves'] },
  ringbuf_submit: { ...STAYS, params: ['i32', 'halves'] },
  ringbuf_discard: { ...STAYS, params: ['i32', 'halves'] },
  ringbuf_query: { ...STAYS, params: ['i32', 'halves'], result: 'f64' },
  probe_read: { ...STAYS, params: ['i32', 'i32', 'halves'] },
  probe_read_kernel: { ...STAYS, params: ['i32', 'i32', 'halves'] },
  probe_read_str: { ...STAYS, params: ['i32', 'i32', 'halves'] },
  probe_read_kernel_str: { ...STAYS, params: ['i32', 'i32', 'halves'] },
  spin_lock: { ...STAYS, params: ['i32'] },
  spin_unlock: { ...STAYS, params: ['i32'] },
};

/** By helper id. bpf_tail_call is not among them: it is no call like the others. */
export const HELPER_SIGNATURES: Readonly<Record<number, HelperSignature>> = Object.fromEntries(
  Object.entries(SIGNATURES).map(([name, signature]) => [BPF_FUNC[name as BpfFuncName], signature]),
);
