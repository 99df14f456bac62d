/**
 * Keys as user space gives them: bytes, or a number where a key has 4 bytes (u32, little-endian as the shared memory).
 */

export type MapKey = number | Uint8Array;

/** What the kernel reads as 32 bits. @throws RangeError */
export function checkU32(what: string, value: number): void {
  if (Number.isInteger(value) && value >= 0 && value <= 0xffffffff) return;
  throw new RangeError(`${what} must be a 32-bit unsigned integer, not ${value}`);
}

/** The bytes of a key. @throws RangeError when it has another size than the map's keys */
export function keyBytes(key: MapKey, keySize: number): Uint8Array {
  if (typeof key === 'number') {
    checkU32('key', key);
    if (keySize !== 4) throw new RangeError(`a key of this map has ${keySize} bytes: a number stands for 4 bytes only`);
    return bytesOfU32(key);
  }
  if (key.length !== keySize) throw new RangeError(`a key of this map has ${keySize} bytes, not ${key.length}`);
  return key;
}

/** `u32Of(map.getNextKey(undefined))` is the first key of an array. @throws RangeError unless there are 4 bytes */
export function u32Of(bytes: Uint8Array): number {
  if (bytes.length !== 4) throw new RangeError(`a u32 has 4 bytes, not ${bytes.length}`);
  return (bytes[0]! | (bytes[1]! << 8) | (bytes[2]! << 16) | (bytes[3]! << 24)) >>> 0;
}

/** The opposite of `u32Of`. */
export function bytesOfU32(value: number): Uint8Array {
  return Uint8Array.of(value, value >>> 8, value >>> 16, value >>> 24);
}
