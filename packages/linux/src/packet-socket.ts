/**
 * An AF_PACKET socket on one interface of the calling thread's network namespace: sees every frame that the interface
 * receives, in the order in which the stack does, and sends frames as they are. Needs CAP_NET_RAW.
 *
 * The stack has taken a VLAN tag out of a frame before the socket sees it.
 */
import { libc, systemError } from './libc.ts';

const AF_PACKET = 17;
const SOCK_RAW_CLOEXEC = 3 | 0x80000;
const ETH_P_ALL = 3;
const SOL_SOCKET = 1;
const SO_RCVBUFFORCE = 33;
const MSG_DONTWAIT = 0x40;
const EAGAIN = -11;
/** Sent, not received. */
const PACKET_OUTGOING = 4;
/** struct sockaddr_ll */
const SOCKADDR_LL = { family: 0, protocol: 2, ifindex: 4, pkttype: 10, sizeof: 20 };
const RECEIVE_BYTES = 64 * 1024 * 1024;
const FRAME_BYTES = 65536;

export interface ReceivedFrame {
  /** From the Ethernet header on. */
  readonly frame: Uint8Array;
  /** What the stack took for its protocol, in host order. */
  readonly protocol: number;
  /** PACKET_HOST 0, BROADCAST 1, MULTICAST 2, OTHERHOST 3. */
  readonly packetType: number;
}

export interface PacketSocket {
  /** What was received since the last time. */
  read(): ReceivedFrame[];
  /** @throws KernelError EMSGSIZE, EINVAL (shorter than a header), ENETDOWN, ENOBUFS */
  send(frame: Uint8Array): void;
  close(): void;
}

/** @throws KernelError EPERM, ENODEV */
export function openPacketSocket(ifindex: number): PacketSocket {
  const c = libc();
  const fd = c.socket(AF_PACKET, SOCK_RAW_CLOEXEC, 0); // hears nothing before it is bound
  if (fd < 0) throw systemError('socket(AF_PACKET)', fd, 'it needs CAP_NET_RAW: run as root');
  const check = (what: string, answer: number): void => {
    if (answer >= 0) return;
    c.close(fd);
    throw systemError(what, answer);
  };
  check('setsockopt(SO_RCVBUFFORCE)', c.setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, int32(RECEIVE_BYTES)));
  const address = new Uint8Array(SOCKADDR_LL.sizeof);
  const view = new DataView(address.buffer);
  view.setUint16(SOCKADDR_LL.family, AF_PACKET, true);
  view.setUint16(SOCKADDR_LL.protocol, ETH_P_ALL); // network order
  view.setInt32(SOCKADDR_LL.ifindex, ifindex, true);
  check('bind(AF_PACKET)', c.bind(fd, address));
  const buffer = new Uint8Array(FRAME_BYTES);
  return {
    read() {
      const frames: ReceivedFrame[] = [];
      for (;;) {
        const length = c.receiveFrom(fd, buffer, MSG_DONTWAIT, address);
        if (length === EAGAIN) return frames;
        if (length < 0) throw systemError('recvfrom(AF_PACKET)', length);
        const packetType = address[SOCKADDR_LL.pkttype]!;
        if (packetType === PACKET_OUTGOING) continue;
        frames.push({ frame: buffer.slice(0, length), protocol: view.getUint16(SOCKADDR_LL.protocol), packetType });
      }
    },
    send(frame) {
      const answer = c.send(fd, frame);
      if (answer < 0) throw systemError('send(AF_PACKET)', answer);
    },
    close: () => c.close(fd),
  };
}

const int32 = (value: number): Uint8Array => new Uint8Array(Int32Array.of(value).buffer);
