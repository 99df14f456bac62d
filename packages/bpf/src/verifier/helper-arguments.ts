/**
 * The arguments of helpers, by the kinds that their prototypes name.
 */
import { BPF_F_RDONLY_PROG, BPF_FUNC } from '@cpumap/uapi';
import type { HelperArgument, HelperPrototype } from '../helpers/prototypes.ts';
import { checkBytes } from './check-memory.ts';
import { markPrecise, type Scalar } from './scalar.ts';
import { forget, readByHelper, type StackRange, stackRange } from './stack-access.ts';
import { pointerName } from './value-text.ts';
import { isPacket, isPointer, isScalar, type Pointer, type Value } from './values.ts';
import { readRegister, type Verification } from './verification.ts';
import type { VerifierMap } from './verifier-types.ts';

/** What the arguments of one call turned out to be. */
export interface Arguments {
  map: VerifierMap | undefined;
  callback: Pointer | undefined;
  allocated: number;
  released: Pointer | undefined;
  locked: Pointer | undefined;
  /** The stack where the key lies. */
  key: StackRange | undefined;
  /** The most bytes that a size may be. */
  mostBytes: bigint;
  /** Memory that the helper fills: to be forgotten when all arguments are known to be good. */
  readonly filled: StackRange[];
}

/** BPF_MAX_VAR_SIZ */
const MAX_SIZE = 1n << 29n;

const MEMORY = 'fp, pkt, pkt_meta, map_key, map_value, mem, ringbuf_mem, buf, trusted_ptr_';
const EXPECTED: Readonly<Partial<Record<HelperArgument, string>>> = {
  ctx: 'ctx',
  map: 'map_ptr',
  'map-key': MEMORY,
  'map-value': MEMORY,
  mem: MEMORY,
  'mem-or-null': MEMORY,
  'uninit-mem': MEMORY,
  'uninit-mem-or-null': MEMORY,
  'release-ringbuf-mem': 'ringbuf_mem',
  func: 'func',
  'stack-or-null': 'fp',
  'spin-lock': 'map_value, ptr_',
  'const-string': 'map_value',
  'xdp-buff': 'ptr_, trusted_ptr_, rcu_ptr_',
};

const KINDS: Readonly<Partial<Record<HelperArgument, readonly string[]>>> = {
  ctx: ['ctx'],
  map: ['map'],
  'release-ringbuf-mem': ['ringbuf-mem'],
  func: ['func'],
  'stack-or-null': ['fp'],
  'spin-lock': ['map-value'],
  'const-string': ['map-value'],
  'xdp-buff': ['struct'],
};
const MEMORY_KINDS = ['fp', 'packet', 'packet-meta', 'map-key', 'map-value', 'ringbuf-mem'];

/** Helpers that take pointers into the packet for memory. */
const PACKET_ACCESS: ReadonlySet<number> = new Set([
  BPF_FUNC.map_lookup_elem,
  BPF_FUNC.map_update_elem,
  BPF_FUNC.map_delete_elem,
  BPF_FUNC.map_lookup_percpu_elem,
  BPF_FUNC.csum_diff,
]);

function isNull(value: Value): boolean {
  return isScalar(value) && value.isConst && value.value === 0n;
}

function checkKind(v: Verification, register: number, value: Value, kind: HelperArgument): asserts value is Pointer {
  const kinds = KINDS[kind] ?? MEMORY_KINDS;
  const isThat = isPointer(value) && !value.orNull && kinds.includes(value.kind);
  if (isThat && (kind !== 'xdp-buff' || value.struct!.name === 'xdp_buff')) return;
  const name = isPointer(value) ? pointerName(value) : 'scalar';
  const hint =
    isPointer(value) && value.orNull ? 'compare the pointer with 0 first' : `the helper takes ${kind} in r${register}`;
  v.fail('EACCES', `R${register} type=${name} expected=${EXPECTED[kind]}`, hint);
}

/** Pointers that helpers take as they are, not as memory: they must not have been moved. */
function checkUnmoved(v: Verification, register: number, p: Pointer): void {
  if (p.variable === undefined && p.off === 0) return;
  v.fail(
    p.kind === 'ringbuf-mem' ? 'EINVAL' : 'EACCES',
    p.kind === 'ringbuf-mem'
      ? `R${register} must have zero offset when passed to release func or trusted arg to kfunc`
      : `dereference of modified ${pointerName(p)} ptr R${register} off=${p.off} disallowed`,
    'pass the pointer as the program got it',
  );
}

/** Memory of at most `size` bytes that the helper reads or fills. */
function checkMemory(
  v: Verification,
  { id }: HelperPrototype,
  args: Arguments,
  register: number,
  p: Pointer,
  size: number,
  fills: boolean,
): void {
  if (isPacket(p) && !PACKET_ACCESS.has(id)) {
    v.fail('EACCES', 'helper access to the packet is not allowed', 'copy what the helper needs to the stack first');
  }
  if (p.kind !== 'fp') {
    checkBytes(v, p, { register, offset: 0, size, write: fills });
    return;
  }
  const range = stackRange(v, p, register, 0, size, fills);
  if (fills) args.filled.push(range);
  else readByHelper(v, range);
}

interface Size {
  readonly most: number;
}

function checkSize(v: Verification, register: number, size: Scalar, mayBeZero: boolean): Size {
  const hint = 'compare the size with constants, as unsigned, before the call';
  if (size.smin < 0n) {
    v.fail('EACCES', `R${register} min value is negative, either use unsigned or 'var &= const'`, hint);
  }
  if (size.umin === 0n && !mayBeZero) {
    v.fail('EACCES', `R${register} invalid zero-sized read: u64=[${size.umin},${size.umax}]`, hint);
  }
  if (size.umax >= MAX_SIZE) {
    v.fail('EACCES', `R${register} unbounded memory access, use 'var &= const' or 'if (var < const)'`, hint);
  }
  markPrecise(size);
  return { most: Number(size.umax) };
}

function checkString(v: Verification, register: number, { map, off, variable }: Pointer): void {
  if (map === undefined || (map.flags & BPF_F_RDONLY_PROG) === 0 || map.constantValue === undefined) {
    v.fail('EACCES', `R${register} does not point to a readonly map'`, 'the string must be a constant of the program');
  }
  if (variable !== undefined) {
    v.fail('EACCES', `R${register} is not a constant address'`, 'the string must be a constant of the program');
  }
  for (let at = off; at < map.valueSize; at++) if (map.constantValue(at, 1) === 0n) return;
  v.fail('EINVAL', 'string is not zero-terminated', `none of the bytes from ${off} on is 0`);
}

/** The map must be one whose values have a lock, and the pointer lead there. */
function checkLock(v: Verification, register: number, p: Pointer): void {
  const map = p.map!;
  if (p.variable !== undefined) {
    const text = `R${register} doesn't have constant offset. bpf_spin_lock has to be at the constant offset`;
    v.fail('EINVAL', text, 'a lock is at a known place of the value');
  }
  if (map.spinLockOffset === undefined) {
    v.fail('EINVAL', `map '${map.name}' has no valid bpf_spin_lock`, 'the value has no struct bpf_spin_lock');
  }
  if (map.spinLockOffset !== p.off) {
    v.fail(
      'EINVAL',
      `off ${p.off} doesn't point to 'struct bpf_spin_lock' that is at ${map.spinLockOffset}`,
      'pass the address of the lock',
    );
  }
}

function checkPointer(
  v: Verification,
  prototype: HelperPrototype,
  args: Arguments,
  register: number,
  p: Pointer,
  kind: HelperArgument,
): void {
  switch (kind) {
    case 'map':
      args.map = p.map;
      return;
    case 'map-key':
    case 'map-value': {
      const size = kind === 'map-key' ? args.map!.keySize : args.map!.valueSize;
      if (size === 0) v.fail('EACCES', 'invalid zero-sized read', `map "${args.map!.name}" has no ${kind.slice(4)}s`);
      if (kind === 'map-key' && p.kind === 'fp') args.key = stackRange(v, p, register, 0, size, false);
      checkMemory(v, prototype, args, register, p, size, false);
      return;
    }
    case 'ctx':
    case 'xdp-buff':
      checkUnmoved(v, register, p);
      return;
    case 'release-ringbuf-mem':
      checkUnmoved(v, register, p);
      if (p.reference === 0) {
        v.fail('EINVAL', `R${register} must be referenced when passed to release function`, 'it was given back before');
      }
      args.released = p;
      return;
    case 'func':
      args.callback = p;
      return;
    case 'spin-lock':
      checkLock(v, register, p);
      args.locked = p;
      return;
    case 'const-string':
      checkString(v, register, p);
      return;
    default:
  }
}

/** A size belongs to the memory in the register before. */
function checkPair(
  v: Verification,
  prototype: HelperPrototype,
  args: Arguments,
  register: number,
  size: Scalar,
  mayBeZero: boolean,
): void {
  const memory = readRegister(v, register - 1);
  const kind = prototype.args[register - 2]!;
  const { most } = checkSize(v, register, size, mayBeZero);
  args.mostBytes = BigInt(most);
  if (!isPointer(memory)) {
    if (most === 0) return;
    v.fail('EACCES', `R${register - 1} type=scalar expected=fp`, 'no memory, and a size that is not 0');
  }
  if (most === 0 && memory.kind === 'fp') return;
  checkMemory(v, prototype, args, register - 1, memory, most, kind.startsWith('uninit'));
}

/** Checks r1 to r5 against the prototype. */
export function checkArguments(v: Verification, prototype: HelperPrototype): Arguments {
  const args: Arguments = {
    map: undefined,
    callback: undefined,
    allocated: 0,
    released: undefined,
    locked: undefined,
    key: undefined,
    mostBytes: 0n,
    filled: [],
  };
  for (const [i, kind] of prototype.args.entries()) {
    const register = i + 1;
    const value = readRegister(v, register);
    if (kind === 'anything') continue;
    if (kind.endsWith('or-null') && isNull(value)) {
      markPrecise(value as Scalar);
      continue;
    }
    if (kind === 'size' || kind === 'size-or-zero' || kind === 'alloc-size') {
      if (!isScalar(value)) {
        v.fail('EACCES', `R${register} type=${pointerName(value)} expected=scalar`, 'a size is a number');
      }
      if (kind !== 'alloc-size') {
        checkPair(v, prototype, args, register, value, kind === 'size-or-zero');
        continue;
      }
      if (!value.isConst) {
        v.fail('EACCES', `R${register} is not a known constant'`, 'the size must be the same on every run');
      }
      markPrecise(value);
      args.allocated = Number(value.value);
      continue;
    }
    checkKind(v, register, value, kind);
    checkPointer(v, prototype, args, register, value, kind);
  }
  for (const range of args.filled) forget(v, range);
  return args;
}
