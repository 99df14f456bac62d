/**
 * The text of bpf_trace_printk, bpf_trace_vprintk and bpf_snprintf: the conversions that the kernel takes from programs.
 *
 *   %%  %c  %s  %d %i %u %x %X with l, ll or nothing; flags `-`, `+`, space and 0, and a width, of all but %%
 *   %p %pK %px %ps %pS %pB  %pks %pus  %pI4 %pi4 %pI6 %pi6; letters and digits behind these are passed over
 *
 * Without an l a number is 32 bits. %p and %pK print the address itself: on the engine an address is no secret. Any other
 * conversion, a control character, or more conversions than arguments is EINVAL, which `undefined` stands for. Arguments
 * that are left over are not looked at.
 */
import type { Memory } from '@cpumap/smp';
import type { Readable } from './readable.ts';

export type Format = (format: number, size: number, args: readonly bigint[]) => string | undefined;

const CONVERSION =
  /%(?:%|([-+ 0]*)(\d*)(?:(ll?|)([diuxX])|([cs])|p(I4|i4|I6|i6|[ku]s|[KxsSB]|(?![A-Za-z0-9]))[A-Za-z0-9]*))/y;
const ADDRESS_BYTES: Readonly<Record<string, number>> = { I4: 4, i4: 4, I6: 16, i6: 16 };
/** Of a text argument. */
const LONGEST = 512;

/** Neither a space of some kind nor printable, in Latin-1. */
function isControl(code: number): boolean {
  return (code < 0x20 && !(code >= 0x09 && code <= 0x0d)) || (code >= 0x7f && code <= 0x9f);
}

function pad(text: string, flags: string, width: number): string {
  return flags.includes('-') ? text.padEnd(width) : text.padStart(width);
}

function integer(value: bigint, size: string, conversion: string, flags: string, width: number): string {
  const bits = size === '' ? 32 : 64;
  const isSigned = conversion === 'd' || conversion === 'i';
  const number = isSigned ? BigInt.asIntN(bits, value) : BigInt.asUintN(bits, value);
  const plus = flags.includes('+') ? '+' : flags.includes(' ') ? ' ' : '';
  const sign = number < 0n ? '-' : isSigned ? plus : '';
  const lower = (number < 0n ? -number : number).toString(isSigned || conversion === 'u' ? 10 : 16);
  const digits = conversion === 'X' ? lower.toUpperCase() : lower;
  const zeros = flags.includes('0') && !flags.includes('-') ? width - sign.length : 0;
  return pad(sign + digits.padStart(zeros, '0'), flags, width);
}

export function attachFormat({ u8 }: Memory, readable: Readable): Format {
  function text(from: number, limit: number): string {
    let end = from;
    while (end < from + limit && readable(end, 1) && u8[end] !== 0) end++;
    return String.fromCharCode(...u8.subarray(from, end));
  }

  /** A network address; what cannot be read is zeros. */
  function address(kind: string, at: number): string {
    const size = ADDRESS_BYTES[kind]!;
    const bytes = readable(at, size) ? [...u8.subarray(at, at + size)] : new Array<number>(size).fill(0);
    if (kind === 'I4') return bytes.join('.');
    if (kind === 'i4') return bytes.map((byte) => String(byte).padStart(3, '0')).join('.');
    const hex = bytes.map((byte) => byte.toString(16).padStart(2, '0')).join('');
    return kind === 'i6' ? hex : hex.replace(/(.{4})(?!$)/g, '$1:');
  }

  function pointer(kind: string, value: bigint, width: number): string {
    const low = Number(BigInt.asUintN(32, value));
    const isMemory = value >> 32n === 0n;
    if (kind in ADDRESS_BYTES) return address(kind, isMemory ? low : 0);
    if (kind === 'ks' || kind === 'us') return isMemory ? text(low, LONGEST) : '';
    const hex = value.toString(16);
    if (kind === 's' || kind === 'S' || kind === 'B') return `0x${hex}`; // no symbol has such an address
    return width === 0 ? hex.padStart(16, '0') : hex;
  }

  return (format, size, args) => {
    const template = text(format, size);
    let out = '';
    let used = 0;
    for (let at = 0; at < template.length; ) {
      if (template[at] !== '%') {
        if (isControl(template.charCodeAt(at))) return undefined;
        out += template[at++];
        continue;
      }
      CONVERSION.lastIndex = at;
      const match = CONVERSION.exec(template);
      if (match === null) return undefined;
      at = CONVERSION.lastIndex;
      const [whole, flags = '', digits = '', length = '', number, plain, kind = ''] = match;
      if (whole === '%%') {
        out += '%';
        continue;
      }
      const value = args[used++];
      if (value === undefined) return undefined;
      const width = Number(digits);
      const low = Number(BigInt.asUintN(32, value));
      if (number !== undefined) out += integer(value, length, number, flags, width);
      else if (plain === 'c') out += pad(String.fromCharCode(low & 0xff), flags, width);
      else if (plain === 's') out += pad(value >> 32n === 0n ? text(low, LONGEST) : '', flags, width);
      else out += pad(pointer(kind, value, width), flags, width);
    }
    return out;
  };
}
