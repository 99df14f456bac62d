/**
 * What TCP and UDP have in common in GRO: the checksum with its pseudo header, which frames from XDP never bring with
 * them and which is therefore summed here, and the field of a merged packet.
 */
import type { Memory } from '@cpumap/smp';
import { CHECKSUM_PARTIAL, SKB_SHARED_INFO } from '@cpumap/uapi';
import { SK_BUFF } from '../sk-buff.ts';
import { attachChecksums, foldSum, swap16 } from './checksum.ts';
import { GRO_CB } from './gro-cb.ts';

export interface GroTransport {
  /** True when the transport header at the packet's offset, with all behind it, has the sum that it should have. */
  checksumHolds(skb: number): boolean;
  /** A merged packet's checksum field and what the stack is told: `field` is its offset in the header. */
  complete(skb: number, field: number, gsoType: number): void;
}

export function attachGroTransport(memory: Memory): GroTransport {
  const { u8, u16, u32 } = memory;
  const { data_offset: OFFSET, network_offset: NETWORK, proto: PROTO, count: COUNT, gso_size: GSO_SIZE } = GRO_CB;
  const LEN = SK_BUFF.len >> 2;
  const DATA = SK_BUFF.data >> 2;
  const HEAD = SK_BUFF.head >> 2;
  const END = SK_BUFF.end >> 2;
  const TRANSPORT = SK_BUFF.transport_header >> 2;
  const sums = attachChecksums(memory);

  /** Addresses, length of the transport's part, protocol. */
  function pseudoHeader(s: number, length: number): number {
    const iph = u32[s + DATA]! + u32[s + NETWORK]!;
    const numbers = swap16(length) + swap16(u32[s + PROTO]!);
    return u8[iph]! >> 4 === 6 ? sums.add(numbers, iph + 8, 32) : sums.add(numbers, iph + 12, 8);
  }

  return {
    checksumHolds(skb) {
      const s = skb >> 2;
      const offset = u32[s + OFFSET]!;
      const sum = sums.ofPacket(skb, u32[s + DATA]! + offset) + pseudoHeader(s, u32[s + LEN]! - offset);
      return foldSum(sum) === 0xffff;
    },
    complete(skb, field, gsoType) {
      const s = skb >> 2;
      const header = u32[s + HEAD]! + u32[s + TRANSPORT]!;
      const check = foldSum(pseudoHeader(s, u32[s + LEN]! - (header - u32[s + DATA]!)));
      u8[header + field] = check & 0xff;
      u8[header + field + 1] = check >> 8;
      u32[s + (SK_BUFF.ip_summed >> 2)] = CHECKSUM_PARTIAL;
      u32[s + (SK_BUFF.csum_start >> 2)] = u32[s + TRANSPORT]!;
      u32[s + (SK_BUFF.csum_offset >> 2)] = field;
      const info = u32[s + END]!;
      u16[(info + SKB_SHARED_INFO.gso_size) >> 1] = u32[s + GSO_SIZE]!;
      u16[(info + SKB_SHARED_INFO.gso_segs) >> 1] = u32[s + COUNT]!;
      u32[(info + SKB_SHARED_INFO.gso_type) >> 2] = gsoType;
    },
  };
}
