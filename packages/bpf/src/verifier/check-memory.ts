/**
 * Loads, stores and atomic operations: whether the bytes are the program's, and what a load gives.
 */
import { BPF_F_RDONLY_PROG, BPF_F_WRONLY_PROG } from '@cpumap/uapi';
import type { Instruction } from '../isa/instruction.ts';
import { accessSize, BPF_ATOMIC, BPF_CLASS, BPF_MODE } from '../isa/opcodes.ts';
import { type Access, tnumText } from './access.ts';
import { contextLoad } from './check-context.ts';
import { programFlags } from './map-flags.ts';
import { constant, unknownOfSize } from './scalar.ts';
import { signExtend } from './scalar-alu.ts';
import { escapes, forget, readStack, stackRange, writeStack } from './stack-access.ts';
import { AT_PACKET_END, isPacket, isPointer, type Pointer, typeName, type Value } from './values.ts';
import { readRegister, type Verification, writeRegister } from './verification.ts';

/** BPF_MAX_VAR_OFF: beyond it an unknown distance counts as unbounded. */
const MAX_VARIABLE = 1n << 29n;

const CHECK_FIRST = 'compare the distance with a constant, as unsigned, before it is added to the pointer';

/** Refuses what is outside `length` bytes; `sentence` says what was accessed. */
function checkRegion(
  v: Verification,
  base: Pointer,
  { register, offset, size }: Access,
  length: number,
  sentence: (off: number) => string,
): void {
  const off = base.off + offset;
  const { variable } = base;
  const outside = (at: number): boolean => at < 0 || at + size > length;
  const fail = (at: number, extreme: string): never => {
    v.log?.add(sentence(at));
    const hint = `it has ${length} bytes; ${variable === undefined ? 'the distance is known' : CHECK_FIRST}`;
    return v.fail('EACCES', extreme === '' ? sentence(at) : `R${register} ${extreme}`, hint);
  };
  if (variable === undefined) {
    if (outside(off)) {
      v.log?.add(sentence(off));
      v.fail(
        'EACCES',
        `R${register} min value is outside of the allowed memory range`,
        `${sentence(off)}: it has ${length} bytes`,
      );
    }
    return;
  }
  const least = variable.smin + BigInt(off);
  if (variable.smin < 0n && (least < 0n || variable.smin < -(1n << 31n))) {
    v.fail(
      'EACCES',
      `R${register} min value is negative, either use unsigned index or do a if (index >=0) check.`,
      CHECK_FIRST,
    );
  }
  if (outside(Number(least))) fail(Number(least), 'min value is outside of the allowed memory range');
  if (variable.umax >= MAX_VARIABLE) {
    v.fail('EACCES', `R${register} unbounded memory access, make sure to bounds check any such access`, CHECK_FIRST);
  }
  const most = Number(variable.umax) + off;
  if (outside(most)) fail(most, 'max value is outside of the allowed memory range');
}

/** Packet pointers know how many bytes a comparison with the packet's end has shown to be there. */
function checkPacket(v: Verification, base: Pointer, { register, offset, size }: Access): void {
  const off = base.off + offset;
  const { variable, range, id } = base;
  if (variable !== undefined && variable.smin < 0n) {
    v.fail(
      'EACCES',
      `R${register} min value is negative, either use unsigned index or do a if (index >=0) check.`,
      CHECK_FIRST,
    );
  }
  if (range >= 0 && off >= 0 && off + size <= range) return;
  v.log?.add(`invalid access to packet, off=${off} size=${size}, R${register}(id=${id},off=${base.off},r=${range})`);
  v.fail(
    range <= AT_PACKET_END ? 'EINVAL' : 'EACCES',
    `R${register} offset is outside of the packet`,
    `on this path ${Math.max(range, 0)} bytes are known to be there, and the access is of bytes ${off} to ${off + size - 1}: compare with data_end first`,
  );
}

function checkMapValue(v: Verification, base: Pointer, access: Access): void {
  const map = base.map!;
  const { register, offset, size, write } = access;
  const forbidden = write ? BPF_F_RDONLY_PROG : BPF_F_WRONLY_PROG;
  if ((programFlags(map) & forbidden) !== 0) {
    const what = write ? 'write into' : 'read from';
    v.fail(
      'EACCES',
      `${what} map forbidden, value_size=${map.valueSize} off=${offset} size=${size}`,
      `map "${map.name}" is ${write ? 'read-only' : 'write-only'} for programs`,
    );
  }
  checkRegion(
    v,
    base,
    access,
    map.valueSize,
    (off) => `invalid access to map value, value_size=${map.valueSize} off=${off} size=${size}`,
  );
  const lock = map.spinLockOffset;
  if (lock === undefined) return;
  const from = base.off + offset + Number(base.variable?.smin ?? 0n);
  const to = base.off + offset + Number(base.variable?.umax ?? 0n) + size;
  if (from < lock + 4 && to > lock) {
    v.fail(
      'EACCES',
      'bpf_spin_lock cannot be accessed directly by load/store',
      `R${register} leads to the lock of map "${map.name}": only bpf_spin_lock and bpf_spin_unlock may touch it`,
    );
  }
}

function checkStruct(v: Verification, base: Pointer, { register, offset, size, write }: Access): void {
  const { struct, variable } = base;
  const { name, size: length } = struct!;
  const off = base.off + offset;
  if (write) v.fail('EACCES', 'only read is supported', `struct ${name} is the kernel's: programs only read it`);
  if (off < 0) {
    v.fail('EACCES', `R${register} is ptr_${name} invalid negative access: off=${off}`, 'fields begin at 0');
  }
  if (variable !== undefined) {
    v.fail(
      'EACCES',
      `R${register} is ptr_${name} invalid variable offset: off=${off}, var_off=${tnumText(variable)}`,
      'fields are at known offsets',
    );
  }
  if (off + size > length) {
    v.fail('EACCES', `access beyond struct ${name} at off ${off} size ${size}`, `it has ${length} bytes`);
  }
}

/** Whether the bytes are the program's, whatever kind of memory they are in except stack and context. */
export function checkBytes(v: Verification, base: Pointer, access: Access): void {
  const { register, size, write } = access;
  switch (base.orNull ? 'null' : base.kind) {
    case 'packet':
    case 'packet-meta':
      checkPacket(v, base, access);
      break;
    case 'map-value':
      checkMapValue(v, base, access);
      break;
    case 'map-key': {
      if (write)
        v.fail('EACCES', `write to change key R${register} not allowed`, 'keys of a map only change by helpers');
      const { keySize } = base.map!;
      checkRegion(
        v,
        base,
        access,
        keySize,
        (off) => `invalid access to map key, key_size=${keySize} off=${off} size=${size}`,
      );
      break;
    }
    case 'ringbuf-mem':
      checkRegion(
        v,
        base,
        access,
        base.size,
        (off) => `invalid access to memory, mem_size=${base.size} off=${off} size=${size}`,
      );
      break;
    case 'struct':
      checkStruct(v, base, access);
      break;
    default:
      refuseAccess(v, base, register);
  }
}

function refuseAccess(v: Verification, base: Value, register: number): never {
  const name = typeName(base);
  const orNull = isPointer(base) && base.orNull;
  const hint = orNull
    ? 'compare the pointer with 0 first'
    : `a ${name} does not lead to memory that programs may access`;
  return v.fail('EACCES', `R${register} invalid mem access '${name}'`, hint);
}

function checkStackAlignment(v: Verification, base: Pointer, { offset, size }: Access): void {
  const off = base.off + offset;
  const { variable } = base;
  const mask = BigInt(size - 1);
  const aligned = variable === undefined ? true : ((variable.value | variable.mask) & mask) === 0n;
  if (aligned && off % size === 0) return;
  const text = variable === undefined ? '0' : tnumText(variable);
  v.fail(
    'EACCES',
    `misaligned stack access off ${text}+${base.off}+${offset} size ${size}`,
    'the stack is accessed at multiples of the size',
  );
}

/** What `size` bytes of a read-only map are; undefined if they can change. */
function constantOfMap({ map, off, variable }: Pointer, offset: number, size: number): bigint | undefined {
  if (variable !== undefined || map === undefined || (map.flags & BPF_F_RDONLY_PROG) === 0) return undefined;
  return map.constantValue?.(off + offset, size);
}

function load(v: Verification, base: Value, access: Access, signed: boolean): Value {
  const { register, offset, size } = access;
  if (!isPointer(base) || base.orNull) return refuseAccess(v, base, register);
  if (base.kind === 'ctx') return contextLoad(v, base, access, signed);
  if (base.kind === 'fp') {
    checkStackAlignment(v, base, access);
    return readStack(v, stackRange(v, base, register, offset, size, false), signed);
  }
  checkBytes(v, base, access);
  const known = base.kind === 'map-value' ? constantOfMap(base, offset, size) : undefined;
  if (known === undefined) return unknownOfSize(size, signed);
  return signed ? signExtend(constant(known), size * 8, true) : constant(known);
}

function store(v: Verification, base: Value, access: Access, value: Value): void {
  const { register, offset, size } = access;
  if (!isPointer(base) || base.orNull) refuseAccess(v, base, register);
  if (base.kind === 'ctx') {
    contextLoad(v, base, access, false);
    return;
  }
  if (base.kind !== 'fp') {
    checkBytes(v, base, access);
    return;
  }
  checkStackAlignment(v, base, access);
  const range = stackRange(v, base, register, offset, size, true);
  if (isPointer(value) && size !== 8) {
    v.fail('EACCES', 'invalid size of register spill', 'pointers are stored whole, as 8 bytes');
  }
  if (escapes(v, range, value)) {
    v.fail(
      'EINVAL',
      'cannot spill pointers to stack into stack frame of the caller',
      'the memory that it leads to would be gone when the function returns',
    );
  }
  writeStack(v, range, value);
}

function atomic(v: Verification, { dst, src, offset, opcode, imm }: Instruction): void {
  const size = accessSize(opcode);
  readRegister(v, src);
  if (imm === BPF_ATOMIC.CMPXCHG) readRegister(v, 0);
  const base = readRegister(v, dst);
  const access = { register: dst, offset, size, write: true };
  if (isPacket(base) || base.kind === 'ctx') {
    v.fail(
      'EACCES',
      `BPF_ATOMIC stores into R${dst} ${typeName(base)} is not allowed`,
      'atomic operations are for map values and the stack',
    );
  }
  if (!isPointer(base) || base.orNull) refuseAccess(v, base, dst);
  let fetched: Value = unknownOfSize(size);
  if (base.kind === 'fp') {
    checkStackAlignment(v, base, access);
    const range = stackRange(v, base, dst, offset, size, true);
    fetched = readStack(v, range, false);
    forget(v, range);
  } else {
    const off = base.off + offset;
    const bits = base.variable === undefined ? 0n : base.variable.value | base.variable.mask;
    if (((BigInt(off) | bits) & BigInt(size - 1)) !== 0n) {
      const variable = base.variable === undefined ? '0' : tnumText(base.variable);
      v.fail(
        'EACCES',
        `misaligned ${base.kind === 'map-value' ? 'value' : 'access'} access off ${variable}+${base.off}+${offset} size ${size}`,
        'an atomic operation is at a multiple of its size',
      );
    }
    checkBytes(v, base, { ...access, write: false });
    checkBytes(v, base, access);
  }
  if ((imm & BPF_ATOMIC.FETCH) === 0) return;
  writeRegister(v, imm === BPF_ATOMIC.CMPXCHG ? 0 : src, fetched);
}

/** LDX, ST and STX. */
export function checkMemory(v: Verification, instruction: Instruction): void {
  const { opcode, dst, src, offset, imm, slot } = instruction;
  const size = accessSize(opcode);
  const kind = opcode & 0x07;
  if (kind === BPF_CLASS.LDX) {
    const signed = (opcode & 0xe0) === BPF_MODE.MEMSX;
    const base = readRegister(v, src);
    writeRegister(v, dst, load(v, base, { register: src, offset, size, write: false }, signed));
  } else if (kind === BPF_CLASS.STX && (opcode & 0xe0) === BPF_MODE.ATOMIC) {
    atomic(v, instruction);
  } else {
    const value = kind === BPF_CLASS.ST ? constant(BigInt(imm)) : readRegister(v, src);
    store(v, readRegister(v, dst), { register: dst, offset, size, write: true }, value);
  }
  v.findings.proved.add(slot);
}
