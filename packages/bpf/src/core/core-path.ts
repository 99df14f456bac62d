/**
 * The path of an access, as in `0:1:2`, in the program's type and in the target's.
 *
 * The first number counts objects of the type, as `p[1].x` does; each further one is a member's place or an array's index.
 * In the target members are found by name, inside members without a name, too, and everything in between may differ.
 */
import type { Btf } from '../btf/btf.ts';
import type { BtfMember, BtfType } from '../btf/btf-types.ts';
import { btfSizeOf, skipModifiers } from '../btf/btf-walk.ts';
import { areFieldsCompatible, isComposite } from './core-types.ts';

/** What a path leads to. */
export interface Field {
  readonly btf: Btf;
  readonly bitOffset: number;
  /** Width of a bit field, else 0. */
  readonly bits: number;
  readonly type: number;
  /** Not a member but an element of an array, or the object itself. */
  readonly element: boolean;
}

type Step = { readonly name: string; readonly type: number } | { readonly index: number };

export interface LocalPath {
  readonly field: Field;
  /** The steps that a target is asked for: members with a name, and indexes. */
  readonly steps: readonly Step[];
}

const MAX_DEPTH = 32;

/** Whether an index may be used: an array without a length has as many as one asks for. */
function hasElement(length: number, index: number): boolean {
  return length === 0 || index < length;
}

/** The path in the program's own type; undefined when it leads nowhere. */
export function localPath(btf: Btf, root: number, access: string): LocalPath | undefined {
  const numbers = access.split(':').map(Number);
  const [object, ...places] = numbers;
  const size = btfSizeOf(btf, root);
  if (object === undefined || size === undefined || numbers.some((n) => !Number.isInteger(n) || n < 0))
    return undefined;
  let field: Field = { btf, bitOffset: object * size * 8, bits: 0, type: root, element: true };
  const steps: Step[] = [{ index: object }];
  for (const place of places) {
    const type = skipModifiers(btf, field.type)?.type;
    if (isComposite(type)) {
      const member = type.members[place];
      if (member === undefined) return undefined;
      field = within(field, member);
      if (member.name !== '') steps.push({ name: member.name, type: member.type });
    } else if (type?.kind === 'array') {
      const element = elementOf(field, type, place);
      if (element === undefined) return undefined;
      field = element;
      steps.push({ index: place });
    } else {
      return undefined;
    }
  }
  return { field, steps };
}

function within(field: Field, { bitOffset, bits, type }: BtfMember): Field {
  return { btf: field.btf, bitOffset: field.bitOffset + bitOffset, bits, type, element: false };
}

function elementOf(
  { btf, bitOffset }: Field,
  array: { readonly type: number; readonly length: number },
  index: number,
): Field | undefined {
  const size = btfSizeOf(btf, array.type);
  if (size === undefined || !hasElement(array.length, index)) return undefined;
  return { btf, bitOffset: bitOffset + index * size * 8, bits: 0, type: array.type, element: true };
}

/** The same path in a type of the target; undefined when the target has no such field. */
export function targetField({ field: local, steps }: LocalPath, btf: Btf, root: number): Field | undefined {
  const size = btfSizeOf(btf, root);
  if (size === undefined) return undefined;
  let field: Field | undefined = { btf, bitOffset: 0, bits: 0, type: root, element: true };
  for (const [i, step] of steps.entries()) {
    if (field === undefined) return undefined;
    if ('name' in step) {
      const found: Field | undefined = memberNamed(field, step.name, MAX_DEPTH);
      if (found === undefined) return undefined;
      if (!areFieldsCompatible({ btf: local.btf, id: step.type }, { btf, id: found.type })) return undefined;
      field = found;
    } else if (i === 0) {
      field = { ...field, bitOffset: step.index * size * 8 };
    } else {
      const type: BtfType | undefined = skipModifiers(btf, field.type)?.type;
      field = type?.kind === 'array' ? elementOf(field, type, step.index) : undefined;
    }
  }
  return field;
}

function memberNamed(field: Field, name: string, depth: number): Field | undefined {
  const type = skipModifiers(field.btf, field.type)?.type;
  if (!isComposite(type) || depth === 0) return undefined;
  for (const member of type.members) {
    const inside = within(field, member);
    const found = member.name === '' ? memberNamed(inside, name, depth - 1) : member.name === name ? inside : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}
