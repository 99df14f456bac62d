/** Loads from the context: what r1 points to when the program starts. Nothing may be stored there. */
import { type Access, tnumText } from './access.ts';
import { unknownOfSize } from './scalar.ts';
import { type Pointer, pointer, type Value } from './values.ts';
import type { Verification } from './verification.ts';
import type { ContextField, ContextModel, ContextValue } from './verifier-types.ts';

function loaded(v: Verification, value: ContextValue, size: number, signed: boolean): Value {
  switch (value.kind) {
    case 'packet':
    case 'packet-meta':
    case 'packet-end':
      return pointer(value.kind);
    case 'struct':
      return pointer('struct', { struct: value.struct, id: v.newId() });
    default:
      return unknownOfSize(size, signed);
  }
}

function fieldAt({ fields }: ContextModel, offset: number, size: number): ContextField | undefined {
  return fields.find((field) => field.offset < offset + size && offset < field.offset + field.size);
}

/** What a load gives; refuses every store, and loads that the model does not have. */
export function contextLoad(v: Verification, base: Pointer, access: Access, signed: boolean): Value {
  const { register, offset, size, write } = access;
  const { context } = v.input;
  if (base.variable !== undefined) {
    v.fail(
      'EACCES',
      `variable ctx access var_off=${tnumText(base.variable)} disallowed`,
      'the fields of a context are at known offsets',
    );
  }
  if (base.off !== 0) {
    v.fail(
      'EACCES',
      `dereference of modified ctx ptr R${register} off=${base.off} disallowed`,
      'access the context through the pointer that the program was given, with the offset in the instruction',
    );
  }
  const field = fieldAt(context, offset, size);
  const inside = offset >= 0 && offset % size === 0 && offset + size <= context.size;
  if (!write && inside) {
    const isPlain = !signed || field?.value.kind === 'scalar';
    if (field?.offset === offset && field.size === size && isPlain) return loaded(v, field.value, size, signed);
    const isNumber = field === undefined || field.value.kind === 'scalar';
    if (isNumber && offset >= (context.recordFrom ?? context.size)) return unknownOfSize(size, signed);
  }
  const hint = write
    ? 'the context is read-only'
    : context.kind === 'xdp'
      ? 'the fields of struct xdp_md are read with loads of 4 bytes; egress_ifindex is there only for programs of a devmap'
      : `the context has ${context.size} bytes, and numbers are read at multiples of their size`;
  return v.fail('EACCES', `invalid bpf_context access off=${offset} size=${size}`, hint);
}
