// SPDX-License-Identifier: MIT
/*
 * Maps and programs as samples were written in 2017: map definitions in the section "maps", XDP programs in sections of
 * any name, tracepoint programs with the record's layout spelled out. Compiled without BTF.
 */
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
#define SEC(name) __attribute__((section(name), used))

struct bpf_map_def {
	u32 type;
	u32 key_size;
	u32 value_size;
	u32 max_entries;
	u32 map_flags;
#ifdef WITH_INNER
	u32 inner_map_idx;
	u32 numa_node;
#endif
};

struct counters {
	u64 processed;
	u64 dropped;
	u64 issue;
};

struct xdp_md {
	u32 data;
	u32 data_end;
};

struct cpumap_kthread_record {
	u64 common;
	int map_id;
	u32 act;
	int cpu;
	u32 drops;
	u32 processed;
	int sched;
};

static void *(*map_lookup)(void *map, const void *key) = (void *)1;
static int (*redirect_map)(void *map, u32 key, u64 flags) = (void *)51;

#define MAX_CPUS 12

struct bpf_map_def SEC("maps") cpu_map = {
	.type = 16, .key_size = 4, .value_size = 4, .max_entries = MAX_CPUS,
};
struct bpf_map_def SEC("maps") rx_cnt = {
	.type = 6, .key_size = 4, .value_size = sizeof(struct counters), .max_entries = 1,
};
struct bpf_map_def SEC("maps") cpus_available = {
	.type = 2, .key_size = 4, .value_size = 4, .max_entries = MAX_CPUS,
};
struct bpf_map_def SEC("maps") kthread_cnt = {
	.type = 6, .key_size = 4, .value_size = sizeof(struct counters), .max_entries = 1,
};
struct bpf_map_def SEC("maps") flows = {
	.type = 1, .key_size = 8, .value_size = 16, .max_entries = 4096, .map_flags = 1,
};

SEC("xdp_first_cpu")
int xdp_first(struct xdp_md *ctx)
{
	u32 key = 0, *cpu;
	struct counters *rx = map_lookup(&rx_cnt, &key);

	if (!rx)
		return 0;
	rx->processed++;
	cpu = map_lookup(&cpus_available, &key);
	if (!cpu)
		return 0;
	if (*cpu >= MAX_CPUS) {
		rx->issue++;
		return 0;
	}
	return redirect_map(&cpu_map, *cpu, 0);
}

SEC("xdp_touch_data")
int xdp_touch(struct xdp_md *ctx)
{
	u8 *data = (u8 *)(long)ctx->data, *end = (u8 *)(long)ctx->data_end;
	u32 key = 0;
	struct counters *rx;

	if (data + 14 > end)
		return 0;
	rx = map_lookup(&rx_cnt, &key);
	if (!rx)
		return 0;
	rx->processed++;
	if (data[12] < 6) {
		rx->dropped++;
		return 1;
	}
	return redirect_map(&cpu_map, data[0] & 3, 0);
}

SEC("tracepoint/xdp/xdp_cpumap_kthread")
int trace_kthread(struct cpumap_kthread_record *record)
{
	u32 key = 0;
	struct counters *cnt = map_lookup(&kthread_cnt, &key);

	if (!cnt)
		return 0;
	cnt->processed += record->processed;
	cnt->dropped += record->drops;
	if (record->sched)
		cnt->issue++;
	return 0;
}

SEC("tp/xdp/xdp_exception")
int trace_exception(void *record)
{
	u64 key = 0;
	u64 *flow = map_lookup(&flows, &key);

	if (flow)
		flow[1]++;
	return 0;
}

u32 _version SEC("version") = 0x00040f00;
char _license[] SEC("license") = "GPL";
