/**
 * What a driver can do with XDP, as it says itself: the generic netlink family "netdev" of Linux 6.3. Whoever may look at
 * the interface may ask.
 */
import { askNetlink, attributes } from './netlink-socket.ts';

const NETLINK_GENERIC = 16;
const NLMSG_ERROR = 2;
const NLM_F_REQUEST = 1;
/** struct nlmsghdr, then struct genlmsghdr; attributes follow. */
const MESSAGE = { length: 0, type: 4, flags: 6, command: 16, version: 17, sizeof: 20 };
/** The family of families, which always has this number. */
const GENL_ID_CTRL = 16;
const CTRL = { GETFAMILY: 3, ATTR_FAMILY_ID: 1, ATTR_FAMILY_NAME: 2 };
const NETDEV = { DEV_GET: 1, A_IFINDEX: 1, A_XDP_FEATURES: 3 };

/** enum netdev_xdp_act */
const NETDEV_XDP_ACT = {
  BASIC: 1,
  REDIRECT: 2,
  NDO_XMIT: 4,
  XSK_ZEROCOPY: 8,
  HW_OFFLOAD: 16,
  RX_SG: 32,
  NDO_XMIT_SG: 64,
} as const;

export interface XdpFeatures {
  /** Native XDP: ABORTED, DROP, PASS and TX. */
  readonly native: boolean;
  readonly redirect: boolean;
  /** Other interfaces may redirect to it now; many drivers allow that only while a program is attached to them. */
  readonly redirectTarget: boolean;
  /** Frames of several buffers, received and as the target of a redirect. */
  readonly frags: boolean;
  readonly fragsTarget: boolean;
}

function request(type: number, command: number, attribute: number, value: Uint8Array): Uint8Array {
  const length = MESSAGE.sizeof + 4 + value.length;
  const bytes = new Uint8Array((length + 3) & ~3);
  const view = new DataView(bytes.buffer);
  view.setUint32(MESSAGE.length, bytes.length, true);
  view.setUint16(MESSAGE.type, type, true);
  view.setUint16(MESSAGE.flags, NLM_F_REQUEST, true);
  view.setUint8(MESSAGE.command, command);
  view.setUint8(MESSAGE.version, 1);
  view.setUint16(MESSAGE.sizeof, 4 + value.length, true);
  view.setUint16(MESSAGE.sizeof + 2, attribute, true);
  bytes.set(value, MESSAGE.sizeof + 4);
  return bytes;
}

/** An attribute of the answer, as the place where its value begins; undefined where the kernel refused, or has none. */
function ask(message: Uint8Array, attribute: number): { answer: DataView; at: number } | undefined {
  const answer = askNetlink(NETLINK_GENERIC, message, 'netlink(NETLINK_GENERIC)');
  if (answer.getUint16(MESSAGE.type, true) === NLMSG_ERROR) return undefined;
  const found = attributes(answer, MESSAGE.sizeof, answer.getUint32(MESSAGE.length, true)).get(attribute);
  return found && { answer, at: found.at };
}

/** @returns undefined before Linux 6.3, which does not say */
export function xdpFeatures(ifindex: number): XdpFeatures | undefined {
  const name = new TextEncoder().encode('netdev\0');
  const family = ask(request(GENL_ID_CTRL, CTRL.GETFAMILY, CTRL.ATTR_FAMILY_NAME, name), CTRL.ATTR_FAMILY_ID);
  if (family === undefined) return undefined;
  const id = family.answer.getUint16(family.at, true);
  const device = new Uint8Array(Uint32Array.of(ifindex).buffer);
  const features = ask(request(id, NETDEV.DEV_GET, NETDEV.A_IFINDEX, device), NETDEV.A_XDP_FEATURES);
  if (features === undefined) return undefined;
  const bits = features.answer.getUint32(features.at, true); // the upper half is of no feature yet
  return {
    native: (bits & NETDEV_XDP_ACT.BASIC) !== 0,
    redirect: (bits & NETDEV_XDP_ACT.REDIRECT) !== 0,
    redirectTarget: (bits & NETDEV_XDP_ACT.NDO_XMIT) !== 0,
    frags: (bits & NETDEV_XDP_ACT.RX_SG) !== 0,
    fragsTarget: (bits & NETDEV_XDP_ACT.NDO_XMIT_SG) !== 0,
  };
}
