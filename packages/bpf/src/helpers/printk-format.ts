/**
 * The text of bpf_trace_printk, bpf_trace_vprintk and bpf_snprintf: the conversions that the kernel takes from programs.
 *
 *   %%  %c  %s  %d %i %u %x %X with l, ll or nothing, width and zero padding  %p %px  %pI4 %pi4 %pI6 %pi6
 *
 * Without an l a number is 32 bits. %p prints the address itself: on the engine an address is no secret. Any other
 * conversion, or more conversions than arguments, is EINVAL, which `undefined` stands for.
 */
import type { Memory } from '@cpumap/smp';
import type { Readable } from './readable.ts';

export type Format = (format: number, size: number, args: readonly bigint[]) => string | undefined;

const CONVERSION = /%(?:%|(-?)(0?)(\d*)(ll|l|)([diuxXcs])|(p)(x|I4|i4|I6|i6|)(?![A-Za-z]))/gy;
const ADDRESS_BYTES: Readonly<Record<string, number>> = { I4: 4, i4: 4, I6: 16, i6: 16 };

function pad(text: string, left: string, zero: string, width: string): string {
  const length = Number(width || 0);
  if (left !== '') return text.padEnd(length);
  if (zero === '' || text.length >= length) return text.padStart(length);
  const sign = text.startsWith('-') ? '-' : '';
  return sign + text.slice(sign.length).padStart(length - sign.length, '0');
}

function integer(value: bigint, size: string, conversion: string): string {
  const bits = size === '' ? 32 : 64;
  if (conversion === 'd' || conversion === 'i') return BigInt.asIntN(bits, value).toString();
  const unsigned = BigInt.asUintN(bits, value);
  if (conversion === 'u') return unsigned.toString();
  const hex = unsigned.toString(16);
  return conversion === 'X' ? hex.toUpperCase() : hex;
}

export function attachFormat({ u8 }: Memory, readable: Readable): Format {
  function text(from: number, limit: number): string {
    let end = from;
    while (end < from + limit && readable(end, 1) && u8[end] !== 0) end++;
    return String.fromCharCode(...u8.subarray(from, end));
  }

  function address(kind: string, at: number): string {
    const size = ADDRESS_BYTES[kind]!;
    if (!readable(at, size)) return '(fault)';
    const bytes = [...u8.subarray(at, at + size)];
    if (kind === 'I4') return bytes.join('.');
    if (kind === 'i4') return bytes.map((byte) => String(byte).padStart(3, '0')).join('.');
    const hex = bytes.map((byte) => byte.toString(16).padStart(2, '0')).join('');
    return kind === 'i6' ? hex : hex.replace(/(.{4})(?!$)/g, '$1:');
  }

  return (format, size, args) => {
    const template = text(format, size);
    let out = '';
    let used = 0;
    for (let at = 0; at < template.length; ) {
      if (template[at] !== '%') {
        out += template[at++];
        continue;
      }
      CONVERSION.lastIndex = at;
      const match = CONVERSION.exec(template);
      if (match === null) return undefined;
      at = CONVERSION.lastIndex;
      const [whole, left = '', zero = '', width = '', length = '', conversion = '', pointer, kind = ''] = match;
      if (whole === '%%') {
        out += '%';
        continue;
      }
      const value = args[used++];
      if (value === undefined) return undefined;
      const low = Number(BigInt.asUintN(32, value));
      if (pointer !== undefined)
        out += kind in ADDRESS_BYTES ? address(kind, low) : value.toString(16).padStart(16, '0');
      else if (conversion === 's') out += pad(text(low, 512), left, '', width);
      else if (conversion === 'c') out += String.fromCharCode(low & 0xff);
      else out += pad(integer(value, length, conversion), left, zero, width);
    }
    return out;
  };
}
