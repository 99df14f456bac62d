/** One question to the kernel through netlink, and its answer: a message header of 16 bytes and what its kind has behind. */
import { libc, systemError } from './libc.ts';

const AF_NETLINK = 16;
const SOCK_RAW_CLOEXEC = 3 | 0x80000;
const NLA_TYPE_MASK = 0x3fff;
const ANSWER_BYTES = 65536;

/** Attributes by type, each where its value begins and ends. */
export type NetlinkAttributes = ReadonlyMap<number, { readonly at: number; readonly end: number }>;

export function attributes(view: DataView, from: number, to: number): NetlinkAttributes {
  const found = new Map<number, { at: number; end: number }>();
  for (let at = from; at + 4 <= to; ) {
    const length = view.getUint16(at, true);
    if (length < 4) break;
    found.set(view.getUint16(at + 2, true) & NLA_TYPE_MASK, { at: at + 4, end: at + length });
    at += (length + 3) & ~3;
  }
  return found;
}

/** Sends a request to a netlink protocol; gives its first datagram. @throws KernelError named `what` */
export function askNetlink(protocol: number, request: Uint8Array, what: string): DataView {
  const c = libc();
  const fd = c.socket(AF_NETLINK, SOCK_RAW_CLOEXEC, protocol);
  if (fd < 0) throw systemError('socket(AF_NETLINK)', fd);
  try {
    const answer = new Uint8Array(ANSWER_BYTES);
    const sent = c.send(fd, request);
    const got = sent < 0 ? sent : c.receive(fd, answer);
    if (got < 0) throw systemError(what, got);
    return new DataView(answer.buffer, 0, got);
  } finally {
    c.close(fd);
  }
}
