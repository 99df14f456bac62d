/** Ethernet header length and the EtherTypes that the data path and the sample programs look at. */
export const ETH_HLEN = 14;
export const ETH_ALEN = 6;
export const ETH_P_802_3_MIN = 0x0600;

export const ETH_P = {
  ALL: 0x0003,
  '802_3': 0x0001,
  '802_2': 0x0004,
  IP: 0x0800,
  ARP: 0x0806,
  '8021Q': 0x8100,
  IPV6: 0x86dd,
  '8021AD': 0x88a8,
} as const;

/** skb->pkt_type. */
export const PACKET_HOST = 0;
export const PACKET_BROADCAST = 1;
export const PACKET_MULTICAST = 2;
export const PACKET_OTHERHOST = 3;

export const IPPROTO = { HOPOPTS: 0, ICMP: 1, TCP: 6, UDP: 17, ROUTING: 43, ICMPV6: 58, DSTOPTS: 60 } as const;

/** skb->ip_summed: nobody looked, somebody did, or the field holds the pseudo header's sum alone. */
export const CHECKSUM_NONE = 0;
export const CHECKSUM_PARTIAL = 3;

/** gso_type of a packet that stands for several, in 6.18. */
export const SKB_GSO = {
  TCPV4: 1 << 0,
  TCPV6: 1 << 4,
  UDP_L4: 1 << 17,
  TCP_FIXEDID: 1 << 30,
} as const;

/** What a packet handler or the stack answers. */
export const NET_RX_SUCCESS = 0;
export const NET_RX_DROP = 1;
