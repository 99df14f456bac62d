/** What is attached to an interface: RTM_GETLINK's IFLA_XDP, which bpf(2) cannot be asked for. */
import { libc, systemError } from './libc.ts';

const AF_NETLINK = 16;
const SOCK_RAW_CLOEXEC = 3 | 0x80000;
const NETLINK_ROUTE = 0;
const NLMSG_ERROR = 2;
const RTM_GETLINK = 18;
const NLM_F_REQUEST = 1;
/** struct nlmsghdr, then struct ifinfomsg; attributes follow. */
const MESSAGE = { length: 0, type: 4, flags: 6, error: 16, ifindex: 20, sizeof: 32 };
const IFLA_XDP = 43;
const IFLA_XDP_ATTACHED = 2;
const IFLA_XDP_PROG_ID = 4;
const NLA_TYPE_MASK = 0x3fff;
const ANSWER_BYTES = 65536;

const MODES = ['none', 'native', 'generic', 'offloaded', 'several'] as const;

export interface AttachedXdp {
  readonly mode: (typeof MODES)[number];
  /** 0 when there are several, or none. */
  readonly progId: number;
}

/** Attributes by type, each where its value begins. */
function attributes(view: DataView, from: number, to: number): Map<number, { at: number; end: number }> {
  const found = new Map<number, { at: number; end: number }>();
  for (let at = from; at + 4 <= to; ) {
    const length = view.getUint16(at, true);
    if (length < 4) break;
    found.set(view.getUint16(at + 2, true) & NLA_TYPE_MASK, { at: at + 4, end: at + length });
    at += (length + 3) & ~3;
  }
  return found;
}

function ask(request: Uint8Array): DataView {
  const c = libc();
  const fd = c.socket(AF_NETLINK, SOCK_RAW_CLOEXEC, NETLINK_ROUTE);
  if (fd < 0) throw systemError('socket(AF_NETLINK)', fd);
  try {
    const answer = new Uint8Array(ANSWER_BYTES);
    const sent = c.send(fd, request);
    const got = sent < 0 ? sent : c.receive(fd, answer);
    if (got < 0) throw systemError('netlink(RTM_GETLINK)', got);
    return new DataView(answer.buffer, 0, got);
  } finally {
    c.close(fd);
  }
}

/** The XDP programs of an interface. @throws KernelError ENODEV */
export function attachedXdp(ifindex: number): AttachedXdp {
  const request = new DataView(new ArrayBuffer(MESSAGE.sizeof));
  request.setUint32(MESSAGE.length, MESSAGE.sizeof, true);
  request.setUint16(MESSAGE.type, RTM_GETLINK, true);
  request.setUint16(MESSAGE.flags, NLM_F_REQUEST, true);
  request.setInt32(MESSAGE.ifindex, ifindex, true);
  const answer = ask(new Uint8Array(request.buffer));
  if (answer.getUint16(MESSAGE.type, true) === NLMSG_ERROR) {
    throw systemError('netlink(RTM_GETLINK)', answer.getInt32(MESSAGE.error, true));
  }
  const xdp = attributes(answer, MESSAGE.sizeof, answer.getUint32(MESSAGE.length, true)).get(IFLA_XDP);
  if (xdp === undefined) return { mode: 'none', progId: 0 };
  const inner = attributes(answer, xdp.at, xdp.end);
  const mode = inner.get(IFLA_XDP_ATTACHED);
  const id = inner.get(IFLA_XDP_PROG_ID);
  return {
    mode: MODES[mode === undefined ? 0 : answer.getUint8(mode.at)] ?? 'several',
    progId: id === undefined ? 0 : answer.getUint32(id.at, true),
  };
}
