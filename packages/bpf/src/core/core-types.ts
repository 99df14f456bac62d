/**
 * Whether a type of the program and one of the target are the same for CO-RE: by name, by kind (`areCompatible`), or in
 * all that the program's type says (`match`). What follows from it is libbpf's, as its documentation describes it:
 * qualifiers and typedefs do not count, nor what follows `___` in a name.
 */
import type { Btf } from '../btf/btf.ts';
import type { BtfComposite, BtfEnum, BtfFuncProto, BtfType } from '../btf/btf-types.ts';
import { skipModifiers } from '../btf/btf-walk.ts';

/** A type in its BTF. */
export interface TypeAt {
  readonly btf: Btf;
  readonly id: number;
}

const MAX_DEPTH = 32;
const FLAVOUR = /^[^_]___[^_]$/;

/** The name before `___`, where something follows that and something comes before. */
export function essentialName(name: string): string {
  for (let at = name.length - 4; at > 0; at--) {
    if (FLAVOUR.test(name.slice(at - 1, at + 4))) return name.slice(0, at);
  }
  return name;
}

/** The kind of a type as CO-RE compares them: both kinds of enum are one. */
function kindOf({ kind }: BtfType): string {
  return kind === 'enum64' ? 'enum' : kind;
}

const indexes = new WeakMap<Btf, ReadonlyMap<string, readonly number[]>>();

/** Types of the target with the kind and the essential name of the program's. */
export function candidates({ btf, id }: TypeAt, target: Btf): readonly number[] {
  let index = indexes.get(target);
  if (index === undefined) {
    const built = new Map<string, number[]>();
    for (const [at, type] of target.types.entries()) {
      if (type.name === '') continue;
      const key = `${kindOf(type)} ${essentialName(type.name)}`;
      const ids = built.get(key);
      if (ids === undefined) built.set(key, [at]);
      else ids.push(at);
    }
    index = built;
    indexes.set(target, index);
  }
  const type = btf.types[id]!;
  return type.name === '' ? [] : (index.get(`${kindOf(type)} ${essentialName(type.name)}`) ?? []);
}

export function isComposite(type: BtfType | undefined): type is BtfComposite {
  return type?.kind === 'struct' || type?.kind === 'union';
}

export function isEnum(type: BtfType | undefined): type is BtfEnum {
  return type?.kind === 'enum' || type?.kind === 'enum64';
}

const typeAt = ({ btf, id }: TypeAt): BtfType | undefined => skipModifiers(btf, id)?.type;
const to = ({ btf }: TypeAt, id: number): TypeAt => ({ btf, id });

/** Whether a field may be read as one of the target's: structs as structs, numbers as numbers of any size. */
export function areFieldsCompatible(local: TypeAt, target: TypeAt, depth = MAX_DEPTH): boolean {
  const [a, b] = [typeAt(local), typeAt(target)];
  if (a === undefined || b === undefined || depth === 0) return false;
  if (isComposite(a) && isComposite(b)) return true;
  if (kindOf(a) !== kindOf(b)) return false;
  if (isEnum(a) || a.kind === 'fwd') {
    return a.name === '' || b.name === '' || essentialName(a.name) === essentialName(b.name);
  }
  if (a.kind === 'int') return a.bitOffset === 0 && b.kind === 'int' && b.bitOffset === 0;
  if (a.kind === 'array' && b.kind === 'array') {
    return areFieldsCompatible(to(local, a.type), to(target, b.type), depth - 1);
  }
  return a.kind === 'ptr' || a.kind === 'float';
}

function everyParameter(a: BtfFuncProto, b: BtfFuncProto, same: (local: number, target: number) => boolean): boolean {
  return a.params.length === b.params.length && a.params.every(({ type }, i) => same(type, b.params[i]!.type));
}

/** type_exists and type_size: the same kind, pointers and functions all the way down. */
export function areCompatible(local: TypeAt, target: TypeAt, depth = MAX_DEPTH): boolean {
  const [a, b] = [typeAt(local), typeAt(target)];
  if (a === undefined || b === undefined || depth === 0 || kindOf(a) !== kindOf(b)) return false;
  const same = (x: number, y: number): boolean => areCompatible(to(local, x), to(target, y), depth - 1);
  if (a.kind === 'int') return a.bitOffset === 0 && b.kind === 'int' && b.bitOffset === 0;
  if ((a.kind === 'ptr' && b.kind === 'ptr') || (a.kind === 'array' && b.kind === 'array')) return same(a.type, b.type);
  if (a.kind === 'func_proto' && b.kind === 'func_proto') return everyParameter(a, b, same) && same(a.type, b.type);
  return isComposite(a) || isEnum(a) || a.kind === 'fwd' || a.kind === 'void';
}

/** type_matches: each member, constant and parameter of the program's type is in the target's, and matches. */
export function match(local: TypeAt, target: TypeAt, behindPointer = false, depth = MAX_DEPTH): boolean {
  const [a, b] = [typeAt(local), typeAt(target)];
  if (a === undefined || b === undefined || depth === 0) return false;
  if (a.name !== '' && b.name !== '' && essentialName(a.name) !== essentialName(b.name)) return false;
  const same = (x: number, y: number, behind = behindPointer): boolean =>
    match(to(local, x), to(target, y), behind, depth - 1);

  if (a.kind === 'fwd') return b.kind === 'fwd' ? a.of === b.of : a.of === b.kind;
  if (isEnum(a)) return isEnum(b) && a.size === b.size && a.values.every(({ name }) => hasConstant(b, name));
  if (isComposite(a)) {
    if (b.kind === 'fwd') return behindPointer && b.of === a.kind;
    if (b.kind !== a.kind) return false;
    return behindPointer || a.members.every((member) => hasMember(b, member, same));
  }
  if (a.kind === 'int') {
    return b.kind === 'int' && a.size === b.size && (a.encoding & 1) === (b.encoding & 1);
  }
  if (a.kind === 'ptr') return b.kind === 'ptr' && same(a.type, b.type, true);
  if (a.kind === 'array') return b.kind === 'array' && a.length === b.length && same(a.type, b.type);
  if (a.kind === 'func_proto') return b.kind === 'func_proto' && everyParameter(a, b, same) && same(a.type, b.type);
  return a.kind === b.kind && (a.kind === 'void' || a.kind === 'float');
}

function hasConstant({ values }: BtfEnum, name: string): boolean {
  return values.some((value) => essentialName(value.name) === essentialName(name));
}

function hasMember(
  { members }: BtfComposite,
  wanted: { readonly name: string; readonly type: number },
  same: (local: number, target: number) => boolean,
): boolean {
  return members.some(({ name, type }) => name === wanted.name && same(wanted.type, type));
}
