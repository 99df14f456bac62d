// SPDX-License-Identifier: MIT
/*
 * A cpumap load balancer as they are written today: maps in .maps with BTF, configuration in .rodata, sub-programs, a
 * callback and a loop that the verifier bounds, second programs for cpumap and devmap entries, and tp_btf programs that
 * read the kernel's structs by CO-RE.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#define MAX_CPUS 64
#define MAX_TAGS 2
#define MAX_ERRNO 200

/* Of the kernel's structs only what is read here; where it lies is found when the program is loaded. */
struct net_device {
	int ifindex;
} __attribute__((preserve_access_index));

struct xdp_cpumap_stats {
	unsigned int redirect;
	unsigned int pass;
	unsigned int drop;
} __attribute__((preserve_access_index));

/* The same by another name, with a field that no kernel has: what ___ and all behind it is not part of the name. */
struct xdp_cpumap_stats___later {
	unsigned int pass;
	unsigned int consumed;
} __attribute__((preserve_access_index));

struct counters {
	__u64 processed;
	__u64 dropped;
	__u64 issue;
	__u64 pass;
	__u64 drop;
	__u64 redirect;
};

struct flow {
	__u32 saddr;
	__u32 daddr;
	__u32 protocol;
};

struct flow_counters {
	__u64 packets;
	__u64 bytes;
};

struct redirect_event {
	__u32 ifindex;
	__u32 map_id;
	__u32 index;
	__s32 err;
};

struct {
	__uint(type, BPF_MAP_TYPE_CPUMAP);
	__type(key, __u32);
	__type(value, struct bpf_cpumap_val);
	__uint(max_entries, MAX_CPUS);
} cpu_map SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP);
	__type(key, __u32);
	__type(value, struct bpf_devmap_val);
	__uint(max_entries, 1);
} tx_port SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, __u32);
	__uint(max_entries, MAX_CPUS);
} cpus_available SEC(".maps");

struct per_cpu_counters {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, struct counters);
	__uint(max_entries, MAX_CPUS);
} rx_cnt SEC(".maps"), enqueue_cnt SEC(".maps"), kthread_cnt SEC(".maps"), remote_cnt SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct flow);
	__type(value, struct flow_counters);
	__uint(max_entries, 1024);
} flows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, __u64);
	__uint(max_entries, MAX_ERRNO);
} redirect_err_cnt SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} events SEC(".maps");

const volatile __u32 cpus_count = 4;
/* Frames of other devices and maps are not counted; 0 counts all. */
const volatile __u32 only_ifindex = 0;
const volatile __u32 only_map_id = 0;
const volatile struct {
	__u16 drop_port;
	__u8 mac[ETH_ALEN];
} config = { .drop_port = 9, .mac = { 2, 0, 0, 0, 0, 1 } };

__u64 exceptions;

static struct counters *count(struct per_cpu_counters *map, __u32 key)
{
	struct counters *counters = bpf_map_lookup_elem(map, &key);

	if (counters)
		counters->processed++;
	return counters;
}

/* The IPv4 header behind at most two tags, by a loop that is not unrolled. */
static __always_inline struct iphdr *ipv4(void *data, void *end)
{
	struct ethhdr *eth = data;
	void *at = eth + 1;
	__be16 type;

	if (at > end)
		return NULL;
	type = eth->h_proto;
#pragma clang loop unroll(disable)
	for (int tags = 0; tags < MAX_TAGS; tags++) {
		if (type != bpf_htons(ETH_P_8021Q) && type != bpf_htons(ETH_P_8021AD))
			break;
		if (at + 4 > end)
			return NULL;
		type = *(__be16 *)(at + 2);
		at += 4;
	}
	if (type != bpf_htons(ETH_P_IP) || at + sizeof(struct iphdr) > end)
		return NULL;
	return at;
}

static __noinline void count_flow(const struct flow *flow, __u32 bytes)
{
	struct flow_counters first = { .packets = 1, .bytes = bytes }, *known;

	if (!flow)
		return;
	known = bpf_map_lookup_elem(&flows, flow);
	if (!known) {
		bpf_map_update_elem(&flows, flow, &first, BPF_NOEXIST);
		return;
	}
	__sync_fetch_and_add(&known->packets, 1);
	__sync_fetch_and_add(&known->bytes, bytes);
}

static __noinline __u32 hash(__u32 word)
{
	word ^= word >> 16;
	word *= 0x85ebca6b;
	word ^= word >> 13;
	word *= 0xc2b2ae35;
	return word ^ word >> 16;
}

static __always_inline int send_to(__u32 index, struct counters *rx)
{
	__u32 *cpu = bpf_map_lookup_elem(&cpus_available, &index);

	if (!cpu || *cpu >= MAX_CPUS) {
		rx->issue++;
		return XDP_ABORTED;
	}
	return bpf_redirect_map(&cpu_map, *cpu, 0);
}

/* IPv4 by its addresses, everything else to the first CPU. */
static __always_inline int spread(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct counters *rx = count(&rx_cnt, 0);
	struct flow flow = {};
	struct iphdr *ip;

	if (!rx)
		return XDP_ABORTED;
	ip = ipv4(data, end);
	if (!ip)
		return send_to(0, rx);
	flow.saddr = ip->saddr;
	flow.daddr = ip->daddr;
	flow.protocol = ip->protocol;
	count_flow(&flow, end - data);
	return send_to(hash(flow.saddr + flow.daddr) % (cpus_count ?: 1), rx);
}

SEC("xdp")
int xdp_spread(struct xdp_md *ctx)
{
	return spread(ctx);
}

/* Not together with the other: one map of CPUs has programs with frags or without. */
SEC("?xdp.frags")
int xdp_spread_frags(struct xdp_md *ctx)
{
	return spread(ctx);
}

struct least {
	__u64 packets;
	__u32 index;
};

static long compare(__u32 index, struct least *least)
{
	struct counters *counters = bpf_map_lookup_elem(&enqueue_cnt, &index);

	if (!counters)
		return 1;
	if (counters->processed < least->packets) {
		least->packets = counters->processed;
		least->index = index;
	}
	return 0;
}

/* The CPU to which this one has sent the fewest frames so far. */
SEC("xdp")
int xdp_least_loaded(struct xdp_md *ctx)
{
	struct least least = { .packets = ~0ULL };
	struct counters *rx = count(&rx_cnt, 1);

	if (!rx)
		return XDP_ABORTED;
	bpf_loop(cpus_count, compare, &least, 0);
	return send_to(least.index, rx);
}

SEC("xdp/cpumap")
int remote_filter(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct counters *remote = count(&remote_cnt, 0);
	struct iphdr *ip = ipv4(data, end);
	struct udphdr *udp;

	if (!remote || !ip || ip->protocol != IPPROTO_UDP)
		return XDP_PASS;
	udp = (void *)(ip + 1);
	if ((void *)(udp + 1) > end || bpf_ntohs(udp->dest) != config.drop_port)
		return XDP_PASS;
	remote->dropped++;
	return XDP_DROP;
}

SEC("xdp/cpumap")
int remote_redirect(struct xdp_md *ctx)
{
	return bpf_redirect_map(&tx_port, 0, XDP_DROP);
}

SEC("xdp/devmap")
int egress(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;

	if ((void *)(eth + 1) > end)
		return XDP_DROP;
	for (int i = 0; i < ETH_ALEN; i++)
		eth->h_source[i] = config.mac[i];
	return XDP_PASS;
}

SEC("tp_btf/xdp_cpumap_enqueue")
int BPF_PROG(on_enqueue, int map_id, unsigned int processed, unsigned int drops, int to_cpu)
{
	__u32 key = to_cpu;
	struct counters *counters;

	if (only_map_id && only_map_id != map_id)
		return 0;
	counters = bpf_map_lookup_elem(&enqueue_cnt, &key);
	if (!counters)
		return 0;
	counters->processed += processed;
	counters->dropped += drops;
	if (processed > 0)
		counters->issue++;
	return 0;
}

SEC("tp_btf/xdp_cpumap_kthread")
int BPF_PROG(on_kthread, int map_id, unsigned int processed, unsigned int drops, int sched,
	     struct xdp_cpumap_stats *stats)
{
	struct xdp_cpumap_stats___later *later = (void *)stats;
	__u32 key = bpf_get_smp_processor_id();
	struct counters *counters;

	if (only_map_id && only_map_id != map_id)
		return 0;
	counters = bpf_map_lookup_elem(&kthread_cnt, &key);
	if (!counters)
		return 0;
	counters->processed += processed;
	counters->dropped += drops;
	if (sched)
		counters->issue++;
	counters->pass += stats->pass;
	counters->drop += stats->drop;
	counters->redirect += stats->redirect;
	if (__builtin_preserve_field_info(later->consumed, 2 /* exists */))
		counters->pass += later->consumed;
	return 0;
}

SEC("tp_btf/xdp_redirect_err")
int BPF_PROG(on_redirect_err, const struct net_device *dev, const void *xdp, const void *tgt, int err, int map_type,
	     __u32 map_id, __u32 index)
{
	struct redirect_event *event;
	__u32 key = -err;
	__u64 *errors;

	if (only_ifindex && only_ifindex != dev->ifindex)
		return 0;
	if (key >= MAX_ERRNO)
		key = 0;
	errors = bpf_map_lookup_elem(&redirect_err_cnt, &key);
	if (errors)
		++*errors;
	event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (!event)
		return 0;
	event->ifindex = dev->ifindex;
	event->map_id = map_id;
	event->index = index;
	event->err = err;
	bpf_ringbuf_submit(event, 0);
	return 0;
}

SEC("tp_btf/xdp_exception")
int BPF_PROG(on_exception, const struct net_device *dev, const void *xdp, __u32 act)
{
	if (only_ifindex && only_ifindex != dev->ifindex)
		return 0;
	__sync_fetch_and_add(&exceptions, 1);
	return 0;
}

char _license[] SEC("license") = "Dual MIT/GPL";
