// SPDX-License-Identifier: MIT
/*
 * Maps in .maps with BTF, global variables, sub-programs (in .text, global and static, and inside a program's own
 * section), a callback passed by address, a CO-RE access, maps of maps with initial contents, second-stage programs.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct counters {
	__u64 processed;
	__u64 dropped;
	__u64 issue;
};
typedef struct counters counters_t;

struct flow_key {
	__u32 saddr, daddr;
	__u16 ports[2];
	__u8 proto;
};

struct {
	__uint(type, BPF_MAP_TYPE_CPUMAP);
	__type(key, __u32);
	__type(value, struct bpf_cpumap_val);
	__uint(max_entries, 64);
} cpu_map SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(struct counters));
	__uint(max_entries, 1);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} rx_cnt SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct flow_key);
	__type(value, counters_t);
	__uint(max_entries, 1000000);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} flows SEC(".maps");

struct inner {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, __u64[2]);
	__uint(max_entries, 8);
} inner_a SEC(".maps"), inner_b SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 4);
	__type(key, __u32);
	__array(values, struct inner);
} outer SEC(".maps") = {
	.values = { [0] = &inner_a, [2] = &inner_b },
};

int xdp_tail(struct xdp_md *ctx);

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__array(values, int(void *));
} jumps SEC(".maps") = {
	.values = { [1] = (void *)&xdp_tail },
};

const volatile __u32 cpus_count = 4;
const volatile struct {
	__u16 port;
	__u8 enabled;
} config = { .port = 9, .enabled = 1 };
__u64 seen = 7;
static volatile __u32 next_cpu = 3;
__u32 histogram[16];
__u32 hidden SEC(".data.own") = 0x1234;

struct sk_like {
	int pad;
	int mark;
} __attribute__((preserve_access_index));

static __noinline __u32 count(__u32 n)
{
	__u32 key = 0;
	struct counters *c = bpf_map_lookup_elem(&rx_cnt, &key);

	if (c)
		c->processed += n;
	histogram[n & 15]++;
	return n + cpus_count;
}

__noinline __u32 pick(__u32 hash)
{
	seen++;
	return count(hash) % (cpus_count ?: 1);
}

static __noinline SEC("xdp") __u32 own_section_helper(__u32 n)
{
	return count(n) ^ next_cpu++;
}

static long each(__u32 index, void *ctx)
{
	*(__u32 *)ctx += count(index);
	return 0;
}

static long (*loop)(__u32 n, void *callback, void *ctx, __u64 flags) = (void *)181;

SEC("xdp")
int xdp_main(struct xdp_md *ctx)
{
	return bpf_redirect_map(&cpu_map, pick(ctx->rx_queue_index), 0);
}

SEC("xdp")
int xdp_tail(struct xdp_md *ctx)
{
	__u32 sum = own_section_helper(ctx->ingress_ifindex) + hidden;

	loop(4, each, &sum, 0);
	if (config.enabled && sum == config.port)
		return XDP_DROP;
	bpf_tail_call(ctx, &jumps, 1);
	return XDP_PASS;
}

SEC("xdp.frags/cpumap")
int remote_drop(struct xdp_md *ctx)
{
	count(1);
	return XDP_DROP;
}

SEC("xdp/cpumap")
int remote_pass(struct xdp_md *ctx)
{
	__u32 key = 2;
	void *inner = bpf_map_lookup_elem(&outer, &key);
	__u64 *value = inner ? bpf_map_lookup_elem(inner, &key) : 0;

	if (value)
		value[1]++;
	return XDP_PASS;
}

SEC("?tp_btf/xdp_cpumap_enqueue")
int on_enqueue(void **ctx)
{
	struct sk_like *sk = (void *)ctx[0];

	seen += sk->mark;
	return 0;
}

char _license[] SEC("license") = "Dual MIT/GPL";
