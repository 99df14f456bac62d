/**
 * A packet socket that tells more than @cpumap/linux's: what the stack gets of a device, merged as GRO left it.
 * PACKET_VNET_HDR gives size and kind of the merged, PACKET_AUXDATA the VLAN tag that the stack takes off.
 */
import { createRequire } from 'node:module';
import type { GroPacket } from './sequence.ts';

const AF_PACKET = 17;
const SOCK_RAW = 3;
const ETH_P_ALL_BE = 0x0300;
const SOL_SOCKET = 1;
const SO_RCVTIMEO = 20;
const SO_RCVBUFFORCE = 33;
const SOL_PACKET = 263;
const PACKET_AUXDATA = 8;
const PACKET_VNET_HDR = 15;
const TP_STATUS_VLAN_VALID = 1 << 4;
const TP_VLAN_TCI = 16;
const TP_VLAN_TPID = 18;
const VNET_HDR = 10;
const NEEDS_CSUM = 1;
const EAGAIN = 11;
const PACKET_OUTGOING = 4;

type Native = (...args: unknown[]) => number;
interface Koffi {
  load(path: null): { func(name: string, result: string, args: readonly string[]): Native };
  address(array: Uint8Array): bigint;
  errno(): number;
}

/** koffi, as @cpumap/linux has it. */
function loadKoffi(): Koffi {
  const linux = createRequire(import.meta.url).resolve('@cpumap/linux/package.json');
  return createRequire(linux)('koffi') as Koffi;
}

export interface GsoSocket {
  /** The next packet; undefined when none came for two seconds. */
  receive(): GroPacket | undefined;
  close(): void;
}

function sockaddr(ifindex: number): Uint8Array {
  const address = new Uint8Array(20);
  const view = new DataView(address.buffer);
  view.setUint16(0, AF_PACKET, true);
  view.setUint16(2, ETH_P_ALL_BE, true);
  view.setUint32(4, ifindex, true);
  return address;
}

/** On an interface of the calling thread's network namespace. */
export function openGsoSocket(ifindex: number): GsoSocket {
  const koffi = loadKoffi();
  const lib = koffi.load(null);
  const socket = lib.func('socket', 'int', ['int', 'int', 'int']);
  const bind = lib.func('bind', 'int', ['int', 'void *', 'int']);
  const setsockopt = lib.func('setsockopt', 'int', ['int', 'int', 'int', 'void *', 'int']);
  const recvmsg = lib.func('recvmsg', 'long', ['int', 'void *', 'int']);
  const close = lib.func('close', 'int', ['int']);
  const fd = socket(AF_PACKET, SOCK_RAW, ETH_P_ALL_BE);
  const check = (what: string, answer: number): void => {
    if (answer < 0) throw new Error(`${what}: errno ${koffi.errno()}`);
  };
  check('socket(AF_PACKET)', fd);
  const option = (level: number, name: number, ...words: number[]): void => {
    const value = new Uint8Array(Uint32Array.from(words).buffer);
    check(`setsockopt(${name})`, setsockopt(fd, level, name, value, value.length));
  };
  option(SOL_PACKET, PACKET_AUXDATA, 1);
  option(SOL_PACKET, PACKET_VNET_HDR, 1);
  option(SOL_SOCKET, SO_RCVBUFFORCE, 16 << 20);
  option(SOL_SOCKET, SO_RCVTIMEO, 2, 0, 0, 0);
  check('bind', bind(fd, sockaddr(ifindex), 20));
  const buffer = new Uint8Array(VNET_HDR + 65536 + 64);
  const control = new Uint8Array(64);
  const name = new Uint8Array(20);
  const iov = new Uint8Array(16);
  const header = new Uint8Array(56);
  const iovView = new DataView(iov.buffer);
  iovView.setBigUint64(0, koffi.address(buffer), true);
  iovView.setBigUint64(8, BigInt(buffer.length), true);

  function packetOf(length: number): GroPacket {
    const view = new DataView(buffer.buffer);
    const aux = new DataView(control.buffer, 16); // behind struct cmsghdr: struct tpacket_auxdata
    const tagged = (aux.getUint32(0, true) & TP_STATUS_VLAN_VALID) !== 0;
    const needsSum = (buffer[0]! & NEEDS_CSUM) !== 0;
    let bytes = buffer.slice(VNET_HDR, length);
    if (tagged) {
      const tag = new Uint8Array(4);
      new DataView(tag.buffer).setUint16(0, aux.getUint16(TP_VLAN_TPID, true));
      new DataView(tag.buffer).setUint16(2, aux.getUint16(TP_VLAN_TCI, true));
      bytes = Uint8Array.from([...bytes.subarray(0, 12), ...tag, ...bytes.subarray(12)]);
    }
    return {
      bytes,
      gsoSize: view.getUint16(4, true),
      gsoType: buffer[1]! & 0x7f,
      csumStart: needsSum ? view.getUint16(6, true) + (tagged ? 4 : 0) : 0,
      csumOffset: needsSum ? view.getUint16(8, true) : 0,
    };
  }

  function receive(): GroPacket | undefined {
    const msg = new DataView(header.buffer);
    msg.setBigUint64(0, koffi.address(name), true);
    msg.setUint32(8, name.length, true);
    msg.setBigUint64(16, koffi.address(iov), true);
    msg.setBigUint64(24, 1n, true);
    msg.setBigUint64(32, koffi.address(control), true);
    msg.setBigUint64(40, BigInt(control.length), true);
    control.fill(0);
    const got = recvmsg(fd, header, 0);
    if (got >= 0) return name[10] === PACKET_OUTGOING ? receive() : packetOf(got);
    if (koffi.errno() === EAGAIN) return undefined;
    throw new Error(`recvmsg: errno ${koffi.errno()}`);
  }

  return { receive, close: () => void close(fd) };
}
