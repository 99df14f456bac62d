/**
 * The internet checksum (RFC 1071): the 16-bit one's complement of the one's complement sum of big-endian words.
 *
 * In two steps, so that a sum can run over a pseudo header and a packet that do not lie together: `checksumAdd` as often
 * as needed, then `checksumFold`. Only the last piece may have an odd length; its last byte counts as the high half of a
 * word. A running sum is an ordinary number and stays exact: 2^37 words would be needed to leave 2^53.
 */

/** Adds the words of `bytes` from `from` up to `to` to a running sum. */
export function checksumAdd(sum: number, bytes: Uint8Array, from = 0, to = bytes.length): number {
  let total = sum;
  const evenEnd = to - ((to - from) & 1);
  for (let at = from; at < evenEnd; at += 2) total += (bytes[at]! << 8) | bytes[at + 1]!;
  if (evenEnd < to) total += bytes[evenEnd]! << 8;
  return total;
}

/** What goes into the checksum field, for a running sum over everything else. */
export function checksumFold(sum: number): number {
  let folded = sum;
  while (folded > 0xffff) folded = (folded % 0x10000) + Math.floor(folded / 0x10000);
  return ~folded & 0xffff;
}

/** The checksum of `bytes`; 0 if `bytes` holds a checksum that is right. */
export function internetChecksum(bytes: Uint8Array, from = 0, to = bytes.length): number {
  return checksumFold(checksumAdd(0, bytes, from, to));
}
