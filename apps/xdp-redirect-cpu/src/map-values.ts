/**
 * Bytes of keys and values as numbers and names: by the object's BTF where it has types for them, else as 64-bit or 32-bit
 * words, else as hex.
 */
import { type Btf, btfSizeOf, type CollectionSpec, type ObjectMap, skipModifiers } from '@cpumap/bpf';

/** A member of a value, or the value itself: where it is in the dump, and what it holds. */
export interface Leaf {
  /** `pass`, `config.mac[0]`; empty for a value that is one number. */
  readonly path: string;
  readonly value: number | bigint | string;
  /** Whether values of several CPUs may be added. */
  readonly sums: boolean;
}

/** How one kind of key or value is read. */
export type Reader = (bytes: Uint8Array) => Leaf[];

const SIGNED = 1;
const DEEPEST = 8;
const MOST_ELEMENTS = 64;

const hexOf = (bytes: Uint8Array): string => `0x${Buffer.from(bytes).toString('hex')}`;
const text = (path: string, value: string): Leaf => ({ path, value, sums: false });

function number(path: string, bytes: Uint8Array, signed = false, bitOffset = 0, bits = bytes.length * 8): Leaf {
  let raw = 0n;
  for (let i = bytes.length - 1; i >= 0; i--) raw = (raw << 8n) | BigInt(bytes[i]!);
  raw = BigInt.asUintN(bits, raw >> BigInt(bitOffset));
  const value = signed ? BigInt.asIntN(bits, raw) : raw;
  const small = value <= BigInt(Number.MAX_SAFE_INTEGER) && value >= BigInt(Number.MIN_SAFE_INTEGER);
  return { path, value: small ? Number(value) : value, sums: true };
}

/** The leaves of a type; hex for what has no better text, or lies too deep. */
function typed(btf: Btf, id: number, bytes: Uint8Array, path: string, depth: number): Leaf[] {
  const type = depth > DEEPEST ? undefined : skipModifiers(btf, id)?.type;
  switch (type?.kind) {
    case 'int':
      return [number(path, bytes, (type.encoding & SIGNED) !== 0)];
    case 'ptr':
      return [text(path, `0x${number(path, bytes).value.toString(16)}`)];
    case 'enum':
    case 'enum64': {
      const { value } = number(path, bytes, type.signed);
      const name = type.values.find((constant) => BigInt(constant.value) === BigInt(value))?.name;
      return [name === undefined ? number(path, bytes, type.signed) : text(path, name)];
    }
    case 'array': {
      const element = skipModifiers(btf, type.type)?.type;
      const size = btfSizeOf(btf, type.type) ?? 0;
      const isBytes = element?.kind === 'int' && size === 1;
      if (isBytes || size === 0 || type.length > MOST_ELEMENTS) return [text(path, hexOf(bytes))];
      return Array.from({ length: type.length }, (_, i) => i).flatMap((i) =>
        typed(btf, type.type, bytes.subarray(i * size, (i + 1) * size), `${path}[${i}]`, depth + 1),
      );
    }
    case 'struct':
    case 'union':
      return type.members.flatMap((member): Leaf[] => {
        const under = [path, member.name].filter((part) => part !== '').join('.');
        const size = btfSizeOf(btf, member.type) ?? 0;
        const at = Math.floor(member.bitOffset / 8 / (member.bits > 0 ? size : 1)) * (member.bits > 0 ? size : 1);
        const part = bytes.subarray(at, at + size);
        if (member.bits > 0) return [number(under, part, false, member.bitOffset - at * 8, member.bits)];
        return typed(btf, member.type, part, under, depth + 1);
      });
    default:
      return [text(path, hexOf(bytes))];
  }
}

/** Without types: counters are words of 8 bytes as a rule, everything else of 4. */
function untyped(bytes: Uint8Array): Leaf[] {
  const size = bytes.length % 8 === 0 ? 8 : bytes.length % 4 === 0 ? 4 : bytes.length;
  const count = bytes.length / size;
  if (size > 8 || count > MOST_ELEMENTS || (size < 4 && size !== 1 && size !== 2)) return [text('', hexOf(bytes))];
  return Array.from({ length: count }, (_, i) =>
    number(count === 1 ? '' : `u${size * 8}[${i}]`, bytes.subarray(i * size, (i + 1) * size)),
  );
}

function readerOf(btf: Btf | undefined, type: number | undefined): Reader {
  if (btf === undefined || type === undefined) return untyped;
  return (bytes) => typed(btf, type, bytes, '', 0);
}

export function keyReader({ btf }: CollectionSpec, { keyType }: ObjectMap): Reader {
  return readerOf(btf, keyType);
}

/** Of a data section: its variables. */
export function valueReader({ btf }: CollectionSpec, { valueType, data }: ObjectMap): Reader {
  if (data === undefined) return readerOf(btf, valueType);
  return (bytes) =>
    data.variables.flatMap(({ name, offset, size, type }) => {
      const leaves = readerOf(btf, type)(bytes.subarray(offset, offset + size));
      return leaves.map((leaf) => {
        const path = leaf.path === '' || leaf.path.startsWith('[') ? `${name}${leaf.path}` : `${name}.${leaf.path}`;
        return { ...leaf, path };
      });
    });
}
