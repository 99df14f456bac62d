/**
 * Reads written addresses into the bytes that stand in a frame: Ethernet (00:11:22:33:44:55, also with dashes), IPv4
 * (dotted decimal, no leading zeros, as they would be octal to some readers) and IPv6 (RFC 4291, with :: and a dotted
 * tail; no zone). Bytes are taken as they are. Anything else throws a RangeError that names the field.
 */
export type Address = string | Uint8Array;

export function macBytes(address: Address, field: string): Uint8Array {
  if (typeof address !== 'string') return exactly(address, 6, field);
  if (!/^[0-9a-f]{2}([:-][0-9a-f]{2}){5}$/i.test(address)) throw notAn(address, 'Ethernet', field);
  return Uint8Array.from(address.split(/[:-]/), (byte) => Number.parseInt(byte, 16));
}

export function ipv4Bytes(address: Address, field: string): Uint8Array {
  if (typeof address !== 'string') return exactly(address, 4, field);
  const parsed = parseIpv4(address);
  if (parsed === undefined) throw notAn(address, 'IPv4', field);
  return Uint8Array.from(parsed);
}

export function ipv6Bytes(address: Address, field: string): Uint8Array {
  if (typeof address !== 'string') return exactly(address, 16, field);
  const parsed = parseIpv6(address);
  if (parsed === undefined) throw notAn(address, 'IPv6', field);
  return Uint8Array.from(parsed);
}

function exactly(bytes: Uint8Array, length: number, field: string): Uint8Array {
  if (bytes.length !== length) throw new RangeError(`${field} has ${bytes.length} bytes, it must have ${length}`);
  return bytes;
}

function notAn(address: string, kind: string, field: string): RangeError {
  return new RangeError(`${field}: '${address}' is not an ${kind} address`);
}

function parseIpv4(text: string): number[] | undefined {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part))) return undefined;
  const bytes = parts.map(Number);
  return bytes.every((byte) => byte <= 255) ? bytes : undefined;
}

function parseIpv6(text: string): number[] | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const [left = '', right] = halves;
  const head = parseGroups(left, right === undefined);
  const tail = right === undefined ? [] : parseGroups(right, true);
  if (head === undefined || tail === undefined) return undefined;
  const missing = 16 - head.length - tail.length;
  // '::' stands for at least one group
  if (right === undefined ? missing !== 0 : missing < 2) return undefined;
  return [...head, ...new Array<number>(missing).fill(0), ...tail];
}

/** The bytes of groups between colons; the last may be dotted if it ends the address. */
function parseGroups(text: string, endsAddress: boolean): number[] | undefined {
  if (text === '') return [];
  const groups = text.split(':');
  const bytes: number[] = [];
  for (const [index, group] of groups.entries()) {
    if (/^[0-9a-f]{1,4}$/i.test(group)) {
      const word = Number.parseInt(group, 16);
      bytes.push(word >> 8, word & 0xff);
      continue;
    }
    const dotted = endsAddress && index === groups.length - 1 ? parseIpv4(group) : undefined;
    if (dotted === undefined) return undefined;
    bytes.push(...dotted);
  }
  return bytes;
}
