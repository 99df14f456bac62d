import { BPF_PROG_TYPE as T } from '@cpumap/uapi';
import { expect, it } from 'vitest';
import { sectionMeaning } from '../../src/object/section-names.ts';

// kernel: Documentation/bpf/libbpf/program_types.rst
it.each<[string, number | undefined, number | undefined, string, string]>([
  ['xdp', T.XDP, 37, '', ''],
  ['xdp.frags', T.XDP, 37, '', 'frags'],
  ['xdp/cpumap', T.XDP, 35, '', ''],
  ['xdp.frags/cpumap', T.XDP, 35, '', 'frags'],
  ['xdp/devmap', T.XDP, 33, '', ''],
  ['xdp.frags/devmap', T.XDP, 33, '', 'frags'],
  ['?xdp', T.XDP, 37, '', 'optional'],
  ['tracepoint/xdp/xdp_exception', T.TRACEPOINT, undefined, 'xdp/xdp_exception', ''],
  ['tp/xdp/xdp_exception', T.TRACEPOINT, undefined, 'xdp/xdp_exception', ''],
  ['tp_btf/xdp_cpumap_enqueue', T.TRACING, 23, 'xdp_cpumap_enqueue', ''],
  ['tp_btf', T.TRACING, 23, '', ''],
  ['raw_tp/xdp_exception', T.RAW_TRACEPOINT, undefined, 'xdp_exception', ''],
  ['raw_tracepoint/xdp_exception', T.RAW_TRACEPOINT, undefined, 'xdp_exception', ''],
  ['raw_tp.w/x', T.RAW_TRACEPOINT_WRITABLE, undefined, 'x', ''],
  ['fentry/cpu_map_kthread_run', T.TRACING, 24, 'cpu_map_kthread_run', ''],
  ['fexit.s/f', T.TRACING, 25, 'f', 'sleepable'],
  ['freplace/f', T.EXT, undefined, 'f', ''],
  ['kprobe/f', T.KPROBE, undefined, 'f', ''],
  ['kprobe.multi/f*', T.KPROBE, 42, 'f*', ''],
  ['lsm.s/bpf', T.LSM, 27, 'bpf', 'sleepable'],
  ['iter/task', T.TRACING, 28, 'task', ''],
  ['tc', T.SCHED_CLS, undefined, '', ''],
  ['socket', T.SOCKET_FILTER, undefined, '', ''],
  ['syscall', T.SYSCALL, undefined, '', 'sleepable'],
  ['cgroup_skb/egress', T.CGROUP_SKB, 1, '', ''],
  ['xdp_cpu_map0', undefined, undefined, '', ''],
  ['xdp/other', undefined, undefined, '', ''],
  ['xdp.fragsy', undefined, undefined, '', ''],
  ['kprobe.s/f', undefined, undefined, '', ''],
  ['fentryx/f', undefined, undefined, '', ''],
  ['constructor', undefined, undefined, '', ''],
])('%s', (section, programType, attachType, attachTo, said) => {
  expect(sectionMeaning(section)).toEqual({
    programType,
    attachType,
    attachTo,
    frags: said === 'frags',
    sleepable: said === 'sleepable',
    autoload: said !== 'optional',
  });
});
