/** What an interface is, and what is attached to it: RTM_GETLINK, as bpf(2) cannot be asked for that. */
import { systemError } from './libc.ts';
import { askNetlink, attributes, type NetlinkAttributes } from './netlink-socket.ts';

const NETLINK_ROUTE = 0;
const NLMSG_ERROR = 2;
const RTM_GETLINK = 18;
const NLM_F_REQUEST = 1;
/** struct nlmsghdr, then struct ifinfomsg; attributes follow. */
const MESSAGE = { length: 0, type: 4, flags: 6, error: 16, ifindex: 20, ifFlags: 24, sizeof: 32 };
const IFF_UP = 1;
const IFLA_ADDRESS = 1;
const IFLA_MTU = 4;
const IFLA_LINK = 5;
const IFLA_LINKINFO = 18;
const IFLA_INFO_KIND = 1;
const IFLA_NUM_RX_QUEUES = 32;
const IFLA_LINK_NETNSID = 37;
const IFLA_XDP = 43;
const IFLA_XDP_ATTACHED = 2;
const IFLA_XDP_PROG_ID = 4;

const MODES = ['none', 'native', 'generic', 'offloaded', 'several'] as const;

export interface AttachedXdp {
  readonly mode: (typeof MODES)[number];
  /** 0 when there are several, or none. */
  readonly progId: number;
}

/** What RTM_GETLINK says of an interface. @throws KernelError ENODEV */
function link(ifindex: number): { answer: DataView; found: NetlinkAttributes } {
  const request = new DataView(new ArrayBuffer(MESSAGE.sizeof));
  request.setUint32(MESSAGE.length, MESSAGE.sizeof, true);
  request.setUint16(MESSAGE.type, RTM_GETLINK, true);
  request.setUint16(MESSAGE.flags, NLM_F_REQUEST, true);
  request.setInt32(MESSAGE.ifindex, ifindex, true);
  const answer = askNetlink(NETLINK_ROUTE, new Uint8Array(request.buffer), 'netlink(RTM_GETLINK)');
  if (answer.getUint16(MESSAGE.type, true) === NLMSG_ERROR) {
    throw systemError('netlink(RTM_GETLINK)', answer.getInt32(MESSAGE.error, true));
  }
  return { answer, found: attributes(answer, MESSAGE.sizeof, answer.getUint32(MESSAGE.length, true)) };
}

function xdpOf({ answer, found }: ReturnType<typeof link>): AttachedXdp {
  const xdp = found.get(IFLA_XDP);
  if (xdp === undefined) return { mode: 'none', progId: 0 };
  const inner = attributes(answer, xdp.at, xdp.end);
  const mode = inner.get(IFLA_XDP_ATTACHED);
  const id = inner.get(IFLA_XDP_PROG_ID);
  return {
    mode: MODES[mode === undefined ? 0 : answer.getUint8(mode.at)] ?? 'several',
    progId: id === undefined ? 0 : answer.getUint32(id.at, true),
  };
}

/** The XDP programs of an interface. @throws KernelError ENODEV */
export function attachedXdp(ifindex: number): AttachedXdp {
  return xdpOf(link(ifindex));
}

export interface LinkFacts {
  readonly up: boolean;
  readonly mtu: number;
  readonly address: Uint8Array;
  /** What a virtual interface is, as `ip link add type` names it; undefined for hardware. */
  readonly kind: string | undefined;
  /** The other end of a pair; undefined when it is in another network namespace. */
  readonly peer: number | undefined;
  readonly rxQueues: number;
  readonly xdp: AttachedXdp;
}

/** @throws KernelError ENODEV */
export function linkFacts(ifindex: number): LinkFacts {
  const asked = link(ifindex);
  const { answer, found } = asked;
  const u32 = (type: number): number | undefined => {
    const value = found.get(type);
    return value && answer.getUint32(value.at, true);
  };
  const address = found.get(IFLA_ADDRESS);
  const info = found.get(IFLA_LINKINFO);
  const kind = info && attributes(answer, info.at, info.end).get(IFLA_INFO_KIND);
  return {
    up: (answer.getUint32(MESSAGE.ifFlags, true) & IFF_UP) !== 0,
    mtu: u32(IFLA_MTU) ?? 0,
    address: address === undefined ? new Uint8Array(6) : new Uint8Array(answer.buffer.slice(address.at, address.end)),
    kind: kind && new TextDecoder().decode(answer.buffer.slice(kind.at, kind.end - 1)), // ends in NUL
    peer: found.has(IFLA_LINK_NETNSID) ? undefined : u32(IFLA_LINK),
    rxQueues: u32(IFLA_NUM_RX_QUEUES) ?? 1,
    xdp: xdpOf(asked),
  };
}
