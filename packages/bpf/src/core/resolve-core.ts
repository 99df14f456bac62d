/**
 * `resolveCore`: the code of a program whose CO-RE relocations were decided for one target, a kernel's BTF or the engine's
 * table (btfOfTargetTypes). Pure: neither the program nor the target is changed.
 *
 * A type of the target stands for one of the program if kind and name agree, the name as far as `___`. What the target
 * does not have is 0 where the program asks whether it is there, and for its size and id; elsewhere the instruction is
 * poisoned. Where two types of the target give different answers, and where the instruction is not what the
 * relocation says, the program is refused, as libbpf refuses it.
 */
import { KernelError } from '@cpumap/uapi';
import type { Btf } from '../btf/btf.ts';
import type { CoreRelocationKind } from '../btf/btf-ext.ts';
import { btfSizeOf, btfTypeName } from '../btf/btf-walk.ts';
import type { LinkedProgram } from '../object/link-program.ts';
import type { ObjectCoreRelocation } from '../object/spec.ts';
import { accessBytes, fieldValue, isCertain, mayResize } from './core-field.ts';
import { type CorePatch, cannotMove, patch, poison } from './core-patch.ts';
import { localPath, targetField } from './core-path.ts';
import { areCompatible, candidates, essentialName, isEnum, match } from './core-types.ts';

export interface PoisonedInstruction {
  readonly slot: number;
  /** What was looked for and is not there. */
  readonly what: string;
}

export interface CoreResolution {
  readonly code: Uint8Array;
  readonly poisoned: readonly PoisonedInstruction[];
}

/** A decision for one instruction; undefined where the target has nothing for it. */
type Decision = CorePatch | undefined;

const value = (from: number | bigint | undefined, to: number | bigint): CorePatch => ({
  from: from === undefined ? undefined : BigInt(from),
  to: BigInt(to),
  fromBytes: 0,
  toBytes: 0,
  mayResize: true,
});

interface Question extends ObjectCoreRelocation {
  readonly program: string;
  readonly btf: Btf;
  readonly target: Btf;
}

function nameOf({ btf, type, access, kind }: Question): string {
  return `${kind} of ${btfTypeName(btf, type)} (${access})`;
}

function refuse(question: Question, what: string): never {
  throw new KernelError('EINVAL', 'bpf(BPF_PROG_LOAD)', {
    hint: `${question.program}, slot ${question.slot}, CO-RE ${nameOf(question)}: ${what}`,
  });
}

/** The one answer of all the types that the target has for the program's. */
function agreed<T>(question: Question, answer: (id: number) => T | undefined, same: (a: T, b: T) => boolean) {
  const { btf, type, target } = question;
  let found: T | undefined;
  for (const id of candidates({ btf, id: type }, target)) {
    const next = answer(id);
    if (next === undefined) continue;
    if (found !== undefined && !same(found, next)) {
      refuse(question, 'types of that name differ in the target, and nothing says which one is meant');
    }
    found ??= next;
  }
  return found;
}

function decideField(question: Question): Decision {
  const { btf, target, type, access, kind } = question;
  const path = localPath(btf, type, access);
  if (path === undefined) refuse(question, "the path leads nowhere in the program's own types");
  const before = fieldValue(kind, path.field);
  const from = isCertain(kind, path.field) ? before : undefined;
  const field = agreed(
    question,
    (id) => targetField(path, target, id),
    (a, b) => a.bitOffset === b.bitOffset && fieldValue(kind, a) === fieldValue(kind, b),
  );
  if (kind === 'field_exists') return value(1, field === undefined ? 0 : 1);
  if (field === undefined) return undefined;
  const to = fieldValue(kind, field);
  if (before === undefined || to === undefined) refuse(question, 'that cannot be said of such a field');
  return {
    ...value(from, to),
    fromBytes: accessBytes(kind, path.field),
    toBytes: accessBytes(kind, field),
    mayResize: mayResize(path.field, field),
  };
}

function decideType(question: Question): Decision {
  const { btf, target, type, kind } = question;
  const same = (a: number, b: number): boolean => a === b;
  const local = { btf, id: type };
  const compatible = (id: number): boolean => areCompatible(local, { btf: target, id });
  switch (kind) {
    case 'type_id_local':
      return value(undefined, type);
    case 'type_id_target':
      return value(undefined, agreed(question, (id) => (compatible(id) ? id : undefined), same) ?? 0);
    case 'type_exists':
      return value(1, agreed(question, (id) => (compatible(id) ? 1 : undefined), same) ?? 0);
    case 'type_matches':
      return value(1, agreed(question, (id) => (match(local, { btf: target, id }) ? 1 : undefined), same) ?? 0);
    default: {
      const size = agreed(question, (id) => (compatible(id) ? btfSizeOf(target, id) : undefined), same);
      return value(btfSizeOf(btf, type), size ?? 0);
    }
  }
}

function decideConstant(question: Question): Decision {
  const { btf, target, type, access, kind } = question;
  const local = btf.types[type];
  const constant = isEnum(local) ? local.values[Number(access)] : undefined;
  if (constant === undefined) refuse(question, "the program's own enum has no such constant");
  const name = essentialName(constant.name);
  const found = agreed(
    question,
    (id) => {
      const there = target.types[id];
      return isEnum(there) ? there.values.find((one) => essentialName(one.name) === name)?.value : undefined;
    },
    (a, b) => BigInt(a) === BigInt(b),
  );
  if (kind === 'enumval_exists') return value(1, found === undefined ? 0 : 1);
  return found === undefined ? undefined : value(constant.value, found);
}

function decide(question: Question): Decision {
  const of: CoreRelocationKind = question.kind;
  if (of.startsWith('field_')) return decideField(question);
  return of.startsWith('type_') ? decideType(question) : decideConstant(question);
}

/**
 * @param btf the object's own, which the relocations refer to
 * @throws KernelError EINVAL for what is ambiguous or contradicts itself
 */
export function resolveCore({ name, code, core }: LinkedProgram, btf: Btf, target: Btf): CoreResolution {
  const patched = code.slice();
  const view = new DataView(patched.buffer);
  const poisoned: PoisonedInstruction[] = [];
  for (const relocation of core) {
    const question: Question = { ...relocation, program: name, btf, target };
    const { slot } = relocation;
    const decision = decide(question);
    if (decision === undefined || cannotMove(view, slot, decision)) {
      const why = decision === undefined ? 'the target has no such thing' : 'a load cannot change its size with a sign';
      poisoned.push({ slot, what: `${nameOf(question)}: ${why}` });
      poison(view, slot);
      continue;
    }
    const wrong = patch(view, slot, decision);
    if (wrong !== undefined) refuse(question, `the instruction is not the one that it is about: ${wrong}`);
  }
  return { code: patched, poisoned };
}
