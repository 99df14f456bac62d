/** BTF made by hand: types as words, strings by name. */

export interface HandType {
  readonly name?: string;
  readonly kind: number;
  readonly vlen?: number;
  readonly flag?: boolean;
  /** Size or type id. */
  readonly word?: number;
  /** What follows the common part: numbers, or names that become string offsets. */
  readonly body?: readonly (number | string)[];
}

/** Words, little-endian. */
export function words(...values: number[]): Uint8Array {
  const bytes = new Uint8Array(values.length * 4);
  const view = new DataView(bytes.buffer);
  for (const [i, value] of values.entries()) view.setUint32(i * 4, value >>> 0, true);
  return bytes;
}

export function concat(...parts: Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

export function handBtf(types: readonly HandType[], magic = 0x0001eb9f): Uint8Array {
  let text = '\0';
  const stringAt = (name: string): number => {
    if (name === '') return 0;
    const known = text.indexOf(`\0${name}\0`);
    if (known >= 0) return known + 1;
    text += `${name}\0`;
    return text.length - name.length - 1;
  };
  const list = types.flatMap(({ name = '', kind, vlen = 0, flag = false, word = 0, body = [] }) => [
    stringAt(name),
    (flag ? 0x80000000 : 0) + kind * 0x1000000 + vlen,
    word,
    ...body.map((value) => (typeof value === 'string' ? stringAt(value) : value)),
  ]);
  const header = words(magic, 24, 0, list.length * 4, list.length * 4, text.length);
  return concat(header, words(...list), new TextEncoder().encode(text));
}
