/**
 * Calls of helpers: whether the program may, and what the registers are afterwards.
 */
import { BPF_F_RDONLY_PROG, BPF_FUNC, BPF_MAP_TYPE, bpfFuncName, NR_CPUS, progTypeName } from '@cpumap/uapi';
import { HELPER_PROTOTYPES, type HelperPrototype, MAP_TYPE_HELPERS } from '../helpers/prototypes.ts';
import type { Instruction } from '../isa/instruction.ts';
import { beginCallback } from './check-callback.ts';
import { knownNumber } from './check-jump.ts';
import { type Arguments, checkArguments } from './helper-arguments.ts';
import { isGplCompatible } from './license.ts';
import { programFlags } from './map-flags.ts';
import { markPrecise, normalize, type Scalar, unknown } from './scalar.ts';
import { constantInStack } from './stack-access.ts';
import { replacePointers } from './state.ts';
import { isPacket, pointer, type Value } from './values.ts';
import { frameOf, type Verification, writeRegister } from './verification.ts';
import type { VerifierMap } from './verifier-types.ts';

const M = BPF_MAP_TYPE;
const MAX_ERRNO = 4095n;

function prototypeOf(v: Verification, id: number): HelperPrototype {
  const name = bpfFuncName(id);
  if (name === undefined) {
    return v.fail('EINVAL', `invalid func unknown#${id}`, `Linux has no helper ${id}: it has 211, from 1 on`);
  }
  const prototype = HELPER_PROTOTYPES.get(id);
  const { programType, license } = v.input;
  if (prototype === undefined || !prototype.programTypes.includes(programType)) {
    const hint =
      prototype === undefined
        ? `bpf_${name} exists in Linux, but not in this engine`
        : `bpf_${name} is not for programs of type ${progTypeName(programType)}`;
    return v.fail('EINVAL', `program of this type cannot use helper bpf_${name}#${id}`, hint);
  }
  if (prototype.gplOnly && !isGplCompatible(license)) {
    v.fail(
      'EINVAL',
      'cannot call GPL-restricted function from non-GPL compatible program',
      `bpf_${name} is for programs under the GPL, and this one says "${license}": char LICENSE[] SEC("license") = "GPL"`,
    );
  }
  return prototype;
}

/** mirrors check_map_func_compatibility, both ways */
function checkMap(v: Verification, { id, name, mapTypes }: HelperPrototype, map: VerifierMap): void {
  const helpers = MAP_TYPE_HELPERS.get(map.type);
  if ((helpers?.has(id) ?? true) && (mapTypes?.includes(map.type) ?? true)) return;
  const takes = helpers === undefined ? undefined : [...helpers].map((one) => `bpf_${bpfFuncName(one)}`).join(', ');
  v.fail(
    'EINVAL',
    `cannot pass map_type ${map.type} into func bpf_${name}#${id}`,
    takes === undefined ? `bpf_${name} is for other map types` : `map "${map.name}" can be used with ${takes} only`,
  );
}

/** Programs do not change maps that are read-only for them. */
function checkMapAccess(v: Verification, { id }: HelperPrototype, map: VerifierMap): void {
  const writes = id === BPF_FUNC.map_update_elem || id === BPF_FUNC.map_delete_elem;
  if (!writes || (programFlags(map) & BPF_F_RDONLY_PROG) === 0) return;
  v.fail('EACCES', 'write into map forbidden', `map "${map.name}" is read-only for programs`);
}

/** Calls of one instruction on several paths: what is the same on all of them. */
function note(v: Verification, slot: number, prototype: HelperPrototype, map: VerifierMap | undefined): void {
  const { mapAtCall, constantArguments } = v.findings;
  if (map !== undefined) mapAtCall.set(slot, !mapAtCall.has(slot) || mapAtCall.get(slot) === map ? map : undefined);
  const known = constantArguments.get(slot);
  const now = prototype.args.map((_, i) => knownNumber(v, i + 1));
  constantArguments.set(slot, known === undefined ? now : now.map((n, i) => (n === known[i] ? n : undefined)));
}

/** Whether the lookup always finds something: an array's element whose index is known and small enough. */
function alwaysFinds(v: Verification, { id }: HelperPrototype, { map, key }: Arguments): boolean {
  const isArray = map!.type === M.ARRAY || map!.type === M.PERCPU_ARRAY;
  if (!isArray || key === undefined) return false;
  if (id !== BPF_FUNC.map_lookup_elem && id !== BPF_FUNC.map_lookup_percpu_elem) return false;
  const index = constantInStack(v, key);
  if (index === undefined || index.value >= BigInt(map!.maxEntries)) return false;
  markPrecise(index);
  return id === BPF_FUNC.map_lookup_elem;
}

function lookedUp(v: Verification, prototype: HelperPrototype, args: Arguments): Value {
  const map = args.map!;
  const id = v.newId();
  if (map.type === M.ARRAY_OF_MAPS || map.type === M.HASH_OF_MAPS) {
    return pointer('map', { map: map.inner!, orNull: true, id });
  }
  if (map.type === M.XSKMAP) return pointer('struct', { struct: { name: 'xdp_sock', size: 4 }, orNull: true, id });
  const orNull = !alwaysFinds(v, prototype, args);
  return pointer('map-value', { map, orNull, id: orNull || map.spinLockOffset !== undefined ? id : 0 });
}

function integerOf({ id }: HelperPrototype, { mostBytes }: Arguments): Scalar {
  const s = unknown();
  if (id === BPF_FUNC.get_smp_processor_id) s.umax = BigInt(NR_CPUS - 1);
  else if (id === BPF_FUNC.probe_read_str || id === BPF_FUNC.probe_read_kernel_str) {
    s.smax = mostBytes;
    s.smin = -MAX_ERRNO;
  } else return s;
  normalize(s);
  return s;
}

function returned(v: Verification, prototype: HelperPrototype, args: Arguments): Value | undefined {
  switch (prototype.returns) {
    case 'void':
      return undefined;
    case 'map-value-or-null':
      return lookedUp(v, prototype, args);
    case 'ringbuf-mem-or-null': {
      const id = v.newId();
      v.state.references = [...v.state.references, { id, slot: v.instruction.slot }];
      return pointer('ringbuf-mem', { size: args.allocated, orNull: true, id, reference: id });
    }
    default:
      return integerOf(prototype, args);
  }
}

/** Pointers to what was given back, or to a packet that may have moved, are numbers from now on. */
function invalidate(v: Verification, prototype: HelperPrototype, { released }: Arguments): void {
  if (released !== undefined) {
    v.state.references = v.state.references.filter(({ id }) => id !== released.reference);
    replacePointers(v.state, (value) => (value.reference === released.reference ? unknown() : value));
  }
  if (!prototype.changesPacket) return;
  v.findings.changesPacket = true;
  replacePointers(v.state, (value) => (isPacket(value) || value.kind === 'packet-end' ? unknown() : value));
}

function takeLock(v: Verification, { id }: HelperPrototype, { locked }: Arguments): void {
  if (locked === undefined) return;
  const { lock } = v.state;
  if (id === BPF_FUNC.spin_lock) {
    v.state.lock = { id: locked.id, map: locked.map };
    return;
  }
  if (lock === undefined) v.fail('EINVAL', 'bpf_spin_unlock without taking a lock', 'no lock is held on this path');
  if (lock.id !== locked.id || lock.map !== locked.map) {
    v.fail('EINVAL', 'bpf_spin_unlock of different lock', 'the lock that is held is that of another value');
  }
  v.state.lock = undefined;
}

/** The map holds programs, and nothing is held that another program could not give back. */
function checkTailCall(v: Verification, map: VerifierMap): void {
  const { references } = v.state;
  v.findings.usesTailCalls = true;
  if (map.type !== M.PROG_ARRAY) {
    v.fail('EINVAL', 'expected prog array map for tail call', `map "${map.name}" holds no programs`);
  }
  const [first] = references;
  if (first === undefined) return;
  v.log?.add(`Unreleased reference id=${first.id} alloc_insn=${first.slot}`);
  v.fail('EINVAL', 'tail_call would lead to reference leak', 'submit or discard the record before the tail call');
}

/** @returns the slot to go on with */
export function checkHelper(v: Verification, { slot, imm }: Instruction): number {
  const prototype = prototypeOf(v, imm);
  if (v.state.lock !== undefined && imm !== BPF_FUNC.spin_unlock) {
    v.fail('EINVAL', 'function calls are not allowed while holding a lock', 'unlock first: the holder must be quick');
  }
  const args = checkArguments(v, prototype);
  note(v, slot, prototype, args.map);
  if (args.map !== undefined) checkMapAccess(v, prototype, args.map);
  takeLock(v, prototype, args);
  if (imm === BPF_FUNC.tail_call) checkTailCall(v, args.map!);
  if (args.callback !== undefined) beginCallback(v, prototype, args);
  const result = returned(v, prototype, args);
  invalidate(v, prototype, args);
  for (let register = 1; register <= 5; register++) frameOf(v).registers[register] = undefined;
  if (args.map !== undefined) checkMap(v, prototype, args.map);
  writeRegister(v, 0, result);
  return slot + 1;
}
