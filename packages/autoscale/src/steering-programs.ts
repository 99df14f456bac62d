/**
 * The two programs that steer flows, as assembly text; the same bytecode on the engine and the kernel.
 *
 * `steer` runs on an RX CPU. Each bucket of flows (by the hash of addresses, protocol and ports) remembers its CPU and its
 * mark: the number of its last frame among those that this RX CPU sent there. The frame carries RX CPU and number as
 * metadata. A bucket that is wanted elsewhere moves when nothing up to its mark is left on its old CPU.
 * `take` runs on the remote CPU, in the cpumap's entry: it takes the metadata off, so that GRO sees frames as they came, and
 * publishes up to which number of each RX CPU everything is delivered.
 *
 * When is a frame delivered? A kthread runs the program over a batch of 8 before it delivers any of it, and with GRO
 * (Linux 6.15) it holds sk_buffs until 64 went through or the ring is empty. So a number counts as delivered when
 * DELIVERED_AFTER more frames were taken by the same kthread. Counted are frames taken, not numbers: those of frames that
 * a full ring dropped are missing. For a CPU that gets no more frames user space says it, after a grace period (`settled`).
 *
 * Lost metadata (a driver without room for it, generic mode) means that buckets stay where they are: in order, but unmoved.
 */
import { BPF_FUNC, ETH_HLEN, ETH_P, IPPROTO, XDP_ABORTED, XDP_MD, XDP_PASS } from '@cpumap/uapi';

/** 64 of GRO's budget, 8 of the batch that reaches it, and 8 of the batch in hand. */
const DELIVERED_AFTER = 80;
/** Both are powers of two; a bucket's slot is the low part of its number. */
export const BUCKETS = 4096;
export const SLOTS = 256;

/** An element of `flows`: of one bucket on one RX CPU. */
export const FLOW = { cpuPlusOne: 0, mark: 4, sizeof: 8 } as const;
/** An element of `taken`, at remote CPU * nrCpus + RX CPU: numbers of that RX CPU's frames. */
export const TAKEN = { delivered: 0, seen: 4, pending: 8, pendingAt: 12, sizeof: 16 } as const;
const TAG = { rxCpu: 0, number: 4, sizeof: 8 } as const;

const IPV4_LENGTH = 20;
const IPV6_LENGTH = 40;
const FRAGMENT = 0x3fff; // more fragments, or an offset
const PORTS = 4;

/** r0 = the element whose key lies at r10 + `key`. */
const lookup = (map: string, key: number, missing: string): string => `
    r1 = map(${map}) ll
    r2 = r10
    r2 += ${key}
    call ${BPF_FUNC.map_lookup_elem}
    if r0 == 0 goto ${missing}`;

/** r9 = r9 mixed with the words of the header at r7 from `from` to `to`. */
const mixWords = (from: number, to: number): string =>
  Array.from(
    { length: (to - from) / 4 },
    (_, i) => `
    r1 = *(u32 *)(r7 + ${from + 4 * i})
    w9 ^= w1
    w9 *= 0x1e3779b1
    w1 = w9
    w1 >>= 15
    w9 ^= w1`,
  ).join('');

/** r7 = the next header, `bytes` further; to `steer` when the frame ends before it. */
const advance = (bytes: number): string => `
    r7 += ${bytes}
    r1 = r7
    r1 += ${PORTS}
    if r1 > r8 goto steer`;

/** To `steer` unless the frame has `bytes` from r7 on. */
const need = (bytes: number): string => `
    r1 = r7
    r1 += ${bytes}
    if r1 > r8 goto steer`;

/** r9 = a hash of the flow; 0 for what is not IP. Fragments, and IPv4 with options, are hashed without ports. */
const hashFlow = `
    r7 = *(u32 *)(r6 + ${XDP_MD.data})
    r8 = *(u32 *)(r6 + ${XDP_MD.data_end})
    r9 = 0
    ${need(ETH_HLEN)}
    r2 = *(u16 *)(r7 + ${ETH_HLEN - 2})
    r2 = be16 r2
    r7 += ${ETH_HLEN}
    if r2 == ${ETH_P.IP} goto ipv4
    if r2 != ${ETH_P.IPV6} goto steer
    ${need(IPV6_LENGTH)}
    ${mixWords(8, IPV6_LENGTH)}
    r2 = *(u8 *)(r7 + 6)
    ${advance(IPV6_LENGTH)}
    goto ports
  ipv4:
    ${need(IPV4_LENGTH)}
    ${mixWords(12, IPV4_LENGTH)}
    r2 = *(u8 *)(r7 + 0)
    if r2 != 0x45 goto steer
    r2 = *(u16 *)(r7 + 6)
    r2 = be16 r2
    r2 &= ${FRAGMENT}
    if r2 != 0 goto steer
    r2 = *(u8 *)(r7 + 9)
    ${advance(IPV4_LENGTH)}
  ports:
    w9 ^= w2
    if r2 == ${IPPROTO.TCP} goto with_ports
    if r2 != ${IPPROTO.UDP} goto steer
  with_ports:
    ${mixWords(0, PORTS)}`;

/** To `assign` when the number at r7's mark is not beyond the number in r1. */
const passed = `
    r2 = *(u32 *)(r7 + ${FLOW.mark})
    w1 -= w2
    if w1 s>= 0 goto assign`;

/** r6 context; r7 the bucket; r8 the CPU that is wanted, then the CPU that it will be; r9 hash, then number. */
export const steerText = (nrCpus: number): string => `
    r6 = r1
    ${hashFlow}
  steer:
    r9 &= ${BUCKETS - 1}
    *(u32 *)(r10 - 4) = r9
    ${lookup('flows', -4, 'aborted')}
    r7 = r0
    r9 &= ${SLOTS - 1}
    *(u32 *)(r10 - 4) = r9
    ${lookup('slots', -4, 'aborted')}
    r8 = *(u32 *)(r0 + 0)
    r1 = *(u32 *)(r7 + ${FLOW.cpuPlusOne})
    if r1 == 0 goto assign
    r1 += -1
    if r1 == r8 goto send
    *(u32 *)(r10 - 8) = r1
    call ${BPF_FUNC.get_smp_processor_id}
    r1 = *(u32 *)(r10 - 8)
    r1 *= ${nrCpus}
    r1 += r0
    *(u32 *)(r10 - 4) = r1
    ${lookup('taken', -4, 'aborted')}
    r1 = *(u32 *)(r0 + ${TAKEN.delivered})
    ${passed}
    ${lookup('settled', -4, 'aborted')}
    r1 = *(u32 *)(r0 + 0)
    ${passed}
    r8 = *(u32 *)(r10 - 8)
    goto send
  assign:
    r1 = r8
    r1 += 1
    *(u32 *)(r7 + ${FLOW.cpuPlusOne}) = r1
  send:
    *(u32 *)(r10 - 4) = r8
    ${lookup('sent', -4, 'aborted')}
    r9 = *(u32 *)(r0 + 0)
    w9 += 1
    *(u32 *)(r0 + 0) = r9
    *(u32 *)(r7 + ${FLOW.mark}) = r9
    r1 = r6
    r2 = ${-TAG.sizeof}
    call ${BPF_FUNC.xdp_adjust_meta}
    if r0 != 0 goto redirect
    call ${BPF_FUNC.get_smp_processor_id}
    r1 = *(u32 *)(r6 + ${XDP_MD.data_meta})
    r2 = *(u32 *)(r6 + ${XDP_MD.data})
    r3 = r1
    r3 += ${TAG.sizeof}
    if r3 > r2 goto redirect
    *(u32 *)(r1 + ${TAG.rxCpu}) = r0
    *(u32 *)(r1 + ${TAG.number}) = r9
  redirect:
    r1 = map(cpu_map) ll
    r2 = r8
    r3 = 0
    call ${BPF_FUNC.redirect_map}
    exit
  aborted:
    r0 = ${XDP_ABORTED}
    exit`;

/** r7 the RX CPU, r8 the frame's number, r9 how many frames this CPU has taken. */
export const takeText = (nrCpus: number): string => `
    r6 = r1
    r1 = *(u32 *)(r6 + ${XDP_MD.data_meta})
    r2 = *(u32 *)(r6 + ${XDP_MD.data})
    r3 = r1
    r3 += ${TAG.sizeof}
    if r3 > r2 goto pass
    r7 = *(u32 *)(r1 + ${TAG.rxCpu})
    r8 = *(u32 *)(r1 + ${TAG.number})
    r1 = r6
    r2 = ${TAG.sizeof}
    call ${BPF_FUNC.xdp_adjust_meta}
    *(u32 *)(r10 - 4) = 0
    ${lookup('total', -4, 'pass')}
    r9 = *(u32 *)(r0 + 0)
    w9 += 1
    *(u32 *)(r0 + 0) = r9
    call ${BPF_FUNC.get_smp_processor_id}
    r0 *= ${nrCpus}
    r0 += r7
    *(u32 *)(r10 - 4) = r0
    ${lookup('taken', -4, 'pass')}
    *(u32 *)(r0 + ${TAKEN.seen}) = r8
    r1 = *(u32 *)(r0 + ${TAKEN.pendingAt})
    w2 = w9
    w2 -= w1
    if w2 < ${DELIVERED_AFTER} goto pass
    r1 = *(u32 *)(r0 + ${TAKEN.pending})
    *(u32 *)(r0 + ${TAKEN.delivered}) = r1
    *(u32 *)(r0 + ${TAKEN.pending}) = r8
    *(u32 *)(r0 + ${TAKEN.pendingAt}) = r9
  pass:
    r0 = ${XDP_PASS}
    exit`;
