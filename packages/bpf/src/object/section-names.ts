/**
 * What the name of a program's section says: program type, expected attach type, what to attach to.
 *
 * The names are those that libbpf documents (kernel: Documentation/bpf/libbpf/program_types.rst), the numbers those of
 * include/uapi/linux/bpf.h. Any other name is the programmer's own, as all were in 2017: it says nothing, and the caller
 * gives the type.
 */
import { BPF_PROG_TYPE } from '@cpumap/uapi';

export interface SectionMeaning {
  readonly programType: number | undefined;
  readonly attachType: number | undefined;
  readonly attachTo: string;
  readonly frags: boolean;
  readonly sleepable: boolean;
  readonly autoload: boolean;
}

const T = BPF_PROG_TYPE;
/** Program type, and attach type where the kernel expects one. */
type Row = readonly [type: number, attach?: number];

/** Names that stand alone. */
const EXACT: Readonly<Record<string, Row>> = {
  xdp: [T.XDP, 37],
  'xdp/devmap': [T.XDP, 33],
  'xdp/cpumap': [T.XDP, 35],
  socket: [T.SOCKET_FILTER],
  'sk_reuseport/migrate': [T.SK_REUSEPORT, 40],
  sk_reuseport: [T.SK_REUSEPORT, 39],
  'tc/ingress': [T.SCHED_CLS, 46],
  'tc/egress': [T.SCHED_CLS, 47],
  'tcx/ingress': [T.SCHED_CLS, 46],
  'tcx/egress': [T.SCHED_CLS, 47],
  'netkit/primary': [T.SCHED_CLS, 54],
  'netkit/peer': [T.SCHED_CLS, 55],
  tc: [T.SCHED_CLS],
  classifier: [T.SCHED_CLS],
  action: [T.SCHED_ACT],
  syscall: [T.SYSCALL],
  perf_event: [T.PERF_EVENT],
  lwt_in: [T.LWT_IN],
  lwt_out: [T.LWT_OUT],
  lwt_xmit: [T.LWT_XMIT],
  lwt_seg6local: [T.LWT_SEG6LOCAL],
  sockops: [T.SOCK_OPS, 3],
  'sk_skb/stream_parser': [T.SK_SKB, 4],
  'sk_skb/stream_verdict': [T.SK_SKB, 5],
  'sk_skb/verdict': [T.SK_SKB, 38],
  sk_skb: [T.SK_SKB],
  sk_msg: [T.SK_MSG, 7],
  lirc_mode2: [T.LIRC_MODE2, 16],
  flow_dissector: [T.FLOW_DISSECTOR, 17],
  'cgroup_skb/ingress': [T.CGROUP_SKB, 0],
  'cgroup_skb/egress': [T.CGROUP_SKB, 1],
  'cgroup/skb': [T.CGROUP_SKB],
  'cgroup/sock_create': [T.CGROUP_SOCK, 2],
  'cgroup/sock_release': [T.CGROUP_SOCK, 34],
  'cgroup/sock': [T.CGROUP_SOCK, 2],
  'cgroup/post_bind4': [T.CGROUP_SOCK, 12],
  'cgroup/post_bind6': [T.CGROUP_SOCK, 13],
  'cgroup/bind4': [T.CGROUP_SOCK_ADDR, 8],
  'cgroup/bind6': [T.CGROUP_SOCK_ADDR, 9],
  'cgroup/connect4': [T.CGROUP_SOCK_ADDR, 10],
  'cgroup/connect6': [T.CGROUP_SOCK_ADDR, 11],
  'cgroup/connect_unix': [T.CGROUP_SOCK_ADDR, 49],
  'cgroup/sendmsg4': [T.CGROUP_SOCK_ADDR, 14],
  'cgroup/sendmsg6': [T.CGROUP_SOCK_ADDR, 15],
  'cgroup/sendmsg_unix': [T.CGROUP_SOCK_ADDR, 50],
  'cgroup/recvmsg4': [T.CGROUP_SOCK_ADDR, 19],
  'cgroup/recvmsg6': [T.CGROUP_SOCK_ADDR, 20],
  'cgroup/recvmsg_unix': [T.CGROUP_SOCK_ADDR, 51],
  'cgroup/getpeername4': [T.CGROUP_SOCK_ADDR, 29],
  'cgroup/getpeername6': [T.CGROUP_SOCK_ADDR, 30],
  'cgroup/getpeername_unix': [T.CGROUP_SOCK_ADDR, 52],
  'cgroup/getsockname4': [T.CGROUP_SOCK_ADDR, 31],
  'cgroup/getsockname6': [T.CGROUP_SOCK_ADDR, 32],
  'cgroup/getsockname_unix': [T.CGROUP_SOCK_ADDR, 53],
  'cgroup/sysctl': [T.CGROUP_SYSCTL, 18],
  'cgroup/getsockopt': [T.CGROUP_SOCKOPT, 21],
  'cgroup/setsockopt': [T.CGROUP_SOCKOPT, 22],
  'cgroup/dev': [T.CGROUP_DEVICE, 6],
  sk_lookup: [T.SK_LOOKUP, 36],
  netfilter: [T.NETFILTER, 45],
};

/** Names that stand alone or before `/` and what to attach to. */
const WITH_TARGET: Readonly<Record<string, Row>> = {
  tracepoint: [T.TRACEPOINT],
  tp: [T.TRACEPOINT],
  raw_tracepoint: [T.RAW_TRACEPOINT],
  raw_tp: [T.RAW_TRACEPOINT],
  'raw_tracepoint.w': [T.RAW_TRACEPOINT_WRITABLE],
  'raw_tp.w': [T.RAW_TRACEPOINT_WRITABLE],
  tp_btf: [T.TRACING, 23],
  fentry: [T.TRACING, 24],
  fexit: [T.TRACING, 25],
  fmod_ret: [T.TRACING, 26],
  iter: [T.TRACING, 28],
  freplace: [T.EXT],
  lsm: [T.LSM, 27],
  lsm_cgroup: [T.LSM, 43],
  kprobe: [T.KPROBE],
  kretprobe: [T.KPROBE],
  uprobe: [T.KPROBE],
  uretprobe: [T.KPROBE],
  'kprobe.multi': [T.KPROBE, 42],
  'kretprobe.multi': [T.KPROBE, 42],
  'kprobe.session': [T.KPROBE, 56],
  'uprobe.multi': [T.KPROBE, 48],
  'uretprobe.multi': [T.KPROBE, 48],
  'uprobe.session': [T.KPROBE, 57],
  ksyscall: [T.KPROBE],
  kretsyscall: [T.KPROBE],
  usdt: [T.KPROBE],
  struct_ops: [T.STRUCT_OPS],
};
/** Those of them that may sleep when `.s` is added. */
const MAY_SLEEP =
  /^(uprobe|uretprobe|uprobe\.multi|uretprobe\.multi|uprobe\.session|usdt|fentry|fexit|fmod_ret|lsm|iter|struct_ops)\.s$/;

const own = (table: Readonly<Record<string, Row>>, name: string): Row | undefined =>
  Object.hasOwn(table, name) ? table[name] : undefined;

export function sectionMeaning(section: string): SectionMeaning {
  const autoload = !section.startsWith('?');
  const full = autoload ? section : section.slice(1);
  const plain = { attachTo: '', frags: false, sleepable: false, autoload };

  const frags = full.startsWith('xdp.frags');
  const row = own(EXACT, frags ? full.replace('.frags', '') : full);
  if (row !== undefined) {
    return { ...plain, programType: row[0], attachType: row[1], frags, sleepable: full === 'syscall' };
  }

  const slash = full.indexOf('/');
  const head = slash < 0 ? full : full.slice(0, slash);
  const sleepable = MAY_SLEEP.test(head);
  const known = own(WITH_TARGET, sleepable ? head.slice(0, -2) : head);
  if (known === undefined) return { ...plain, programType: undefined, attachType: undefined };
  return {
    ...plain,
    programType: known[0],
    attachType: known[1],
    attachTo: slash < 0 ? '' : full.slice(slash + 1),
    sleepable,
  };
}
