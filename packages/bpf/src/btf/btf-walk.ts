/**
 * Questions to BTF: what a type is under its names and qualifiers, how many bytes it takes.
 *
 * Types may form circles through names and qualifiers when the bytes are hostile; every walk ends after MAX_STEPS,
 * which is what the kernel allows too (MAX_RESOLVE_DEPTH), and answers undefined.
 */
import type { Btf } from './btf.ts';
import type { BtfType } from './btf-types.ts';

const MAX_STEPS = 32;
const POINTER_SIZE = 8;
/** What the kernel holds sizes in. */
const LARGEST = 0xffffffff;

/** The type behind typedefs, qualifiers and tags; undefined for an unknown id or a circle. */
export function skipModifiers(btf: Btf, id: number): { id: number; type: BtfType } | undefined {
  let at = id;
  for (let step = 0; step < MAX_STEPS; step++) {
    const type = btf.types[at];
    if (type === undefined) return undefined;
    switch (type.kind) {
      case 'typedef':
      case 'volatile':
      case 'const':
      case 'restrict':
      case 'type_tag':
        at = type.type;
        break;
      default:
        return { id: at, type };
    }
  }
  return undefined;
}

/** sizeof; undefined where C has none (void, functions, forward declarations), for circles and for sizes past 32 bits. */
export function btfSizeOf(btf: Btf, id: number): number | undefined {
  let count = 1;
  let at = id;
  for (let step = 0; step < MAX_STEPS; step++) {
    const type = skipModifiers(btf, at)?.type;
    switch (type?.kind) {
      case 'int':
      case 'struct':
      case 'union':
      case 'enum':
      case 'enum64':
      case 'float':
      case 'datasec':
        return count * type.size <= LARGEST ? count * type.size : undefined;
      case 'ptr':
        return count * POINTER_SIZE <= LARGEST ? count * POINTER_SIZE : undefined;
      case 'array':
        count *= type.length;
        if (count > LARGEST) return undefined;
        at = type.type;
        break;
      case 'var':
        at = type.type;
        break;
      default:
        return undefined;
    }
  }
  return undefined;
}

/** Ids of the types of that kind and name, in order. */
export function btfNamed<K extends BtfType['kind']>(
  btf: Btf,
  kind: K,
  name: string,
): { id: number; type: BtfType & { readonly kind: K } }[] {
  return btf.types.flatMap((type, id) =>
    type.kind === kind && type.name === name ? [{ id, type: type as BtfType & { readonly kind: K } }] : [],
  );
}

/** The type as C would write it, without the members of structs: for messages and for comparing by eye. */
export function btfTypeName(btf: Btf, id: number): string {
  let suffix = '';
  let at = id;
  for (let step = 0; step < MAX_STEPS; step++) {
    const type = btf.types[at];
    if (type === undefined) break;
    switch (type.kind) {
      case 'void':
        return `void${suffix}`;
      case 'ptr':
        suffix = ` *${suffix}`;
        at = type.type;
        break;
      case 'array':
        suffix = `${suffix}[${type.length}]`;
        at = type.type;
        break;
      case 'volatile':
      case 'const':
      case 'restrict':
        suffix = ` ${type.kind}${suffix}`;
        at = type.type;
        break;
      case 'type_tag':
        at = type.type;
        break;
      case 'struct':
      case 'union':
      case 'enum':
      case 'enum64':
        return `${type.kind === 'enum64' ? 'enum' : type.kind} ${type.name || '{...}'}${suffix}`;
      case 'fwd':
        return `${type.of} ${type.name}${suffix}`;
      case 'func_proto':
        return `function${suffix}`;
      default:
        return `${type.name}${suffix}`;
    }
  }
  return `?${suffix}`;
}
