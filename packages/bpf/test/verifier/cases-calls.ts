/** Functions, tail calls, and the contexts of tracing programs. */
import { DONE, VALUE } from './snippets.ts';
import type { Case } from './verify-text.ts';

/** A function that calls the next, `depth` deep, each with `bytes` of stack. */
function chain(depth: number, bytes: number): string {
  const body = (i: number): string =>
    `f${i}:\n *(u8 *)(r10 - ${bytes}) = 1\n ${i + 1 < depth ? `call f${i + 1}` : 'r0 = 1'}\n r0 = 1\n exit\n`;
  return Array.from({ length: depth }, (_, i) => body(i)).join('');
}

export const CALL_CASES: readonly Case[] = [
  { name: 'call: a function', text: 'call f\n r0 = 1\n exit\nf:\n r0 = 2\n exit' },
  { name: 'call: arguments arrive', text: 'call f\n exit\nf:\n r0 = *(u32 *)(r1 + 12)\n exit' },
  { name: 'call: an argument that was not written', text: 'call f\n exit\nf:\n r0 = r2\n exit' },
  { name: 'call: r6 of the caller', text: 'r6 = 1\n call f\n exit\nf:\n r0 = r6\n exit' },
  { name: 'call: r6 stays', text: 'r6 = r1\n call f\n r0 = *(u32 *)(r6 + 12)\n exit\nf:\n r6 = 1\n r0 = 2\n exit' },
  { name: 'call: r1 after it', text: 'call f\n r0 = *(u32 *)(r1 + 12)\n exit\nf:\n r0 = 1\n exit' },
  { name: 'call: without a result', text: 'call f\n r0 = 0\n exit\nf:\n exit' },
  {
    name: 'call: returns a packet pointer',
    text: 'r6 = r1\n call f\n r3 = *(u32 *)(r6 + 4)\n r2 = r0\n r2 += 1\n r0 = 1\n if r2 > r3 goto +1\n r0 = *(u8 *)(r2 - 1)\n exit\nf:\n r0 = *(u32 *)(r1 + 0)\n exit',
  },
  { name: 'call: returns its stack', text: 'call f\n r0 = 0\n exit\nf:\n r0 = r10\n exit' },
  {
    name: 'call: writes the stack of the caller',
    text: 'r1 = r10\n r1 += -8\n call f\n r0 = *(u64 *)(r10 - 8)\n exit\nf:\n *(u64 *)(r1 + 0) = 7\n r0 = 0\n exit',
  },
  {
    name: 'call: leaves its stack with the caller',
    text: 'r1 = r10\n r1 += -8\n call f\n r0 = *(u64 *)(r10 - 8)\n exit\nf:\n *(u64 *)(r1 + 0) = r10\n r0 = 0\n exit',
  },
  {
    name: 'call: the stack of the caller, too far',
    text: 'r1 = r10\n r1 += -8\n call f\n r0 = 0\n exit\nf:\n *(u64 *)(r1 + 8) = 7\n r0 = 0\n exit',
  },
  { name: 'call: outside', text: 'call pc+5\n exit' },
  { name: 'call: jump from one function to another', text: 'call f\n r0 = 0\n exit\nf:\n r0 = 1\n goto -3' },
  {
    name: 'call: function runs into the next',
    text: 'call f\n call g\n r0 = 0\n exit\nf:\n r0 = 1\ng:\n r0 = 2\n exit',
  },
  { name: 'call: not called', text: 'r0 = 0\n exit\nf:\n r0 = 1\n exit' },
  { name: 'call: itself', text: 'call f\n exit\nf:\n call f\n r0 = 1\n exit' },
  { name: 'call: the program itself', text: 'call pc-1\n exit' },
  { name: 'call: 8 deep', text: chain(8, 8) },
  { name: 'call: 9 deep', text: chain(9, 8) },
  { name: 'call: 2 of 256 bytes', text: chain(2, 256) },
  { name: 'call: 2 of 257 bytes', text: chain(2, 257) },
  { name: 'call: 2 of 250 bytes', text: chain(2, 250) },
  { name: 'call: 8 of 64 bytes', text: chain(8, 64) },
  { name: 'call: 8 of 65 bytes', text: chain(8, 65) },
  {
    name: 'call: one of 500 and one without stack',
    text: '*(u8 *)(r10 - 500) = 1\n call f\n r0 = 1\n exit\nf:\n r0 = 1\n exit',
  },
  {
    name: 'call: one of 496 and one without stack',
    text: '*(u8 *)(r10 - 496) = 1\n call f\n r0 = 1\n exit\nf:\n r0 = 1\n exit',
  },
  {
    name: 'call: one of 512 and one without stack',
    text: '*(u8 *)(r10 - 512) = 1\n call f\n r0 = 1\n exit\nf:\n r0 = 1\n exit',
  },
  {
    name: 'call: a known result decides a branch',
    text: 'call f\n if r0 == 3 goto +1\n r0 = *(u64 *)(r9 + 0)\n r0 = 1\n exit\nf:\n r0 = 3\n exit',
  },
  {
    name: 'call: twice with different arguments',
    text: `r6 = r1\n r1 = 60\n call f\n r7 = r0\n r1 = 61\n call f\n r8 = r0\n ${VALUE}r0 += r7\n r0 = *(u32 *)(r0 + 0)${DONE}\nf:\n r0 = r1\n exit`,
  },
  { name: 'call: kfunc', text: 'call kfunc(0x7ffffff0)\n r0 = 1\n exit' },
  { name: 'raw-tracepoint: an argument', text: 'r0 = *(u64 *)(r1 + 8)\n exit', kind: 'raw-tracepoint' },
  {
    name: 'raw-tracepoint: an argument is a number',
    text: 'r2 = *(u64 *)(r1 + 8)\n r0 = *(u64 *)(r2 + 0)\n exit',
    kind: 'raw-tracepoint',
  },
  { name: 'raw-tracepoint: half of an argument', text: 'r0 = *(u32 *)(r1 + 4)\n exit', kind: 'raw-tracepoint' },
  { name: 'raw-tracepoint: the 12th argument', text: 'r0 = *(u64 *)(r1 + 88)\n exit', kind: 'raw-tracepoint' },
  { name: 'raw-tracepoint: a 13th argument', text: 'r0 = *(u64 *)(r1 + 96)\n exit', kind: 'raw-tracepoint' },
  { name: 'raw-tracepoint: write', text: '*(u64 *)(r1 + 8) = 1\n r0 = 0\n exit', kind: 'raw-tracepoint' },
  { name: 'raw-tracepoint: any result', text: 'call 7\n exit', kind: 'raw-tracepoint' },
  { name: 'raw-tracepoint: bpf_redirect', text: 'r1 = 1\n r2 = 0\n call 23\n exit', kind: 'raw-tracepoint' },
  { name: 'tracepoint: a byte', text: 'r0 = *(u8 *)(r1 + 9)\n exit', kind: 'tracepoint' },
  { name: 'tracepoint: 8 bytes', text: 'r0 = *(u64 *)(r1 + 16)\n exit', kind: 'tracepoint' },
  { name: 'tracepoint: misaligned', text: 'r0 = *(u32 *)(r1 + 10)\n exit', kind: 'tracepoint' },
  { name: 'tracepoint: write', text: '*(u32 *)(r1 + 8) = 1\n r0 = 0\n exit', kind: 'tracepoint' },
  {
    name: 'tp-btf: a field of the device',
    text: 'r2 = *(u64 *)(r1 + 0)\n r0 = *(u32 *)(r2 + 224)\n r0 = 0\n exit',
    kind: 'tp-btf',
  },
  {
    name: 'tp-btf: before the device',
    text: 'r2 = *(u64 *)(r1 + 0)\n r0 = *(u32 *)(r2 - 4)\n r0 = 0\n exit',
    kind: 'tp-btf',
  },
  {
    name: 'tp-btf: write to the device',
    text: 'r2 = *(u64 *)(r1 + 0)\n *(u32 *)(r2 + 224) = 1\n r0 = 0\n exit',
    kind: 'tp-btf',
  },
  {
    name: 'tp-btf: a variable offset',
    text: 'r6 = *(u64 *)(r1 + 0)\n call 7\n r0 &= 8\n r6 += r0\n r0 = *(u64 *)(r6 + 0)\n exit',
    kind: 'tp-btf',
  },
  { name: 'tp-btf: half of a pointer', text: 'r0 = *(u32 *)(r1 + 0)\n r0 = 0\n exit', kind: 'tp-btf' },
  { name: 'tp-btf: an argument that is not there', text: 'r0 = *(u64 *)(r1 + 56)\n r0 = 0\n exit', kind: 'tp-btf' },
  { name: 'tp-btf: half of a number', text: 'r0 = *(u32 *)(r1 + 24)\n r0 = 0\n exit', kind: 'tp-btf' },
  { name: 'tp-btf: returns 1', text: 'r0 = 1\n exit', kind: 'tp-btf' },
  { name: 'tp-btf: returns anything', text: 'call 7\n exit', kind: 'tp-btf' },
  {
    name: 'tail call: in a function',
    text: 'call f\n r0 = 1\n exit\nf:\n r2 = map_by_fd(6) ll\n r3 = 0\n call 12\n r0 = 1\n exit',
  },
  {
    name: 'tail call: in a function, 256 bytes before',
    text: '*(u8 *)(r10 - 256) = 1\n call f\n r0 = 1\n exit\nf:\n r2 = map_by_fd(6) ll\n r3 = 0\n call 12\n r0 = 1\n exit',
  },
  {
    name: 'tail call: in a function, 240 bytes before',
    text: '*(u8 *)(r10 - 240) = 1\n call f\n r0 = 1\n exit\nf:\n r2 = map_by_fd(6) ll\n r3 = 0\n call 12\n r0 = 1\n exit',
  },
];
