/** Registers, stack and states as the kernel's log writes them. */
import { S32_MAX, S32_MIN, S64_MAX, S64_MIN, type Scalar, U32_MAX } from './scalar.ts';
import type { StackSlot } from './stack-slot.ts';
import { byteMask } from './stack-slot.ts';
import type { Frame, State } from './state.ts';
import { U64 } from './tnum.ts';
import { isPacket, type Pointer, typeName, type Value } from './values.ts';

/** The type as messages about pointers have it. */
export function pointerName(value: Pointer): string {
  return value.kind === 'struct' ? `trusted_ptr_${value.struct!.name}` : typeName(value);
}

function number(n: bigint | number): string {
  return n < -65535 || n > 65535 ? `0x${BigInt.asUintN(64, BigInt(n)).toString(16)}` : String(n);
}

/** `smin=umin=1,umax=7`: bounds that say something, those that are equal together. */
function bounds(s: Scalar): string[] {
  const entries: [name: string, value: bigint, isBound: boolean][] = [
    ['smin', s.smin, s.smin !== S64_MIN],
    ['smax', s.smax, s.smax !== S64_MAX],
    ['umin', s.umin, s.umin !== 0n],
    ['umax', s.umax, s.umax !== U64],
    ['smin32', BigInt(s.s32min), s.s32min !== S32_MIN],
    ['smax32', BigInt(s.s32max), s.s32max !== S32_MAX],
    ['umin32', BigInt(s.u32min), s.u32min !== 0],
    ['umax32', BigInt(s.u32max), s.u32max !== U32_MAX],
  ];
  const out: string[] = [];
  const left = entries.filter(([, , isBound]) => isBound);
  while (left.length > 0) {
    const [, value] = left[0]!;
    const same = left.filter(([, other]) => other === value);
    out.push(`${same.map(([name]) => `${name}=`).join('')}${number(value)}`);
    for (const one of same) left.splice(left.indexOf(one), 1);
  }
  if (s.mask !== U64) out.push(`var_off=(0x${s.value.toString(16)}; 0x${s.mask.toString(16)})`);
  return out;
}

function pointerFields(p: Pointer): string[] {
  const out: string[] = [];
  if (p.id !== 0 && p.kind !== 'struct') out.push(`id=${p.id}`);
  if (p.reference !== 0) out.push(`ref_obj_id=${p.reference}`);
  if (p.off !== 0) out.push(`off=${p.off}`);
  if (isPacket(p)) out.push(`r=${p.range < 0 ? `0x${BigInt.asUintN(64, BigInt(p.range)).toString(16)}` : p.range}`);
  if (p.map !== undefined) out.push(`map=${p.map.name}`, `ks=${p.map.keySize}`, `vs=${p.map.valueSize}`);
  if (p.kind === 'ringbuf-mem') out.push(`sz=${p.size}`);
  return p.variable === undefined ? out : [...out, ...bounds(p.variable)];
}

/** `precise` numbers have a P in front, as in the kernel's log. */
function valueText(value: Value): string {
  if (value.kind === 'scalar') {
    if (value.isConst) return `${value.precise ? 'P' : ''}${number(value.smin)}`;
    return `${value.precise ? 'P' : ''}scalar(${bounds(value).join(',')})`;
  }
  if (value.kind === 'fp') {
    const frame = value.frame === 0 ? '' : `[${value.frame}]`;
    return value.variable === undefined
      ? `fp${frame}${value.off === 0 ? '0' : value.off}`
      : `fp${frame}(off=${value.off},${bounds(value.variable).join(',')})`;
  }
  return `${pointerName(value)}(${pointerFields(value).join(',')})`;
}

/** Bytes from the highest down: m something, 0 zero, ? never written. */
function slotText(slot: StackSlot): string {
  const { value, valueSize, written, zero } = slot;
  if (value !== undefined && valueSize === 8) return valueText(value);
  const held = value === undefined ? 0 : byteMask(0, valueSize);
  let bytes = '';
  for (let i = 7; i >= 0; i--) {
    const bit = 1 << i;
    if ((held & bit) !== 0) return `${bytes}${valueText(value!)}`;
    bytes += (zero & bit) !== 0 ? '0' : (written & bit) !== 0 ? 'm' : '?';
  }
  return bytes;
}

/** Of one function: all that it holds, or only what was touched. */
export function frameText(
  { registers, stack }: Frame,
  wanted: { registers: (i: number) => boolean; slots: (i: number) => boolean },
): string {
  const parts: string[] = [];
  for (const [i, value] of registers.entries()) {
    if (value !== undefined && wanted.registers(i)) parts.push(`R${i}=${i === 10 ? 'fp0' : valueText(value)}`);
  }
  for (const [i, slot] of stack.entries()) {
    if (slot.written !== 0 && wanted.slots(i)) parts.push(`fp-${8 * (i + 1)}=${slotText(slot)}`);
  }
  return parts.join(' ');
}

export function stateText({ frames, references }: State): string {
  const top = frames.length - 1;
  const text = frameText(frames[top]!, { registers: () => true, slots: () => true });
  const refs = references.length === 0 ? '' : ` refs=${references.map(({ id }) => id).join(',')}`;
  return `${top === 0 ? '' : `frame${top}: `}${text}${refs}`;
}
