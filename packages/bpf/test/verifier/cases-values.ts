/** Map values: bounds of what was computed in all the ways that compilers use. */
import { DONE, RANDOM_AND_VALUE, VALUE } from './snippets.ts';
import type { Case } from './verify-text.ts';

export const VALUE_CASES: readonly Case[] = [
  { name: 'value: inside', text: `${VALUE}r0 = *(u64 *)(r0 + 56)${DONE}` },
  { name: 'value: one byte too far', text: `${VALUE}r0 = *(u8 *)(r0 + 64)${DONE}` },
  { name: 'value: before', text: `${VALUE}r0 = *(u8 *)(r0 - 1)${DONE}` },
  {
    name: 'value: not compared with 0',
    text: `${VALUE.replace('if r0 == 0 goto out', '')}r0 = *(u8 *)(r0 + 0)\n exit`,
  },
  {
    name: 'value: on the wrong side of the comparison',
    text: `${VALUE.replace('==', '!=')}r0 = *(u8 *)(r0 + 0)${DONE}`,
  },
  {
    name: 'value: a copy knows it too',
    text: `${VALUE.replace('if r0', 'r7 = r0\n if r0')}r0 = *(u8 *)(r7 + 0)${DONE}`,
  },
  { name: 'value: misaligned', text: `${VALUE}r0 = *(u32 *)(r0 + 3)${DONE}` },
  { name: 'value: misaligned atomic', text: `${VALUE}r1 = 1\n lock *(u32 *)(r0 + 2) += r1${DONE}` },
  { name: 'value: atomic', text: `${VALUE}r1 = 1\n lock *(u64 *)(r0 + 8) += r1${DONE}` },
  { name: 'value: a masked index', text: `${RANDOM_AND_VALUE}r7 &= 63\n r0 += r7\n r0 = *(u8 *)(r0 + 0)${DONE}` },
  {
    name: 'value: a masked index, two bytes',
    text: `${RANDOM_AND_VALUE}r7 &= 63\n r0 += r7\n r0 = *(u16 *)(r0 + 0)${DONE}`,
  },
  {
    name: 'value: a compared index',
    text: `${RANDOM_AND_VALUE}if r7 > 60 goto out\n r0 += r7\n r0 = *(u32 *)(r0 + 0)${DONE}`,
  },
  {
    name: 'value: an index that is one too large',
    text: `${RANDOM_AND_VALUE}if r7 > 61 goto out\n r0 += r7\n r0 = *(u32 *)(r0 + 0)${DONE}`,
  },
  {
    name: 'value: an index compared as signed',
    text: `${RANDOM_AND_VALUE}if r7 s> 60 goto out\n r0 += r7\n r0 = *(u32 *)(r0 + 0)${DONE}`,
  },
  {
    name: 'value: an index compared as signed on both sides',
    text: `${RANDOM_AND_VALUE}if r7 s> 60 goto out\n if r7 s< 0 goto out\n r0 += r7\n r0 = *(u32 *)(r0 + 0)${DONE}`,
  },
  {
    name: 'value: an index compared as 32 bits',
    text: `${RANDOM_AND_VALUE}if w7 > 60 goto out\n r0 += r7\n r0 = *(u32 *)(r0 + 0)${DONE}`,
  },
  {
    name: 'value: an index compared as 32 bits and cut to them',
    text: `${RANDOM_AND_VALUE}if w7 > 60 goto out\n w7 = w7\n r0 += r7\n r0 = *(u32 *)(r0 + 0)${DONE}`,
  },
  { name: 'value: an unbounded index', text: `${RANDOM_AND_VALUE}r0 += r7\n r0 = *(u32 *)(r0 + 0)${DONE}` },
  {
    name: 'value: an unbounded 32-bit index',
    text: `${RANDOM_AND_VALUE}w7 = w7\n r0 += r7\n r0 = *(u32 *)(r0 + 0)${DONE}`,
  },
  {
    name: 'value: an index scaled',
    text: `${RANDOM_AND_VALUE}r7 &= 7\n r7 <<= 3\n r0 += r7\n r0 = *(u64 *)(r0 + 0)${DONE}`,
  },
  {
    name: 'value: an index scaled too far',
    text: `${RANDOM_AND_VALUE}r7 &= 7\n r7 <<= 4\n r0 += r7\n r0 = *(u64 *)(r0 + 0)${DONE}`,
  },
  { name: 'value: an index by modulo', text: `${RANDOM_AND_VALUE}r7 %= 8\n r0 += r7\n r0 = *(u64 *)(r0 + 0)${DONE}` },
  {
    name: 'value: an index by division',
    text: `${RANDOM_AND_VALUE}r7 &= 63\n r7 /= 2\n r0 += r7\n r0 = *(u8 *)(r0 + 0)${DONE}`,
  },
  { name: 'value: an index by shift', text: `${RANDOM_AND_VALUE}r7 >>= 58\n r0 += r7\n r0 = *(u8 *)(r0 + 0)${DONE}` },
  {
    name: 'value: an index by multiplication',
    text: `${RANDOM_AND_VALUE}r7 &= 3\n r7 *= 20\n r0 += r7\n r0 = *(u32 *)(r0 + 0)${DONE}`,
  },
  {
    name: 'value: an index subtracted',
    text: `${RANDOM_AND_VALUE}r7 &= 31\n r0 += 32\n r0 -= r7\n r0 = *(u8 *)(r0 + 0)${DONE}`,
  },
  {
    name: 'value: a negative index in range',
    text: `${RANDOM_AND_VALUE}r7 &= 7\n r7 = -r7\n r0 += 16\n r0 += r7\n r0 = *(u8 *)(r0 + 0)${DONE}`,
  },
  {
    name: 'value: swapped bytes as index',
    text: `${RANDOM_AND_VALUE}r7 = be16 r7\n if r7 > 63 goto out\n r0 += r7\n r0 = *(u8 *)(r0 + 0)${DONE}`,
  },
  {
    name: 'value: 16 swapped bits are 16 bits',
    text: `${RANDOM_AND_VALUE}r7 = be16 r7\n r7 >>= 10\n r0 += r7\n r0 = *(u8 *)(r0 + 0)${DONE}`,
  },
  {
    name: 'value: or of bits',
    text: `${RANDOM_AND_VALUE}r7 &= 32\n r7 |= 31\n r0 += r7\n r0 = *(u8 *)(r0 + 0)${DONE}`,
  },
  {
    name: 'value: xor of bits',
    text: `${RANDOM_AND_VALUE}r7 &= 32\n r7 ^= 31\n r0 += r7\n r0 = *(u8 *)(r0 + 0)${DONE}`,
  },
  {
    name: 'value: an arithmetic shift',
    text: `${RANDOM_AND_VALUE}r7 s>>= 58\n r0 += 32\n r0 += r7\n r0 = *(u8 *)(r0 + 0)${DONE}`,
  },
  {
    name: 'value: a sign-extended byte',
    text: `${RANDOM_AND_VALUE}r7 = *(s8 *)(r0 + 0)\n r7 s>>= 2\n r0 += 32\n r0 += r7\n r0 = *(u8 *)(r0 + 0)${DONE}`,
  },
  {
    name: 'value: bits tested',
    text: `${RANDOM_AND_VALUE}if r7 & -64 goto out\n r0 += r7\n r0 = *(u8 *)(r0 + 0)${DONE}`,
  },
  {
    name: 'value: equal to a constant',
    text: `${RANDOM_AND_VALUE}if r7 != 60 goto out\n r0 += r7\n r0 = *(u32 *)(r0 + 0)${DONE}`,
  },
  {
    name: 'value: compared with a register that is bounded',
    text: `${RANDOM_AND_VALUE}r8 = *(u8 *)(r0 + 0)\n r8 &= 31\n if r7 > r8 goto out\n r0 += r7\n r0 = *(u32 *)(r0 + 0)${DONE}`,
  },
  {
    name: 'value: the index is a copy',
    text: `${RANDOM_AND_VALUE}r8 = r7\n if r8 > 60 goto out\n r0 += r7\n r0 = *(u32 *)(r0 + 0)${DONE}`,
  },
  {
    name: 'value: the index is a copy plus one',
    text: `${RANDOM_AND_VALUE}w7 = w7\n r8 = r7\n r8 += 1\n if r7 > 50 goto out\n r0 += r8\n r0 = *(u32 *)(r0 + 0)${DONE}`,
  },
  {
    name: 'value: the index lay in the stack',
    text: `${RANDOM_AND_VALUE}*(u64 *)(r10 - 16) = r7\n if r7 > 60 goto out\n r8 = *(u64 *)(r10 - 16)\n r0 += r8\n r0 = *(u32 *)(r0 + 0)${DONE}`,
  },
  {
    name: 'value: the 32-bit index lay in the stack',
    text: `${RANDOM_AND_VALUE}w7 = w7\n if r7 > 60 goto out\n *(u32 *)(r10 - 16) = r7\n r8 = *(u32 *)(r10 - 16)\n r0 += r8\n r0 = *(u32 *)(r0 + 0)${DONE}`,
  },
  {
    name: 'value: a byte of the index lay in the stack',
    text: `${RANDOM_AND_VALUE}r7 &= 31\n *(u64 *)(r10 - 16) = r7\n r8 = *(u8 *)(r10 - 16)\n r0 += r8\n r0 = *(u32 *)(r0 + 0)${DONE}`,
  },
  {
    name: 'value: a pointer kept in the stack',
    text: `${VALUE}*(u64 *)(r10 - 16) = r0\n r1 = *(u64 *)(r10 - 16)\n r0 = *(u64 *)(r1 + 56)${DONE}`,
  },
  { name: 'value: a pointer stored in it', text: `${VALUE}*(u64 *)(r0 + 0) = r10${DONE}` },
  { name: 'value: global variable', text: 'r1 = map_val(map_by_fd(11)) + 8 ll\n r0 = *(u64 *)(r1 + 24)\n exit' },
  {
    name: 'value: global variable, too far',
    text: 'r1 = map_val(map_by_fd(11)) + 8 ll\n r0 = *(u64 *)(r1 + 32)\n exit',
  },
  { name: 'value: global variable, before', text: 'r1 = map_val(map_by_fd(11)) + 8 ll\n r0 = *(u8 *)(r1 - 9)\n exit' },
  { name: 'value: read-only, read', text: 'r1 = map_val(map_by_fd(10)) ll\n r0 = *(u32 *)(r1 + 8)\n exit' },
  { name: 'value: read-only, written', text: 'r1 = map_val(map_by_fd(10)) ll\n *(u32 *)(r1 + 8) = 1\n r0 = 1\n exit' },
  {
    name: 'value: read-only, atomic',
    text: 'r1 = map_val(map_by_fd(10)) ll\n r2 = 1\n lock *(u32 *)(r1 + 8) += r2\n r0 = 1\n exit',
  },
  {
    name: 'value: write-only, read',
    text: `${VALUE.replace('map_by_fd(1)', 'map_by_fd(14)')}r0 = *(u32 *)(r0 + 0)${DONE}`,
  },
  {
    name: 'value: a branch on a constant is not followed',
    text: 'r1 = map_val(map_by_fd(10)) ll\n r2 = *(u32 *)(r1 + 8)\n if r2 == 0x1020304 goto +1\n r0 = *(u64 *)(r2 + 0)\n r0 = 1\n exit',
  },
  {
    name: 'value: a byte of a constant',
    text: 'r1 = map_val(map_by_fd(10)) ll\n r2 = *(u8 *)(r1 + 9)\n if r2 == 3 goto +1\n r0 = *(u64 *)(r2 + 0)\n r0 = 1\n exit',
  },
  {
    name: 'value: first element of an array is always there',
    text: '*(u32 *)(r10 - 4) = 0\n r2 = r10\n r2 += -4\n r1 = map_by_fd(1) ll\n call 1\n r0 = *(u64 *)(r0 + 0)\n exit',
  },
  {
    name: 'value: element 9 of 10, by a spilled register',
    text: 'r3 = 9\n *(u32 *)(r10 - 8) = r3\n r2 = r10\n r2 += -8\n r1 = map_by_fd(1) ll\n call 1\n r0 = *(u64 *)(r0 + 0)\n exit',
  },
  {
    name: 'value: element 10 of 10',
    text: 'r3 = 10\n *(u32 *)(r10 - 8) = r3\n r2 = r10\n r2 += -8\n r1 = map_by_fd(1) ll\n call 1\n r0 = *(u64 *)(r0 + 0)\n exit',
  },
  {
    name: 'value: element 0 of a per-CPU array',
    text: '*(u32 *)(r10 - 4) = 0\n r2 = r10\n r2 += -4\n r1 = map_by_fd(9) ll\n call 1\n r0 = *(u64 *)(r0 + 0)\n exit',
  },
  {
    name: 'value: element 0 of a hash',
    text: '*(u64 *)(r10 - 8) = 0\n r2 = r10\n r2 += -8\n r1 = map_by_fd(2) ll\n call 1\n r0 = *(u64 *)(r0 + 0)\n exit',
  },
  { name: 'map: writing its own memory', text: 'r1 = map_by_fd(1) ll\n *(u32 *)(r1 + 0) = 1\n r0 = 0\n exit' },
  { name: 'number as address', text: 'r1 = 4096\n r0 = *(u32 *)(r1 + 0)\n exit' },
  { name: 'number as address, store', text: 'r1 = 4096\n *(u32 *)(r1 + 0) = 1\n r0 = 1\n exit' },
];
