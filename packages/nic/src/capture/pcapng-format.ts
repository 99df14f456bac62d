/**
 * The numbers of the pcapng format (draft-ietf-opsawg-pcapng) that the reader and the writer share: block types, option
 * codes, and where the fields of each block lie, in bytes from the start of the block.
 *
 *   block    type u32, length u32, body, length u32 again; padded to 4, `length` counts everything
 *   option   code u16, length u16, value padded to 4; code 0 ends a list
 */
export const BLOCK = {
  sectionHeader: 0x0a0d0d0a, // reads the same in both byte orders
  interfaceDescription: 1,
  packet: 2, // obsolete; older tools wrote it
  simplePacket: 3,
  interfaceStatistics: 5,
  enhancedPacket: 6,
} as const;

/** Type and both lengths: the smallest block. */
export const BLOCK_OVERHEAD = 12;

export const BYTE_ORDER_MAGIC = 0x1a2b3c4d;

/** Section Header Block. */
export const SHB = { byteOrder: 8, major: 12, minor: 14, sectionLength: 16, options: 24 } as const;
/** Interface Description Block. */
export const IDB = { linkType: 8, snaplen: 12, options: 16 } as const;
/** Enhanced Packet Block. The obsolete Packet Block differs in its first word only: u16 interface, u16 drops. */
export const EPB = { interfaceId: 8, ticksHigh: 12, ticksLow: 16, captured: 20, original: 24, data: 28 } as const;
/** Interface Statistics Block. */
export const ISB = { interfaceId: 8, ticksHigh: 12, ticksLow: 16, options: 20 } as const;
/** Simple Packet Block. */
export const SPB = { original: 8, data: 12 } as const;

export const OPTION = {
  endOfOptions: 0,
  comment: 1,
  shbUserApplication: 4,
  ifName: 2,
  ifDescription: 3,
  ifTsResolution: 9,
  ifFcsLength: 13,
  ifTsOffset: 14,
  epbFlags: 2, // pack_flags of the obsolete block is the same
  epbDropCount: 4,
  epbQueue: 6,
  epbVerdict: 7,
  isbOsDrop: 7,
  isbUserDelivered: 8,
} as const;

/** epb_flags: which way the packet went. */
export const EPB_INBOUND = 1;
/** epb_verdict: whose it is, in front of its 64 bits. */
export const VERDICT_LINUX_EBPF_XDP = 2;

/** Bytes that `length` takes with its padding. */
export function padded(length: number): number {
  return length + ((4 - (length % 4)) % 4);
}
