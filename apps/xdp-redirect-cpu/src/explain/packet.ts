/** A frame in one line: its headers as far as they are usual ones. */

const TYPES: Readonly<Record<number, string>> = { 2048: 'IPv4', 2054: 'ARP', 34525: 'IPv6' };
const PROTOCOLS: Readonly<Record<number, string>> = { 1: 'ICMP', 6: 'TCP', 17: 'UDP', 58: 'ICMPv6', 132: 'SCTP' };
const WITH_PORTS: readonly number[] = [6, 17, 132];

const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, '0');
const mac = (bytes: Uint8Array): string => [...bytes].map((byte) => hex(byte, 2)).join(':');
const ipv4 = (bytes: Uint8Array): string => bytes.join('.');

/** With its longest run of zero groups as two colons. */
function ipv6(bytes: Uint8Array): string {
  const groups = Array.from({ length: 8 }, (_, i) => ((bytes[2 * i]! << 8) | bytes[2 * i + 1]!).toString(16)).join(':');
  const [longest] = [...groups.matchAll(/\b0(?::0)+\b/g)].map(([run]) => run).sort((a, b) => b.length - a.length);
  return longest === undefined ? groups : groups.replace(longest, '').replace(/^:?:?$|^:|:$|::/, '::');
}

function transport(bytes: Uint8Array, protocol: number, at: number, hasPorts: boolean): string {
  const name = PROTOCOLS[protocol] ?? `protocol ${protocol}`;
  if (!hasPorts || !WITH_PORTS.includes(protocol) || at + 4 > bytes.length) return name;
  const port = (offset: number): number => (bytes[at + offset]! << 8) | bytes[at + offset + 1]!;
  return `${name} ${port(0)} > ${port(2)}`;
}

export function describePacket(bytes: Uint8Array): string {
  if (bytes.length < 14) return `${bytes.length} bytes, no Ethernet header`;
  const u16 = (at: number): number => (bytes[at]! << 8) | (bytes[at + 1] ?? 0);
  const parts = [`${mac(bytes.subarray(6, 12))} > ${mac(bytes.subarray(0, 6))}`];
  let at = 12;
  while ((u16(at) === 0x8100 || u16(at) === 0x88a8) && at + 6 <= bytes.length) {
    parts.push(`VLAN ${u16(at + 2) & 0xfff}`);
    at += 4;
  }
  const type = u16(at);
  const ip = at + 2;
  if (type === 0x0800 && ip + 20 <= bytes.length) {
    parts.push(`IPv4 ${ipv4(bytes.subarray(ip + 12, ip + 16))} > ${ipv4(bytes.subarray(ip + 16, ip + 20))}`);
    const isFirst = (u16(ip + 6) & 0x1fff) === 0;
    parts.push(transport(bytes, bytes[ip + 9]!, ip + (bytes[ip]! & 15) * 4, isFirst));
  } else if (type === 0x86dd && ip + 40 <= bytes.length) {
    parts.push(`IPv6 ${ipv6(bytes.subarray(ip + 8, ip + 24))} > ${ipv6(bytes.subarray(ip + 24, ip + 40))}`);
    parts.push(transport(bytes, bytes[ip + 6]!, ip + 40, true));
  } else {
    parts.push(type < 0x0600 ? `802.3, ${type} bytes` : (TYPES[type] ?? `EtherType 0x${hex(type, 4)}`));
  }
  return parts.join(', ');
}
