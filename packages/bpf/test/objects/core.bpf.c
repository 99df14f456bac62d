// SPDX-License-Identifier: MIT
/*
 * Every kind of CO-RE relocation. Compiled as it is, this is the program; compiled with -DTARGET, the types alone as
 * another machine has them: moved, wider, in a union, gone.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

#ifdef TARGET

struct inner {
	char before[24];
	int a;
	int b[6];
};

struct part {
	long filler;
	unsigned int number;
};

struct moved {
	long added;
	union {
		struct {
			int pad;
			struct inner deep;
		};
		long other;
	};
	unsigned long widened;
	unsigned short narrowed;
	short narrowed_signed;
	char name[32];
	unsigned char flags_before;
	unsigned int early : 3;
	int bits : 5;
	unsigned long long long_bits : 40;
	struct part parts[4];
	struct moved *next;
	enum { SOME_COLOUR } colour;
	float ratio;
	char renamed;
};

enum level { LEVEL_NONE, LEVEL_LOW = 10, LEVEL_HIGH = 20 };

union choice {
	long number;
	char text[40];
};

struct matching {
	int extra;
	unsigned int number;
	struct inner *inner;
	char text[8];
};

struct other_sign {
	unsigned int number;
};

typedef int (*handler_t)(void *context, long size);

struct keep {
	struct moved moved;
	enum level level;
	union choice choice;
	struct matching matching;
	struct other_sign other_sign;
	handler_t handler;
} keep;

#else

#define KEPT __attribute__((preserve_access_index))

struct inner {
	int a;
	int b[4];
} KEPT;

struct part {
	unsigned int number;
	long filler;
} KEPT;

struct moved {
	struct inner deep;
	unsigned int widened;
	unsigned int narrowed;
	int narrowed_signed;
	char name[16];
	unsigned int early : 4;
	int bits : 7;
	unsigned long long long_bits : 33;
	struct part parts[2];
	struct moved *next;
	int colour;
	int gone;
} KEPT;

struct moved___v2 {
	struct moved___v2 *next;
	char renamed;
} KEPT;

struct absent {
	int field;
} KEPT;

enum level { LEVEL_LOW = 1, LEVEL_GONE = 2, LEVEL_HIGH = 3 };

union choice {
	int number;
};

struct matching {
	unsigned int number;
	struct inner *inner;
};

struct other_sign {
	int number;
};

typedef int (*handler_t)(void *context, long size);
typedef int (*missing_t)(void);

#define INFO(field, kind) __builtin_preserve_field_info(field, kind)

__u64 out[64];

SEC("socket")
int offsets(struct __sk_buff *skb)
{
	struct moved *m = (void *)(long)skb->len;
	struct moved___v2 *v2 = (void *)m;

	out[0] = INFO(m->deep.a, BPF_FIELD_BYTE_OFFSET);
	out[1] = INFO(m->deep.b[2], BPF_FIELD_BYTE_OFFSET);
	out[2] = INFO(m->widened, BPF_FIELD_BYTE_OFFSET);
	out[3] = INFO(m->name, BPF_FIELD_BYTE_OFFSET);
	out[4] = INFO(m->parts[1].number, BPF_FIELD_BYTE_OFFSET);
	out[5] = INFO(m[1].next, BPF_FIELD_BYTE_OFFSET);
	out[6] = INFO(v2->renamed, BPF_FIELD_BYTE_OFFSET);
	out[7] = INFO(v2->next, BPF_FIELD_BYTE_OFFSET);
	out[8] = INFO(m->bits, BPF_FIELD_BYTE_OFFSET);
	out[9] = INFO(m->long_bits, BPF_FIELD_BYTE_OFFSET);
	return 0;
}

SEC("socket")
int sizes(struct __sk_buff *skb)
{
	struct moved *m = (void *)(long)skb->len;

	out[0] = INFO(m->widened, BPF_FIELD_BYTE_SIZE);
	out[1] = INFO(m->narrowed, BPF_FIELD_BYTE_SIZE);
	out[2] = INFO(m->name, BPF_FIELD_BYTE_SIZE);
	out[3] = INFO(m->deep, BPF_FIELD_BYTE_SIZE);
	out[4] = INFO(m->deep.b[1], BPF_FIELD_BYTE_SIZE);
	out[5] = INFO(m->next, BPF_FIELD_BYTE_SIZE);
	out[6] = INFO(m->bits, BPF_FIELD_BYTE_SIZE);
	out[7] = INFO(m->long_bits, BPF_FIELD_BYTE_SIZE);
	out[8] = INFO(m->widened, BPF_FIELD_SIGNED);
	out[9] = INFO(m->narrowed_signed, BPF_FIELD_SIGNED);
	out[10] = INFO(m->bits, BPF_FIELD_SIGNED);
	out[11] = INFO(m->early, BPF_FIELD_LSHIFT_U64);
	out[12] = INFO(m->early, BPF_FIELD_RSHIFT_U64);
	out[13] = INFO(m->bits, BPF_FIELD_LSHIFT_U64);
	out[14] = INFO(m->bits, BPF_FIELD_RSHIFT_U64);
	out[15] = INFO(m->long_bits, BPF_FIELD_LSHIFT_U64);
	out[16] = INFO(m->long_bits, BPF_FIELD_RSHIFT_U64);
	out[17] = INFO(m->widened, BPF_FIELD_LSHIFT_U64);
	return 0;
}

SEC("socket")
int existence(struct __sk_buff *skb)
{
	struct moved *m = (void *)(long)skb->len;
	struct moved___v2 *v2 = (void *)m;
	struct absent *absent = (void *)m;

	out[0] = INFO(m->widened, BPF_FIELD_EXISTS);
	out[1] = INFO(m->gone, BPF_FIELD_EXISTS);
	out[2] = INFO(m->colour, BPF_FIELD_EXISTS);
	out[3] = INFO(v2->renamed, BPF_FIELD_EXISTS);
	out[4] = INFO(absent->field, BPF_FIELD_EXISTS);
	out[5] = INFO(m->deep.b[3], BPF_FIELD_EXISTS);
	out[6] = INFO(m->parts[1], BPF_FIELD_EXISTS);
	return 0;
}

SEC("socket")
int types(struct __sk_buff *skb)
{
	out[0] = bpf_core_type_exists(struct moved);
	out[1] = bpf_core_type_exists(struct absent);
	out[2] = bpf_core_type_size(struct moved);
	out[3] = bpf_core_type_size(struct moved___v2);
	out[4] = bpf_core_type_size(struct absent);
	out[5] = bpf_core_type_size(union choice);
	out[6] = bpf_core_type_exists(enum level);
	out[7] = bpf_core_type_exists(handler_t);
	out[8] = bpf_core_type_exists(missing_t);
	out[9] = bpf_core_type_id_kernel(struct moved);
	out[10] = bpf_core_type_id_kernel(struct absent);
	out[11] = bpf_core_type_id_local(struct absent);
	return 0;
}

SEC("socket")
int constants(struct __sk_buff *skb)
{
	out[0] = bpf_core_enum_value_exists(enum level, LEVEL_LOW);
	out[1] = bpf_core_enum_value_exists(enum level, LEVEL_GONE);
	out[2] = bpf_core_enum_value(enum level, LEVEL_LOW);
	out[3] = bpf_core_enum_value(enum level, LEVEL_HIGH);
	return 0;
}

#if __clang_major__ >= 16
SEC("socket")
int matches(struct __sk_buff *skb)
{
	out[0] = bpf_core_type_matches(struct matching);
	out[1] = bpf_core_type_matches(struct moved);
	out[2] = bpf_core_type_matches(struct other_sign);
	out[3] = bpf_core_type_matches(struct absent);
	out[4] = bpf_core_type_matches(handler_t);
	out[5] = bpf_core_type_matches(enum level);
	return 0;
}
#endif

/* Loads, which change their width with the field; what cannot be resolved stands behind a test or where none goes. */
SEC("tp_btf/xdp_exception")
int loads(__u64 *ctx)
{
	struct moved *m = (void *)ctx[0];

	out[0] = m->widened;
	out[1] = m->narrowed;
	out[2] = m->deep.b[2];
	out[3] = (__u64)m->next;
	out[4] = m->parts[1].number;
	if (INFO(m->gone, BPF_FIELD_EXISTS))
		out[5] = m->gone;
	if (bpf_core_type_exists(struct absent))
		out[6] = ((struct absent *)m)->field;
	out[7] = m->narrowed_signed;
	if (bpf_core_enum_value_exists(enum level, LEVEL_GONE))
		out[8] = bpf_core_enum_value(enum level, LEVEL_GONE);
	return 0;
}

#endif

char _license[] SEC("license") = "Dual MIT/GPL";
