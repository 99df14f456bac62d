/** bpf_csum_diff, bpf_strncmp, bpf_probe_read_kernel and its string. */
import { BPF_F_RDONLY_PROG, BPF_MAP_TYPE } from '@cpumap/uapi';
import { call, keep, onStack, PASS } from './support/fragments.ts';
import { DOTS, type KernelCase, TEXT } from './support/kernel-case.ts';

const ARRAY = { type: BPF_MAP_TYPE.ARRAY, keySize: 4, maxEntries: 1 };
const hex = (text: string, length: number): string => Buffer.from(text.padEnd(length, '\0'), 'latin1').toString('hex');

const BYTES = {
  maps: { bytes: { ...ARRAY, valueSize: 1024 } },
  elements: [
    {
      map: 'bytes',
      key: 0,
      value: Array.from({ length: 1024 }, (_, i) => ((i * 37 + 11) & 0xff).toString(16).padStart(2, '0')).join(''),
    },
  ],
};

/** NULL where there is nothing to sum. */
const pointer = (size: number): string => (size === 0 ? '0' : 'map_value(bytes) ll');

/** The first `from` bytes out, the `to` bytes from 512 on in. */
const csumDiff = (from: number, to: number, seed: number | string): string => `
    r1 = ${pointer(from)}
    r2 = ${from}
    r3 = ${pointer(to)}
    ${to === 0 ? '' : 'r3 += 512'}
    r4 = ${to}
    r5 = ${seed}
    ${call('csum_diff')}
    ${keep(0)}
    ${PASS}`;

const strncmp = (left: string, size: number, right: string) => ({
  name: `strncmp ${JSON.stringify(left)} ${size} ${JSON.stringify(right)}`,
  text: `
    ${onStack(left.padEnd(15, '\0'), 32)}
    r1 = r10
    r1 += -32
    r2 = ${size}
    r3 = map_value(right) ll
    ${call('strncmp')}
    ${keep(0)}
    ${PASS}`,
  maps: { right: { ...ARRAY, valueSize: 16, flags: BPF_F_RDONLY_PROG } },
  elements: [{ map: 'right', key: 0, value: hex(right, 16) }],
});

/** Reads `size` bytes into the array `text`; `from` puts the address in r3. */
const probeRead = (from: string, size: number, string: boolean): string => `
    r6 = r1
    ${onStack('on the stack\0behind', 64)}
    r1 = map_value(text) ll
    r2 = ${size}
    ${from}
    ${call(string ? 'probe_read_kernel_str' : 'probe_read_kernel')}
    ${keep(0)}
    ${PASS}`;

const ADDRESSES = {
  'the stack': 'r3 = r10\nr3 += -64',
  'the packet': 'r3 = *(u32 *)(r6 + 0)',
  'a map': 'r3 = map_value(bytes) ll',
  'the end of a map': 'r3 = map_value(bytes) ll\nr3 += 1008',
  'address 0': 'r3 = 0',
  'address 1': 'r3 = 1',
  'address -1': 'r3 = -1',
  'user space': 'r3 = 0x100000000 ll',
};

export const CASES: readonly KernelCase[] = [
  ...[0, 4, 8, 20, 60, 64, 256, 512].flatMap((from) =>
    [0, 4, 20, 512].map((to) => ({ name: `csum_diff ${from} ${to}`, text: csumDiff(from, to, 0), ...BYTES })),
  ),
  ...[1, 2, 3, 5, 6].flatMap((size) => [
    { name: `csum_diff ${size} 0`, text: csumDiff(size, 0, 0), ...BYTES },
    { name: `csum_diff 4 ${size}`, text: csumDiff(4, size, 0), ...BYTES },
  ]),
  ...[1, 0xfffe, 0xffff, 0x10000, 0x7fffffff, -1, '0xffffffff ll', '0x123456789 ll', '0xffff0000 ll'].flatMap((seed) =>
    [
      [0, 0],
      [4, 0],
      [0, 4],
      [8, 20],
    ].map(([from, to]) => ({
      name: `csum_diff ${from} ${to} seed ${seed}`,
      text: csumDiff(from!, to!, seed),
      ...BYTES,
    })),
  ),
  ...[
    ['abc', 'abc', 3],
    ['abc', 'abd', 3],
    ['abd', 'abc', 3],
    ['abc', 'abd', 2],
    ['abc', 'abcd', 16],
    ['abcd', 'abc', 16],
    ['', '', 16],
    ['', 'a', 1],
    ['a\0b', 'a\0c', 8],
    ['\xff', '\x01', 1],
    ['\x01', '\xff', 1],
    ['z', 'a', 1],
  ].map(([left, right, size]) => strncmp(left as string, size as number, right as string)),
  ...Object.entries(ADDRESSES).flatMap(([where, from]) =>
    [false, true].flatMap((string) =>
      [0, 1, 4, 16].map((size) => ({
        name: `probe_read_kernel${string ? '_str' : ''} ${size} of ${where}`,
        text: probeRead(from, size, string),
        maps: { ...BYTES.maps, text: TEXT },
        elements: [DOTS, { map: 'bytes', key: 0, value: hex('of a map'.padEnd(1018, 'x'), 1024) }],
      })),
    ),
  ),
];
