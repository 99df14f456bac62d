/** Arguments of helpers: kinds, sizes, strings. */
import { DONE, KEY, PACKET, VALUE } from './snippets.ts';
import type { Case } from './verify-text.ts';

export const HELPER_CASES: readonly Case[] = [
  { name: 'helper: of sk_buffs', text: 'call 9\n exit' },
  { name: 'helper: unknown number', text: 'call 999\n exit' },
  { name: 'helper: number 0', text: 'call 0\n exit' },
  { name: 'helper: negative number', text: 'call -5\n exit' },
  { name: 'helper: probe_read in XDP', text: 'call 4\n exit' },
  { name: 'helper: GPL only, MIT', text: `${KEY}r1 = r2\n r2 = 5\n call 6\n exit`, license: 'MIT' },
  { name: 'helper: GPL only, GPL', text: `${KEY}r1 = r2\n r2 = 5\n call 6\n exit` },
  { name: 'helper: GPL only, Dual BSD/GPL', text: `${KEY}r1 = r2\n r2 = 5\n call 6\n exit`, license: 'Dual BSD/GPL' },
  { name: 'helper: GPL only, GPL v2', text: `${KEY}r1 = r2\n r2 = 5\n call 6\n exit`, license: 'GPL v2' },
  { name: 'helper: GPL only, GPL-2.0', text: `${KEY}r1 = r2\n r2 = 5\n call 6\n exit`, license: 'GPL-2.0' },
  { name: 'helper: GPL only, no licence', text: `${KEY}r1 = r2\n r2 = 5\n call 6\n exit`, license: '' },
  { name: 'helper: argument not written', text: 'r1 = 1\n call 23\n exit' },
  { name: 'helper: a pointer for a number', text: 'r2 = r10\n r1 = 1\n call 23\n exit' },
  { name: 'helper: a number for the context', text: 'r1 = 1\n r2 = 0\n call 44\n exit' },
  { name: 'helper: a moved context', text: 'r1 += 4\n r2 = 0\n call 44\n exit' },
  {
    name: 'helper: the CPU is bounded',
    text: `call 8\n r7 = r0\n ${VALUE}r7 &= 0xff\n if r7 > 63 goto out\n r0 += r7\n r0 = *(u8 *)(r0 + 0)${DONE}`,
  },
  { name: 'size: 0 where it must not be', text: `${KEY}r1 = r2\n r2 = 0\n call 6\n r0 = 1\n exit` },
  { name: 'size: 0 where it may be', text: 'r2 = 0\n r1 = r10\n r1 += -8\n r3 = 4096\n call 113\n r0 = 1\n exit' },
  { name: 'size: unknown', text: 'call 7\n r2 = r0\n r1 = r10\n r1 += -64\n r3 = 4096\n call 113\n r0 = 1\n exit' },
  {
    name: 'size: masked',
    text: 'call 7\n r2 = r0\n r2 &= 63\n r1 = r10\n r1 += -64\n r3 = 4096\n call 113\n r0 = 1\n exit',
  },
  {
    name: 'size: masked, one too large',
    text: 'call 7\n r2 = r0\n r2 &= 127\n r1 = r10\n r1 += -64\n r3 = 4096\n call 113\n r0 = 1\n exit',
  },
  {
    name: 'size: may be negative',
    text: 'call 7\n r2 = r0\n if r2 s> 64 goto out\n r1 = r10\n r1 += -64\n r3 = 4096\n call 113\nout:\n r0 = 1\n exit',
  },
  { name: 'size: a pointer', text: 'r2 = r10\n r1 = r10\n r1 += -64\n r3 = 4096\n call 113\n r0 = 1\n exit' },
  {
    name: 'size: stack filled is a number',
    text: 'r6 = r1\n *(u64 *)(r10 - 8) = r1\n r2 = 8\n r1 = r10\n r1 += -8\n r3 = 4096\n call 113\n r1 = *(u64 *)(r10 - 8)\n r0 = *(u32 *)(r1 + 0)\n exit',
  },
  { name: 'size: into a value', text: `${VALUE}r1 = r0\n r2 = 64\n r3 = 4096\n call 113${DONE}` },
  { name: 'size: into a value, too large', text: `${VALUE}r1 = r0\n r2 = 65\n r3 = 4096\n call 113${DONE}` },
  {
    name: 'size: into a read-only value',
    text: 'r1 = map_val(map_by_fd(10)) ll\n r2 = 8\n r3 = 4096\n call 113\n r0 = 1\n exit',
  },
  {
    name: 'size: into the packet',
    text: `${PACKET}r4 = r2\n r4 += 8\n if r4 > r3 goto out\n r1 = r2\n r2 = 8\n r3 = 4096\n call 113${DONE}`,
  },
  { name: 'size: above the stack', text: 'r2 = 16\n r1 = r10\n r1 += -8\n r3 = 4096\n call 113\n r0 = 1\n exit' },
  {
    name: 'size: result of probe_read_kernel_str',
    text: `r2 = 64\n r1 = r10\n r1 += -64\n r3 = 4096\n call 115\n r7 = r0\n ${VALUE}if r7 s< 0 goto out\n r0 += r7\n r0 = *(u8 *)(r0 - 1)${DONE}`,
  },
  {
    name: 'csum: of the packet',
    text: `${PACKET}r4 = r2\n r4 += 8\n if r4 > r3 goto out\n r3 = r2\n r4 = 8\n r1 = 0\n r2 = 0\n r5 = 0\n call 28${DONE}`,
  },
  { name: 'csum: NULL with a size', text: 'r1 = 0\n r2 = 4\n r3 = 0\n r4 = 0\n r5 = 0\n call 28\n r0 = 1\n exit' },
  { name: 'csum: nothing', text: 'r1 = 0\n r2 = 0\n r3 = 0\n r4 = 0\n r5 = 0\n call 28\n r0 = 1\n exit' },
  {
    name: 'bytes: load into the stack',
    text: 'r2 = 0\n r3 = r10\n r3 += -16\n r4 = 16\n call 189\n r0 = *(u64 *)(r10 - 16)\n exit',
  },
  {
    name: 'bytes: store from the stack',
    text: '*(u64 *)(r10 - 8) = 1\n r2 = 0\n r3 = r10\n r3 += -8\n r4 = 8\n call 190\n r0 = 1\n exit',
  },
  {
    name: 'bytes: store from the packet',
    text: `${PACKET}r4 = r2\n r4 += 8\n if r4 > r3 goto out\n r3 = r2\n r2 = 0\n r4 = 8\n r1 = r6\n call 190${DONE}`,
  },
  {
    name: 'string: constant',
    text: `${KEY}r1 = r2\n r2 = 8\n r3 = map_val(map_by_fd(10)) ll\n call 182\n r0 = 1\n exit`,
  },
  {
    name: 'string: without its zero',
    text: `${KEY}r1 = r2\n r2 = 8\n r3 = map_val(map_by_fd(10)) + 20 ll\n call 182\n r0 = 1\n exit`,
  },
  {
    name: 'string: in a map that can change',
    text: `${KEY}r1 = r2\n r2 = 8\n r3 = map_val(map_by_fd(11)) ll\n call 182\n r0 = 1\n exit`,
  },
  { name: 'string: in the stack', text: `${KEY}r1 = r2\n r3 = r2\n r2 = 8\n call 182\n r0 = 1\n exit` },
  {
    name: 'output: events of the packet with its length',
    text: `${PACKET}r4 = r10\n r4 += -8\n *(u64 *)(r10 - 8) = 1\n r5 = 8\n r3 = 0xffffffff ll\n r2 = map_by_fd(8) ll\n r1 = r6\n call 25\n r0 = 1\n exit`,
  },
  {
    name: 'output: from the packet',
    text: `${PACKET}r4 = r2\n r4 += 8\n if r4 > r3 goto out\n r4 = r2\n r5 = 8\n r3 = 0\n r2 = map_by_fd(8) ll\n r1 = r6\n call 25${DONE}`,
  },
];
