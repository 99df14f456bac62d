/**
 * What the programs have in common, as assembly text: looking up, counting, the end of each, and reading headers.
 *
 * Registers  r6 this CPU's record in rx_cnt, r7 data, r8 data_end; behind parseEthernet r3 the next header's address and
 *            r4 the EtherType in host order; r1, r2, r5 and r9 are for the moment.
 * Stack      r10 - 4 the key of the next lookup. `countPacket` leaves 0 there: index 0, if nothing else is stored.
 * Labels     `aborted` and `issue` come with `redirect`; `pass` and `drop` only where something goes there, because
 *            a program must not contain what nothing reaches.
 *
 * All jumps compare 64 bits, as the first compilers for BPF did. Programs that read cpus_count take its address from the
 * code (map_value), which Linux knows since 5.2; the others load on any kernel with a cpumap.
 */
import {
  BPF_FUNC,
  DATAREC,
  ETH_HLEN,
  ETH_P,
  ETH_P_802_3_MIN,
  XDP_ABORTED,
  XDP_DROP,
  XDP_MD,
  XDP_PASS,
} from '@cpumap/uapi';

/** r0 = the element whose key lies at r10 - 4, or at another place below r10; to `missing` when there is none. */
export function lookup(map: string, missing: string, key = -4): string {
  return `
    r1 = map(${map}) ll
    r2 = r10
    r2 += ${key}
    call ${BPF_FUNC.map_lookup_elem}
    if r0 == 0 goto ${missing}`;
}

/** Adds `amount`, a register other than r1 or a number, to a field of the record at `base`, which is this CPU's alone. */
export function add(base: 'r0' | 'r6', field: number, amount: string | number): string {
  return `
    r1 = *(u64 *)(${base} + ${field})
    r1 += ${amount}
    *(u64 *)(${base} + ${field}) = r1`;
}

/** r6 = the record of rx_cnt; one more processed. */
export const countPacket = `
    *(u32 *)(r10 - 4) = 0
    ${lookup('rx_cnt', 'aborted')}
    r6 = r0
    ${add('r6', DATAREC.processed, 1)}`;

/** r7 and r8: the packet's first byte, and the first that is no longer its own. */
export const loadPacket = `
    r7 = *(u32 *)(r1 + ${XDP_MD.data})
    r8 = *(u32 *)(r1 + ${XDP_MD.data_end})`;

/** r2 = cpus_available[the key at r10 - 4]. Beyond the array the verdict is XDP_ABORTED, and counts as nothing. */
export const availableCpu = `
    ${lookup('cpus_available', 'aborted')}
    r2 = *(u32 *)(r0 + 0)`;

/** The end: a redirect to CPU r2; XDP_ABORTED, counted as an issue, where that is no CPU. */
export function redirect(nrCpus: number): string {
  return `
    if r2 >= ${nrCpus} goto issue
    r1 = map(cpu_map) ll
    r3 = 0
    call ${BPF_FUNC.redirect_map}
    exit
  issue:
    ${add('r6', DATAREC.issue, 1)}
  aborted:
    r0 = ${XDP_ABORTED}
    exit`;
}

export const pass = `
  pass:
    r0 = ${XDP_PASS}
    exit`;

export const drop = `
  drop:
    ${add('r6', DATAREC.dropped, 1)}
    r0 = ${XDP_DROP}
    exit`;

/** r3 = `at` + `bytes`; to `short` when the packet ends before that. */
function header(at: 'r3' | 'r7', bytes: number, short: string): string {
  return `
    ${at === 'r3' ? '' : `r3 = ${at}`}
    r3 += ${bytes}
    if r3 > r8 goto ${short}`;
}

/** r4 = the EtherType before r3. */
const etherType = `
    r4 = *(u16 *)(r3 - 2)
    r4 = be16 r4`;

/** r3 and r4 behind the outer header; to `short` when the packet ends before that. */
export function outerHeader(short: string): string {
  return `
    ${header('r7', ETH_HLEN, short)}
    ${etherType}`;
}

const VLAN_TAG = 4;

/** Takes off one tag if there is one. What is behind it is an EtherType, even if it is a length. */
function vlanTag(number: number): string {
  return `
    if r4 == ${ETH_P['8021Q']} goto tag${number}
    if r4 != ${ETH_P['8021AD']} goto network
  tag${number}:
    ${header('r3', VLAN_TAG, 'pass')}
    ${etherType}`;
}

/** r3 and r4 behind Ethernet and up to two tags; to `pass` what is too short for them or has an 802.3 length. */
export const parseEthernet = `
    ${outerHeader('pass')}
    if r4 < ${ETH_P_802_3_MIN} goto pass
    ${vlanTag(1)}
    ${vlanTag(2)}
  network:`;

export interface IpHeader {
  /** Bytes, without options or extension headers: these are not looked for. */
  readonly length: number;
  /** Where it says what comes next. */
  readonly protocol: number;
}
export const IPV4: IpHeader = { length: 20, protocol: 9 };
export const IPV6: IpHeader = { length: 40, protocol: 6 };

/** To `ipv4` or `ipv6` by the EtherType, else to `other`, which follows. */
export const switchIp = `
    if r4 == ${ETH_P.IP} goto ipv4
    if r4 == ${ETH_P.IPV6} goto ipv6`;

/** r5 = the address behind the IP header at r3, to `short` when the packet ends before that. */
export function ipHeader({ length }: IpHeader, short: string): string {
  return `
    r5 = r3
    r5 += ${length}
    if r5 > r8 goto ${short}`;
}

/** r9 = r9 modulo cpus_count, which as BPF_MOD has it leaves r9 alone when that is 0; then the key. */
export const indexByCount = `
    r1 = map_value(cpus_count) ll
    r1 = *(u32 *)(r1 + 0)
    w9 %= w1
    *(u32 *)(r10 - 4) = r9`;
