/** Keys and values of maps, as bytes. */

/** Words of 32 bits, in the machine's order. */
export const words = (...values: readonly number[]): Uint8Array => new Uint8Array(Uint32Array.from(values).buffer);

/** A key of an LPM trie: the prefix's length, and 4 bytes of data. */
export function prefix(bits: number, ...data: readonly number[]): Uint8Array {
  return new Uint8Array([...words(bits), ...data]);
}
