/** Frames for tests, written as the headers they are made of. */
import { ETH_P, IPPROTO } from '@cpumap/uapi';

type Bytes = readonly number[];

const u16 = (value: number): Bytes => [value >> 8, value & 0xff];
const zeros = (n: number): Bytes => new Array<number>(n).fill(0);

/** Ethernet with `tags` (their EtherTypes) before `type`. */
export function ethernet(type: number, tags: readonly number[] = []): Bytes {
  return [...zeros(12), ...tags.flatMap((tag) => [...u16(tag), 0, 1]), ...u16(type)];
}

export function ipv4(protocol: number, source: Bytes = [10, 0, 0, 1], destination: Bytes = [10, 0, 0, 2]): Bytes {
  return [0x45, ...zeros(8), protocol, 0, 0, ...source, ...destination];
}

export function ipv6(nextHeader: number, source: Bytes = zeros(16), destination: Bytes = zeros(16)): Bytes {
  return [0x60, ...zeros(5), nextHeader, 64, ...source, ...destination];
}

/** The first four bytes are the same for both; `length` is a whole UDP or TCP header's. */
function ports(source: number, destination: number, length: number): Bytes {
  return [...u16(source), ...u16(destination), ...zeros(length - 4)];
}

export const udp = (source: number, destination: number): Bytes => ports(source, destination, 8);
export const tcp = (source: number, destination: number): Bytes => ports(source, destination, 20);

export function frame(...headers: readonly Bytes[]): Uint8Array {
  return Uint8Array.from(headers.flat());
}

export const udpFrame = (source = 1234, destination = 53): Uint8Array =>
  frame(ethernet(ETH_P.IP), ipv4(IPPROTO.UDP), udp(source, destination), zeros(18));
