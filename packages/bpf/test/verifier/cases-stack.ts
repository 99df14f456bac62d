/** The context and the stack. */
import type { Case } from './verify-text.ts';

export const STACK_CASES: readonly Case[] = [
  { name: 'ctx: ingress_ifindex', text: 'r0 = *(u32 *)(r1 + 12)\n exit' },
  { name: 'ctx: rx_queue_index', text: 'r0 = *(u32 *)(r1 + 16)\n exit' },
  { name: 'ctx: egress_ifindex', text: 'r0 = *(u32 *)(r1 + 20)\n exit' },
  { name: 'ctx: egress_ifindex of a devmap', text: 'r0 = *(u32 *)(r1 + 20)\n exit', kind: 'xdp-devmap' },
  { name: 'ctx: egress_ifindex of a cpumap', text: 'r0 = *(u32 *)(r1 + 20)\n exit', kind: 'xdp-cpumap' },
  { name: 'ctx: 8 bytes', text: 'r0 = *(u64 *)(r1 + 0)\n exit' },
  { name: 'ctx: 2 bytes', text: 'r0 = *(u16 *)(r1 + 12)\n exit' },
  { name: 'ctx: in the middle', text: 'r0 = *(u32 *)(r1 + 2)\n exit' },
  { name: 'ctx: behind', text: 'r0 = *(u32 *)(r1 + 24)\n exit' },
  { name: 'ctx: before', text: 'r0 = *(u32 *)(r1 - 4)\n exit' },
  { name: 'ctx: write', text: '*(u32 *)(r1 + 12) = 1\n r0 = 1\n exit' },
  { name: 'ctx: atomic', text: 'r2 = 1\n lock *(u32 *)(r1 + 12) += r2\n r0 = 1\n exit' },
  { name: 'ctx: moved by a constant', text: 'r1 += 8\n r0 = *(u32 *)(r1 + 4)\n exit' },
  { name: 'ctx: moved and back', text: 'r1 += 8\n r1 += -8\n r0 = *(u32 *)(r1 + 12)\n exit' },
  { name: 'ctx: a variable offset', text: 'r6 = r1\n call 7\n r0 &= 4\n r6 += r0\n r0 = *(u32 *)(r6 + 12)\n exit' },
  { name: 'ctx: signed load', text: 'r0 = *(s32 *)(r1 + 12)\n exit' },
  { name: 'ctx: signed load of data', text: 'r0 = *(s32 *)(r1 + 0)\n exit' },
  { name: 'stack: write and read', text: '*(u64 *)(r10 - 8) = 1\n r0 = *(u64 *)(r10 - 8)\n exit' },
  { name: 'stack: read what was not written', text: 'r0 = *(u64 *)(r10 - 8)\n exit' },
  { name: 'stack: 512 bytes', text: '*(u64 *)(r10 - 512) = 1\n r0 = 1\n exit' },
  { name: 'stack: 513 bytes', text: '*(u8 *)(r10 - 513) = 1\n r0 = 1\n exit' },
  { name: 'stack: at the top', text: '*(u64 *)(r10 + 0) = 1\n r0 = 1\n exit' },
  { name: 'stack: read above', text: 'r0 = *(u32 *)(r10 - 2)\n exit' },
  { name: 'stack: misaligned', text: '*(u32 *)(r10 - 6) = 1\n r0 = 1\n exit' },
  { name: 'stack: a pointer in half', text: '*(u32 *)(r10 - 8) = r1\n r0 = 1\n exit' },
  { name: 'stack: half of a pointer', text: '*(u64 *)(r10 - 8) = r1\n r0 = *(u32 *)(r10 - 8)\n exit' },
  { name: 'stack: the upper half of a pointer', text: '*(u64 *)(r10 - 8) = r1\n r0 = *(u32 *)(r10 - 4)\n exit' },
  {
    name: 'stack: a pointer that was overwritten in part',
    text: '*(u64 *)(r10 - 8) = r1\n *(u8 *)(r10 - 8) = 0\n r2 = *(u64 *)(r10 - 8)\n r0 = *(u32 *)(r2 + 12)\n exit',
  },
  {
    name: 'stack: the context comes back',
    text: '*(u64 *)(r10 - 8) = r1\n r2 = *(u64 *)(r10 - 8)\n r0 = *(u32 *)(r2 + 12)\n exit',
  },
  {
    name: 'stack: a variable offset',
    text: 'call 7\n r0 &= 56\n r2 = r10\n r2 += -64\n r2 += r0\n r1 = 7\n *(u64 *)(r2 + 0) = r1\n r0 = *(u64 *)(r2 + 0)\n exit',
  },
  {
    name: 'stack: a variable offset too far',
    text: 'call 7\n r0 &= 120\n r2 = r10\n r2 += -64\n r2 += r0\n r0 = *(u64 *)(r2 + 0)\n exit',
  },
  {
    name: 'stack: a variable write too far',
    text: 'call 7\n r0 &= 120\n r2 = r10\n r2 += -64\n r2 += r0\n r1 = 7\n *(u64 *)(r2 + 0) = r1\n exit',
  },
  {
    name: 'stack: an unbounded offset',
    text: 'call 7\n r2 = r10\n r2 += -64\n r2 += r0\n r0 = *(u64 *)(r2 + 0)\n exit',
  },
  {
    name: 'stack: a misaligned variable offset',
    text: 'call 7\n r0 &= 7\n r2 = r10\n r2 += -64\n r2 += r0\n r0 = *(u64 *)(r2 + 0)\n exit',
  },
  { name: 'stack: subtraction', text: 'r2 = r10\n r2 -= 8\n *(u64 *)(r2 + 0) = 1\n r0 = 1\n exit' },
  {
    name: 'stack: atomic',
    text: '*(u64 *)(r10 - 8) = 1\n r1 = 2\n r1 = atomic_fetch_add((u64 *)(r10 - 8), r1)\n r0 = r1\n exit',
  },
  { name: 'stack: atomic on what was not written', text: 'r1 = 2\n lock *(u64 *)(r10 - 8) += r1\n r0 = 1\n exit' },
  {
    name: 'stack: misaligned atomic',
    text: '*(u64 *)(r10 - 8) = 1\n r1 = 2\n lock *(u64 *)(r10 - 4) += r1\n r0 = 1\n exit',
  },
  { name: 'stack: cmpxchg', text: '*(u64 *)(r10 - 8) = 1\n r0 = 1\n r1 = 2\n r0 = cmpxchg_64(r10 - 8, r0, r1)\n exit' },
  {
    name: 'stack: cmpxchg without r0',
    text: '*(u64 *)(r10 - 8) = 1\n r1 = 2\n r0 = cmpxchg_64(r10 - 8, r0, r1)\n exit',
  },
  { name: 'stack: r10 is not written', text: 'r1 = 0\n r0 = xchg_64(r10 - 8, r0)\n exit' },
];
