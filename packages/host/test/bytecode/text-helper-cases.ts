/** bpf_snprintf: what it takes, and the text that it makes. */
import { BPF_F_RDONLY_PROG, BPF_MAP_TYPE } from '@cpumap/uapi';
import { call, keep, onStack, PASS } from './support/fragments.ts';
import { DOTS, type KernelCase, TEXT } from './support/kernel-case.ts';

type Argument = number | string;
const STRING = 200; // of a text argument, below r10; each has 32 bytes
const DATA = 96;

/** A number, a number of 64 bits that ends in ll, or a text, whose address is passed. */
function argument(value: Argument, n: number): string {
  if (typeof value === 'number' || value.endsWith(' ll')) return `r1 = ${value}\n*(u64 *)(r10 - ${DATA - 8 * n}) = r1`;
  const at = STRING + 32 * n;
  return `
    ${onStack(value, at)}
    r1 = r10
    r1 += -${at}
    *(u64 *)(r10 - ${DATA - 8 * n}) = r1`;
}

function snprintf(format: string, args: readonly Argument[], size: number = TEXT.valueSize): KernelCase {
  const shown = args.map((value) => JSON.stringify(value)).join(', ');
  return {
    name: `${JSON.stringify(format)}${args.length === 0 ? '' : `, ${shown}`}${size === 64 ? '' : ` in ${size}`}`,
    text: `
    ${args.map(argument).join('\n')}
    r1 = ${size === 0 ? '0' : 'map_value(text) ll'}
    r2 = ${size}
    r3 = map_value(format) ll
    r4 = ${args.length === 0 ? '0' : `r10\nr4 += -${DATA}`}
    r5 = ${8 * args.length}
    ${call('snprintf')}
    ${keep(0)}
    ${PASS}`,
    maps: { text: TEXT, format: { ...TEXT, flags: BPF_F_RDONLY_PROG, type: BPF_MAP_TYPE.ARRAY } },
    elements: [
      DOTS,
      { map: 'format', key: 0, value: Buffer.from(format.padEnd(TEXT.valueSize, '\0'), 'latin1').toString('hex') },
    ],
  };
}

const NUMBERS: readonly Argument[] = [
  0,
  7,
  -7,
  0x7fffffff,
  '0xffffffff ll',
  '0x8000000000000000 ll',
  '0x123456789a ll',
];
const CONVERSIONS = ['%d', '%i', '%u', '%x', '%X', '%ld', '%lu', '%lx', '%lld', '%llu', '%llx', '%llX', '%lli'];
const PADDED = ['[%5d]', '[%-5d]', '[%05d]', '[%10x]', '[%010llx]', '[%-10lu]', '[%1d]', '[%0d]', '[%-05d]', '[%20d]'];
const FLAGGED = ['[%+d]', '[% d]', '[%#x]', '[%#llx]', '[%#X]', '[%+5d]', '[% 05d]', '[%--5d]', '[%00005d]', '[%0-5d]'];
const REFUSED = [
  '%hd',
  '%hhd',
  '%zd',
  '%jd',
  '%td',
  '%o',
  '%f',
  '%e',
  '%n',
  '%b',
  '%a',
  '%lc',
  '%.2d',
  '%*d',
  '%5',
  '%',
];
const LONG = 'x'.repeat(50);

export const CASES: readonly KernelCase[] = [
  snprintf('', []),
  snprintf('plain text', []),
  snprintf('line\n', []),
  snprintf('tab\tand more\r\n', []),
  snprintf('100%%', []),
  snprintf('%%%%', []),
  snprintf('%5%', []),
  snprintf('bell \x07', []),
  snprintf('byte \xe9', []),
  ...CONVERSIONS.flatMap((conversion) => NUMBERS.map((number) => snprintf(conversion, [number]))),
  ...[...PADDED, ...FLAGGED].flatMap((format) => [42, -42].map((number) => snprintf(format, [number]))),
  ...REFUSED.map((format) => snprintf(format, [5])),
  ...['[%s]', '[%8s]', '[%-8s]', '[%2s]', '[%.2s]', '[%ls]', '[%08s]'].map((format) => snprintf(format, ['text'])),
  snprintf('[%s]', ['']),
  snprintf('[%s]', [0]),
  snprintf('[%s]', [1]),
  snprintf('[%s]', ['0x100000000 ll']),
  snprintf('[%s] and [%s]', ['one', 'two']),
  snprintf('[%s]', ['a text of thirty-one characters']),
  ...['[%c]', '[%3c]', '[%-3c]', '[%03c]', '[%c%c]'].map((format) => snprintf(format, [0x41, 0x42])),
  snprintf('[%c]', [0x41]),
  snprintf('[%3c]', [0x41]),
  snprintf('[%-3c]', [0x41]),
  snprintf('[%c]', [0]),
  snprintf('[%c]', [0x141]),
  snprintf('[%c]', [0xe9]),
  ...['%px', '%pxx', '%px9', '%p%px'].map((format) => snprintf(format, [0x1234])),
  snprintf('%px', ['0xffff888000001234 ll']),
  snprintf('[%20px]', [0x1234]),
  snprintf('[%5px]', [0x1234]),
  snprintf('[%-20px]', [0x1234]),
  snprintf('%pI4', ['\x0a\x01\x02\x03']),
  snprintf('%pi4', ['\x0a\x01\x02\x03']),
  snprintf('%pI6', ['\x20\x01\x0d\xb8'.padEnd(15, '\x01')]),
  snprintf('%pi6', ['\x20\x01\x0d\xb8'.padEnd(15, '\x01')]),
  ...['%pI', '%pI5', '%pi', '%pI4h', '%pI4x', '%pM', '%pU', '%pE', '%pI44'].map((format) =>
    snprintf(format, ['\x0a\x01\x02\x03']),
  ),
  snprintf('%pI6c', ['\x20\x01\x0d\xb8'.padEnd(15, '\x01')]),
  snprintf('%pI4', [0]),
  snprintf('%d %s %x', [1, 'two', 3]),
  snprintf('%d %d %d %d %d %d %d %d %d %d %d %d', [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]),
  snprintf('%d %d', [1]),
  snprintf('%d', [1, 2]),
  snprintf('%d', []),
  ...[0, 1, 2, 8, 9, 10].map((size) => snprintf('%d text', [12345], size)),
  snprintf(`${LONG}%d`, [1_234_567_890], 64),
  snprintf(`${LONG}%s`, ['longer than what is left there'], 64),
];
