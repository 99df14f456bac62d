/** A frame's fingerprint: FNV-1a over its bytes. Equal frames have the same; which others do is looked at when a mix is made. */
export function fingerprint(bytes: Uint8Array, from = 0, to = bytes.length): number {
  let hash = 0x811c9dc5;
  for (let at = from; at < to; at++) hash = Math.imul(hash ^ bytes[at]!, 0x01000193);
  return hash >>> 0;
}
