/**
 * Configuration that user space writes before it loads a program: the contents of .rodata with `const volatile` variables
 * set by name, as skeletons set `skel->rodata->name`.
 */
import type { CollectionSpec, ObjectMap, ObjectVariable } from '@cpumap/bpf';
import { KernelError } from '@cpumap/uapi';

/** A number for a variable of 1, 2, 4 or 8 bytes, the bytes of any variable, or the id of a map of the collection. */
export type ConstantValue = number | bigint | Uint8Array | { readonly mapId: string };

function refuse(name: string, hint: string): never {
  throw new KernelError('EINVAL', `constant ${name}`, { hint });
}

function bytesOf({ name, size }: ObjectVariable, value: number | bigint | Uint8Array): Uint8Array {
  if (value instanceof Uint8Array) {
    if (value.length !== size) refuse(name, `it has ${size} bytes, not ${value.length}`);
    return value;
  }
  if (![1, 2, 4, 8].includes(size)) refuse(name, `it has ${size} bytes and is no number: give its bytes`);
  if (typeof value === 'number' && !Number.isSafeInteger(value)) refuse(name, `${value} is no whole number`);
  const number = BigInt(value);
  const bits = BigInt(size * 8);
  if (number >= 1n << bits || number < -(1n << (bits - 1n))) refuse(name, `${value} does not fit in ${size} bytes`);
  return Uint8Array.from({ length: size }, (_, i) => Number((number >> BigInt(8 * i)) & 0xffn));
}

/** The variables that `constants` may set: all in sections that are frozen. */
function constantVariables(spec: CollectionSpec): [string, ObjectVariable][] {
  return [...spec.maps].flatMap(([map, { data }]) =>
    data?.frozen ? data.variables.map((variable): [string, ObjectVariable] => [map, variable]) : [],
  );
}

/** Whether a program has such a `const volatile` variable. */
export function hasConstant(spec: CollectionSpec, name: string): boolean {
  return constantVariables(spec).some(([, variable]) => variable.name === name);
}

/**
 * The contents of a data section with the constants that lie in it; undefined for zeros.
 * @param idOf the id of a map that exists already
 */
export function contentsWithConstants(
  spec: CollectionSpec,
  map: ObjectMap,
  constants: Readonly<Record<string, ConstantValue>>,
  idOf: (name: string) => number | undefined,
): Uint8Array | undefined {
  const { contents } = map.data!;
  const own = constantVariables(spec).filter(
    ([owner, { name }]) => owner === map.name && Object.hasOwn(constants, name),
  );
  if (own.length === 0) return contents;
  const patched = contents?.slice() ?? new Uint8Array(map.valueSize);
  for (const [, variable] of own) {
    const value = constants[variable.name]!;
    const plain =
      typeof value === 'object' && !(value instanceof Uint8Array)
        ? (idOf(value.mapId) ?? refuse(variable.name, `it is to be the id of map ${value.mapId}, which is not there`))
        : value;
    patched.set(bytesOf(variable, plain), variable.offset);
  }
  return patched;
}

/** @throws KernelError ENOENT for a name that no frozen section has */
export function checkConstants(spec: CollectionSpec, constants: Readonly<Record<string, ConstantValue>>): void {
  const known = constantVariables(spec).map(([, { name }]) => name);
  const missing = Object.keys(constants).find((name) => !known.includes(name));
  if (missing === undefined) return;
  throw new KernelError('ENOENT', `constant ${missing}`, {
    hint: `${spec.name || 'the object'} has no such const volatile variable, but ${known.join(', ') || 'none'}`,
  });
}
