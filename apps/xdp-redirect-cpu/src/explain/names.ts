/** Numbers of sk_buffs by the names that the kernel's headers give them. */
const ETH_TYPES: Readonly<Record<number, string>> = {
  1: 'ETH_P_802_3',
  4: 'ETH_P_802_2',
  2048: 'ETH_P_IP',
  2054: 'ETH_P_ARP',
  33024: 'ETH_P_8021Q',
  34525: 'ETH_P_IPV6',
  34984: 'ETH_P_8021AD',
};
const PKT_TYPES = ['PACKET_HOST', 'PACKET_BROADCAST', 'PACKET_MULTICAST', 'PACKET_OTHERHOST'] as const;

export function ethTypeName(protocol: number): string {
  const hex = `0x${protocol.toString(16).padStart(4, '0')}`;
  const name = ETH_TYPES[protocol];
  return name === undefined ? hex : `${name} (${hex})`;
}

export const pktTypeName = (pktType: number): string => PKT_TYPES[pktType] ?? `${pktType}`;
