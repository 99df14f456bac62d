/**
 * Types of the engine, as a table: what CO-RE relocations of a program find when it is not a kernel that loads it. The
 * table becomes BTF, so that the resolver knows one kind of target only; a kernel's own BTF is the other source.
 */
import type { Btf } from '../btf/btf.ts';
import type { BtfType } from '../btf/btf-types.ts';

export interface TargetMember {
  /** In bytes. */
  readonly offset: number;
  /** Of the member, or of each element when it has a `length`. */
  readonly size: number;
  /** Default unsigned. */
  readonly signed?: boolean;
  /** A pointer: programs see 8 bytes, whatever `size` says. */
  readonly pointer?: boolean;
  /** The name of the struct of this table that lies here. */
  readonly struct?: string;
  /** An array of so many. */
  readonly length?: number;
}

export interface TargetStruct {
  readonly size: number;
  readonly members: Readonly<Record<string, TargetMember>>;
}

export interface TargetTypes {
  readonly structs: Readonly<Record<string, TargetStruct>>;
  readonly enums?: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

const SIGNED = 1;
const VOID = 0;

/** @throws RangeError for a member whose struct is not in the table */
export function btfOfTargetTypes({ structs, enums = {} }: TargetTypes): Btf {
  const names = Object.keys(structs);
  const types: BtfType[] = [{ kind: 'void', name: '' }];
  const known = new Map<string, number>();
  const add = (key: string, type: BtfType): number => {
    const id = known.get(key) ?? types.push(type) - 1;
    known.set(key, id);
    return id;
  };
  // their ids come first, so that members may name any of them
  for (const name of names) add(`struct ${name}`, { kind: 'struct', name, size: structs[name]!.size, members: [] });

  const scalar = ({ size, signed = false, pointer = false }: TargetMember): number => {
    if (pointer) return add('pointer', { kind: 'ptr', name: '', type: VOID });
    const name = `${signed ? 's' : 'u'}${size * 8}`;
    return add(name, { kind: 'int', name, size, encoding: signed ? SIGNED : 0, bitOffset: 0, bits: size * 8 });
  };
  const typeOf = (owner: string, member: TargetMember): number => {
    const { struct, length } = member;
    const id = struct === undefined ? scalar(member) : known.get(`struct ${struct}`);
    if (id === undefined) throw new RangeError(`struct ${owner} has a struct ${struct}, which the table does not have`);
    if (length === undefined) return id;
    const indexType = scalar({ offset: 0, size: 4 });
    return add(`${id}[${length}]`, { kind: 'array', name: '', type: id, indexType, length });
  };
  for (const [i, name] of names.entries()) {
    const { size, members } = structs[name]!;
    const list = Object.entries(members).map(([field, member]) => ({
      name: field,
      type: typeOf(name, member),
      bitOffset: member.offset * 8,
      bits: 0,
    }));
    types[i + 1] = { kind: 'struct', name, size, members: list };
  }
  for (const [name, values] of Object.entries(enums)) {
    const list = Object.entries(values).map(([constant, value]) => ({ name: constant, value }));
    const signed = list.some(({ value }) => value < 0);
    types.push({ kind: 'enum', name, size: 4, signed, values: list });
  }
  return { types };
}
