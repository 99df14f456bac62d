/** What a relocation asks of a field: where it is, how large, and how a bit field is shifted out of its word. */
import type { CoreRelocationKind } from '../btf/btf-ext.ts';
import type { BtfType } from '../btf/btf-types.ts';
import { btfSizeOf, skipModifiers } from '../btf/btf-walk.ts';
import type { Field } from './core-path.ts';
import { isEnum } from './core-types.ts';

const WORD_BITS = 64;
const SIGNED = 1;

interface Word {
  readonly offset: number;
  readonly size: number;
  /** Bits of the field, and where they begin in the word. */
  readonly bits: number;
  readonly first: number;
}

const typeOf = ({ btf, type }: Field): BtfType | undefined => skipModifiers(btf, type)?.type;

/** The bytes that are loaded to read it: for a bit field the smallest aligned word of its type's size or more. */
function wordOf(field: Field): Word | undefined {
  const { btf, bitOffset, bits, type } = field;
  let size = btfSizeOf(btf, type);
  if (size === undefined || (size === 0 && bits !== 0)) return undefined;
  if (bits === 0) return { offset: Math.floor(bitOffset / 8), size, bits: size * 8, first: 0 };
  for (; size <= 8; size *= 2) {
    const offset = Math.floor(bitOffset / 8 / size) * size;
    const first = bitOffset - offset * 8;
    if (first + bits <= size * 8) return { offset, size, bits, first };
  }
  return undefined;
}

/** The value; undefined when the field has no such. Values for bit fields are of a little-endian machine. */
export function fieldValue(kind: CoreRelocationKind, field: Field): number | undefined {
  const word = wordOf(field);
  if (kind === 'field_exists') return 1;
  if (field.element && kind !== 'field_byte_offset' && kind !== 'field_byte_size') return undefined;
  if (word === undefined) return undefined;
  switch (kind) {
    case 'field_byte_offset':
      return word.offset;
    case 'field_byte_size':
      return word.size;
    case 'field_signed': {
      const type = typeOf(field);
      return isEnum(type) || (type?.kind === 'int' && (type.encoding & SIGNED) !== 0) ? 1 : 0;
    }
    case 'field_lshift_u64':
      return WORD_BITS - word.bits - word.first;
    case 'field_rshift_u64':
      return WORD_BITS - word.bits;
    default:
      return undefined;
  }
}

/**
 * Whether the compiler and this reader must agree on the program's own value. For bit fields they may choose other words;
 * the sign and the right shift are the same for all words.
 */
export function isCertain(kind: CoreRelocationKind, { bits }: Field): boolean {
  return bits === 0 || kind === 'field_signed' || kind === 'field_rshift_u64';
}

/** Bytes that a load or store of the field moves; 0 where the program shifts them itself, or asks for something else. */
export function accessBytes(kind: CoreRelocationKind, field: Field): number {
  return kind === 'field_byte_offset' && field.bits === 0 ? (btfSizeOf(field.btf, field.type) ?? 0) : 0;
}

/**
 * Whether a load may become wider or narrower: the missing half of a pointer, and of a number without a sign, is zeros.
 */
export function mayResize(local: Field, target: Field): boolean {
  const [a, b] = [typeOf(local), typeOf(target)];
  if (a?.kind === 'ptr' && b?.kind === 'ptr') return true;
  return a?.kind === 'int' && b?.kind === 'int' && ((a.encoding | b.encoding) & SIGNED) === 0;
}
