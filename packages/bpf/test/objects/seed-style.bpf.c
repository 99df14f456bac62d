// SPDX-License-Identifier: MIT
/*
 * A cpumap load balancer as they were written in 2017: definitions in the section "maps", XDP programs in sections of
 * any name, tracepoint programs with the records spelled out, everything inlined, no BTF. What the six XDP programs and
 * the five monitoring ones decide and count is what the programs of @cpumap/programs do.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define MAX_CPUS 12
#define ETH_MIN_TYPE 0x600
#define VLAN_TAG 4
#define INLINE static __always_inline

struct bpf_map_def {
	__u32 type;
	__u32 key_size;
	__u32 value_size;
	__u32 max_entries;
	__u32 map_flags;
};

#define MAP(name, kind, value, entries)                                                                                \
	struct bpf_map_def SEC("maps") name = {                                                                        \
		.type = BPF_MAP_TYPE_##kind,                                                                           \
		.key_size = sizeof(__u32),                                                                             \
		.value_size = sizeof(value),                                                                           \
		.max_entries = entries,                                                                                \
	}

struct datarec {
	__u64 processed;
	__u64 dropped;
	__u64 issue;
};

MAP(cpu_map, CPUMAP, __u32, MAX_CPUS);
MAP(rx_cnt, PERCPU_ARRAY, struct datarec, 1);
MAP(redirect_err_cnt, PERCPU_ARRAY, struct datarec, 2);
MAP(cpumap_enqueue_cnt, PERCPU_ARRAY, struct datarec, MAX_CPUS);
MAP(cpumap_kthread_cnt, PERCPU_ARRAY, struct datarec, 1);
MAP(cpus_available, ARRAY, __u32, MAX_CPUS);
MAP(cpus_count, ARRAY, __u32, 1);
MAP(cpus_iterator, PERCPU_ARRAY, __u32, 1);
MAP(exception_cnt, PERCPU_ARRAY, struct datarec, 1);

INLINE void *first(void *map)
{
	__u32 key = 0;

	return bpf_map_lookup_elem(map, &key);
}

INLINE struct datarec *count_packet(void)
{
	struct datarec *rx = first(&rx_cnt);

	if (rx)
		rx->processed++;
	return rx;
}

INLINE int send_to(__u32 index, struct datarec *rx)
{
	__u32 *cpu = bpf_map_lookup_elem(&cpus_available, &index);

	if (!cpu)
		return XDP_ABORTED;
	if (*cpu >= MAX_CPUS) {
		rx->issue++;
		return XDP_ABORTED;
	}
	return bpf_redirect_map(&cpu_map, *cpu, 0);
}

/* Where the network header is, and by which EtherType; -1 for frames that are too short or have a length there. */
INLINE int network_header(void *data, void *end, __u16 *type)
{
	int at = ETH_HLEN;

	if (data + at > end)
		return -1;
	*type = bpf_ntohs(*(__be16 *)(data + at - 2));
	if (*type < ETH_MIN_TYPE)
		return -1;
#pragma unroll
	for (int tags = 0; tags < 2; tags++) {
		if (*type != ETH_P_8021Q && *type != ETH_P_8021AD)
			break;
		at += VLAN_TAG;
		if (data + at > end)
			return -1;
		*type = bpf_ntohs(*(__be16 *)(data + at - 2));
	}
	return at;
}

INLINE __u8 protocol4(struct iphdr *ip, void *end)
{
	return (void *)(ip + 1) > end ? 0 : ip->protocol;
}

INLINE __u8 protocol6(struct ipv6hdr *ip, void *end)
{
	return (void *)(ip + 1) > end ? 0 : ip->nexthdr;
}

SEC("xdp_cpu_map0_no_touch")
int xdp_prognum0_no_touch(struct xdp_md *ctx)
{
	struct datarec *rx = count_packet();

	return rx ? send_to(0, rx) : XDP_ABORTED;
}

SEC("xdp_cpu_map1_touch_data")
int xdp_prognum1_touch_data(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;
	struct datarec *rx;

	if ((void *)(eth + 1) > end)
		return XDP_ABORTED;
	rx = count_packet();
	if (!rx)
		return XDP_ABORTED;
	if (bpf_ntohs(eth->h_proto) < ETH_MIN_TYPE) {
		rx->dropped++;
		return XDP_DROP;
	}
	return send_to(0, rx);
}

SEC("xdp_cpu_map2_round_robin")
int xdp_prognum2_round_robin(struct xdp_md *ctx)
{
	__u32 *turn = first(&cpus_iterator), *count = first(&cpus_count), *cpu, index;
	struct datarec *rx;

	if (!turn || !count)
		return XDP_ABORTED;
	index = *turn;
	*turn = index + 1 == *count ? 0 : index + 1;

	cpu = bpf_map_lookup_elem(&cpus_available, &index);
	if (!cpu)
		return XDP_ABORTED;
	rx = count_packet();
	return rx ? send_to(index, rx) : XDP_ABORTED;
}

/* The sample's variable starts as UDP, so what is not IP goes there. */
INLINE __u32 index_of(__u16 type, void *header, void *end)
{
	__u8 protocol = IPPROTO_UDP;

	if (type == ETH_P_IP)
		protocol = protocol4(header, end);
	else if (type == ETH_P_IPV6)
		protocol = protocol6(header, end);
	switch (protocol) {
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return 2;
	case IPPROTO_UDP:
		return 1;
	default:
		return 0;
	}
}

SEC("xdp_cpu_map3_proto_separate")
int xdp_prognum3_proto_separate(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct datarec *rx = count_packet();
	__u16 type;
	int at;

	if (!rx)
		return XDP_ABORTED;
	at = network_header(data, end, &type);
	if (at < 0)
		return XDP_PASS;
	return send_to(index_of(type, data + at, end), rx);
}

SEC("xdp_cpu_map4_ddos_filter_pktgen")
int xdp_prognum4_ddos_filter_pktgen(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct datarec *rx = count_packet();
	struct iphdr *ip;
	struct udphdr *udp;
	__u32 index;
	__u16 type;
	int at;

	if (!rx)
		return XDP_ABORTED;
	at = network_header(data, end, &type);
	if (at < 0)
		return XDP_PASS;
	ip = data + at;
	index = index_of(type, ip, end);
	udp = (void *)(ip + 1);
	if (index == 1 && (void *)(udp + 1) <= end && ip->protocol == IPPROTO_UDP && udp->dest == bpf_htons(9)) {
		rx->dropped++;
		return XDP_DROP;
	}
	return send_to(index, rx);
}

/* Paul Hsieh's SuperFastHash of one word. */
INLINE __u32 hash_word(__u32 word, __u32 seed)
{
	__u32 hash = seed + (word & 0xffff);

	hash = (hash << 16) ^ ((word >> 16 << 11) ^ hash);
	hash += hash >> 11;
	hash ^= hash << 3;
	hash += hash >> 5;
	hash ^= hash << 4;
	hash += hash >> 17;
	hash ^= hash << 25;
	return hash + (hash >> 6);
}

INLINE __u32 hash_of(__u16 type, void *header, void *end)
{
	const __u32 seed = 15485863;

	if (type == ETH_P_IP) {
		struct iphdr *ip = header;

		return (void *)(ip + 1) > end ? 0 : hash_word(ip->saddr + ip->daddr, seed + ip->protocol);
	}
	if (type == ETH_P_IPV6) {
		struct ipv6hdr *ip = header;
		__u32 sum = 0;

		if ((void *)(ip + 1) > end)
			return 0;
#pragma unroll
		for (int i = 0; i < 4; i++)
			sum += ip->saddr.in6_u.u6_addr32[i] + ip->daddr.in6_u.u6_addr32[i];
		return hash_word(sum, seed + ip->nexthdr);
	}
	return 0;
}

SEC("xdp_cpu_map5_lb_hash_ip_pairs")
int xdp_prognum5_lb_hash_ip_pairs(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct datarec *rx = count_packet();
	__u32 *count = first(&cpus_count);
	__u16 type;
	int at;

	if (!rx || !count)
		return XDP_ABORTED;
	at = network_header(data, end, &type);
	if (at < 0)
		return XDP_PASS;
	return send_to(hash_of(type, data + at, end) % *count, rx);
}

/* Records of tracepoints, as their format files have them; the first 8 bytes are the same for all. */
struct redirect_record {
	__u64 common;
	int prog_id;
	__u32 act;
	int ifindex;
	int err;
	int to_ifindex;
	__u32 map_id;
	int map_index;
};

struct exception_record {
	__u64 common;
	int prog_id;
	__u32 act;
	int ifindex;
};

struct enqueue_record {
	__u64 common;
	int map_id;
	__u32 act;
	int cpu;
	__u32 drops;
	__u32 processed;
	int to_cpu;
};

struct kthread_record {
	__u64 common;
	int map_id;
	__u32 act;
	int cpu;
	__u32 drops;
	__u32 processed;
	int sched;
};

INLINE int count_redirect_error(struct redirect_record *record)
{
	__u32 key = record->err ? 1 : 0;
	struct datarec *rec = bpf_map_lookup_elem(&redirect_err_cnt, &key);

	if (rec)
		rec->dropped++;
	return 0;
}

SEC("tracepoint/xdp/xdp_redirect_err")
int trace_xdp_redirect_err(struct redirect_record *record)
{
	return count_redirect_error(record);
}

SEC("tracepoint/xdp/xdp_redirect_map_err")
int trace_xdp_redirect_map_err(struct redirect_record *record)
{
	return count_redirect_error(record);
}

SEC("tracepoint/xdp/xdp_exception")
int trace_xdp_exception(struct exception_record *record)
{
	struct datarec *rec = first(&exception_cnt);

	if (rec)
		rec->dropped++;
	return 0;
}

SEC("tracepoint/xdp/xdp_cpumap_enqueue")
int trace_xdp_cpumap_enqueue(struct enqueue_record *record)
{
	__u32 to_cpu = record->to_cpu;
	struct datarec *rec;

	if (to_cpu >= MAX_CPUS)
		return 1;
	rec = bpf_map_lookup_elem(&cpumap_enqueue_cnt, &to_cpu);
	if (!rec)
		return 0;
	rec->processed += record->processed;
	rec->dropped += record->drops;
	if (record->processed > 0)
		rec->issue++;
	return 0;
}

SEC("tracepoint/xdp/xdp_cpumap_kthread")
int trace_xdp_cpumap_kthread(struct kthread_record *record)
{
	struct datarec *rec = first(&cpumap_kthread_cnt);

	if (!rec)
		return 0;
	rec->processed += record->processed;
	rec->dropped += record->drops;
	if (record->sched)
		rec->issue++;
	return 0;
}

char _license[] SEC("license") = "Dual MIT/GPL";
