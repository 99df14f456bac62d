import { BPF_FUNC, BPF_MAP_TYPE, BPF_PROG_TYPE, type BpfFuncName } from '@cpumap/uapi';
import { describe, expect, it } from 'vitest';
import { HELPER_PROTOTYPES, MAP_TYPE_HELPERS } from '../../src/helpers/prototypes.ts';

/**
 * Linux 6.18, a call of each helper loaded as XDP, tracepoint, raw tracepoint and tp_btf program, under GPL and MIT:
 * G for GPL programs only, y for all, - not for this type.
 */
const ASKED: Readonly<Partial<Record<BpfFuncName, string>>> = {
  map_lookup_elem: 'yyyy',
  map_update_elem: 'yyyy',
  map_delete_elem: 'yyyy',
  map_lookup_percpu_elem: 'yyyy',
  for_each_map_elem: 'yyyy',
  loop: 'yyyy',
  tail_call: 'yyyy',
  redirect: 'y---',
  redirect_map: 'y---',
  xdp_adjust_head: 'y---',
  xdp_adjust_meta: 'y---',
  xdp_adjust_tail: 'y---',
  xdp_load_bytes: 'y---',
  xdp_store_bytes: 'y---',
  csum_diff: 'y---',
  ktime_get_ns: 'yyyy',
  ktime_get_boot_ns: 'yyyy',
  ktime_get_coarse_ns: 'y---',
  ktime_get_tai_ns: 'yyyy',
  jiffies64: 'yyyy',
  get_smp_processor_id: 'yyyy',
  get_numa_node_id: 'yyyy',
  get_prandom_u32: 'yyyy',
  trace_printk: 'GGGG',
  trace_vprintk: 'GGGG',
  snprintf: 'GGGG',
  strncmp: 'yyyy',
  perf_event_output: 'GGGG',
  xdp_output: '---G',
  ringbuf_output: 'yyyy',
  ringbuf_reserve: 'yyyy',
  ringbuf_submit: 'yyyy',
  ringbuf_discard: 'yyyy',
  ringbuf_query: 'yyyy',
  probe_read: '-GGG',
  probe_read_str: '-GGG',
  probe_read_kernel: 'GGGG',
  probe_read_kernel_str: 'GGGG',
  spin_lock: 'yyyy',
  spin_unlock: 'yyyy',
  get_current_pid_tgid: 'yyyy',
  get_current_comm: 'yyyy',
  get_current_uid_gid: 'yyyy',
};
const { XDP, TRACEPOINT, RAW_TRACEPOINT, TRACING } = BPF_PROG_TYPE;

describe('prototypes', () => {
  it.each(Object.entries(ASKED))('bpf_%s is for the programs that Linux 6.18 says: %s', (name, answer) => {
    const { programTypes, gplOnly, id } = HELPER_PROTOTYPES.get(BPF_FUNC[name as BpfFuncName])!;
    expect(id).toBe(BPF_FUNC[name as BpfFuncName]);
    const ours = [XDP, TRACEPOINT, RAW_TRACEPOINT, TRACING].map((type) =>
      programTypes.includes(type) ? (gplOnly ? 'G' : 'y') : '-',
    );
    expect(ours.join('')).toBe(answer);
  });

  it('are all asked, but xdp_get_buff_len, of which tracing programs have another one', () => {
    const names = [...HELPER_PROTOTYPES.values()].map(({ name }) => name);
    expect(names.filter((name) => ASKED[name] === undefined)).toEqual(['xdp_get_buff_len']);
  });

  it('sizes follow the memory that they are the size of', () => {
    for (const { args } of HELPER_PROTOTYPES.values()) {
      expect(args.length).toBeLessThanOrEqual(5);
      for (const [i, kind] of args.entries()) {
        if (kind === 'size' || kind === 'size-or-zero') expect(args[i - 1]).toMatch(/mem/);
        if (kind === 'map-key' || kind === 'map-value') expect(args[0]).toBe('map');
      }
    }
  });

  it('helpers and map types agree on each other', () => {
    for (const { id, mapTypes = [] } of HELPER_PROTOTYPES.values()) {
      for (const type of mapTypes) expect(MAP_TYPE_HELPERS.get(type)?.has(id) ?? true).toBe(true);
    }
    expect([...MAP_TYPE_HELPERS.get(BPF_MAP_TYPE.CPUMAP)!]).toEqual([BPF_FUNC.redirect_map]);
  });
});
