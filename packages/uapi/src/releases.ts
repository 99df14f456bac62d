/**
 * What changed in which release, as one table. An implementation asks `featuresOf(release)` once, when something is
 * created; nothing else in the project compares versions.
 */
export interface Feature {
  /** First release that has it. */
  readonly since?: string;
  /** First release that no longer has it. */
  readonly until?: string;
  readonly what: string;
}

export const FEATURES = {
  cpumap: { since: '4.15', what: 'BPF_MAP_TYPE_CPUMAP' },
  mapOwnerCheck: { until: '4.19', what: "a redirect by another program than the map's caller is refused (EFAULT)" },
  emptySlotAtRedirect: {
    until: '5.13',
    what: 'bpf_redirect_map does no lookup; an empty slot is EINVAL at xdp_do_redirect',
  },
  headroomReserved: { since: '4.18', what: 'bpf_xdp_adjust_head keeps the room of the frame descriptor' },
  frameReturnByMemType: {
    since: '4.18',
    what: 'xdp_frame with a memory model; frames return to the pool they came from',
  },
  devmapXmitEvent: {
    since: '4.18',
    what: 'devmap sends in bulk (ndo_xdp_xmit of 16 frames) and fires xdp_devmap_xmit',
  },
  skbCoversDescriptor: { since: '5.1', what: 'the sk_buff starts at data_hard_start and covers the descriptor' },
  batchDequeue: { since: '5.2', what: 'the kthread dequeues eight at once; processed counts frames dequeued' },
  perCpuFlushList: { since: '5.6', what: 'one flush list per CPU for all maps, newest first; map_to_flush is gone' },
  redirectMapEvents: { until: '5.6', what: 'map redirects fire xdp_redirect_map and xdp_redirect_map_err' },
  redirectMapEventsDefined: { until: '6.17', what: 'the xdp_redirect_map events exist, fired or not' },
  frameSize: { since: '5.8', what: 'the driver states the size of its buffers; truesize follows it' },
  capBpf: { since: '5.8', what: 'CAP_BPF suffices to create maps' },
  cpumapProgram: { since: '5.9', what: '8-byte values: a second program per entry, its counts in xdp_cpumap_kthread' },
  memlock: { until: '5.11', what: 'maps are charged against RLIMIT_MEMLOCK' },
  redirectMissVerdict: {
    since: '5.13',
    what: "the low two bits of bpf_redirect_map's flags are the verdict on a miss",
  },
  listDelivery: { since: '5.13', what: 'netif_receive_skb_list: no verdict per sk_buff, RPS applies' },
  devmapBroadcast: { since: '5.14', what: 'BPF_F_BROADCAST and BPF_F_EXCLUDE_INGRESS on devmaps' },
  genericCpumap: { since: '5.15', what: 'cpumap in generic (skb) mode' },
  frags: { since: '5.18', what: 'multi-buffer frames, a 40-byte descriptor and the owner check of maps' },
  largeMetadata: { since: '5.18', what: 'metadata of up to 252 bytes instead of 32' },
  maxEntriesFirst: { since: '6.2', what: 'max_entries is checked before anything is allocated' },
  kthreadStartedFirst: { since: '6.5', what: 'update waits until the kthread runs' },
  rcuWorkTeardown: { since: '6.6', what: 'entries are freed by rcu_work; no bulk queue is flushed at teardown' },
  traceBeforeDelivery: { since: '6.12', what: 'xdp_cpumap_kthread fires before the sk_buffs are delivered' },
  cpumapGro: { since: '6.15', what: 'GRO on the remote CPU' },
} as const satisfies Record<string, Feature>;

export type FeatureName = keyof typeof FEATURES;
export type Features = { readonly [K in FeatureName]: boolean };

/** Whose behaviour the engine shows: the series as merged, or today's. */
export const RELEASES = ['4.15', '6.18'] as const;
export type Release = (typeof RELEASES)[number];
export const DEFAULT_RELEASE: Release = '6.18';

export function isRelease(text: string): text is Release {
  return (RELEASES as readonly string[]).includes(text);
}

/** `'6.18.44-generic'` is 6018. Text without a major and minor number is refused. */
function ordinal(release: string): number {
  const [, major, minor] = /^(\d+)\.(\d+)/.exec(release) ?? [];
  if (major === undefined || minor === undefined) throw new RangeError(`not a kernel release: '${release}'`);
  return Number(major) * 1000 + Number(minor);
}

/** All features of a release; takes any kernel's `uname -r`, not only those of `RELEASES`. */
export function featuresOf(release: string): Features {
  const wanted = ordinal(release);
  const has = ({ since, until }: Feature): boolean =>
    (since === undefined || wanted >= ordinal(since)) && (until === undefined || wanted < ordinal(until));
  const entries = Object.entries(FEATURES).map(([name, feature]) => [name, has(feature)]);
  return Object.fromEntries(entries) as Features;
}
