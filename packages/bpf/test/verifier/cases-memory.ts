/** Packet, stack, map values, context: what may be touched. */
import type { Case } from './verify-text.ts';

/** r6 ctx, r2 data, r3 data_end. */
export const PACKET = `r6 = r1
  r2 = *(u32 *)(r1 + 0)
  r3 = *(u32 *)(r1 + 4)
  `;
const DONE = `
  r0 = 1
  exit
out:
  r0 = 2
  exit`;
/** 14 bytes are there: r2 the packet. */
const FOURTEEN = `${PACKET}r4 = r2
  r4 += 14
  if r4 > r3 goto out
  `;
/** A value of map 1 in r0. */
export const VALUE = `*(u32 *)(r10 - 4) = 99
  r2 = r10
  r2 += -4
  r1 = map_by_fd(1) ll
  call 1
  if r0 == 0 goto out
  `;
/** A random number in r7; map value, with room for 64, in r0. */
const RANDOM_AND_VALUE = `call 7
  r7 = r0
  ${VALUE}`;

const packetCompare = (compare: string, access: string): string => `${PACKET}r4 = r2
  r4 += 14
  ${compare}
  ${access}
  goto out
in:
  ${access}${DONE}`;

export const MEMORY_CASES: readonly Case[] = [
  { name: 'packet: a byte after comparing', text: `${FOURTEEN}r0 = *(u8 *)(r2 + 13)${DONE}` },
  { name: 'packet: one byte too far', text: `${FOURTEEN}r0 = *(u8 *)(r2 + 14)${DONE}` },
  { name: 'packet: four bytes, the last too far', text: `${FOURTEEN}r0 = *(u32 *)(r2 + 11)${DONE}` },
  { name: 'packet: misaligned is fine', text: `${FOURTEEN}r0 = *(u32 *)(r2 + 9)${DONE}` },
  { name: 'packet: through the end pointer of the header', text: `${FOURTEEN}r0 = *(u8 *)(r4 - 1)${DONE}` },
  { name: 'packet: before its start', text: `${FOURTEEN}r0 = *(u8 *)(r2 - 1)${DONE}` },
  { name: 'packet: not compared', text: `${PACKET}r0 = *(u8 *)(r2 + 0)\n exit` },
  { name: 'packet: write', text: `${FOURTEEN}*(u16 *)(r2 + 12) = 8${DONE}` },
  { name: 'packet: write a pointer', text: `${FOURTEEN}*(u64 *)(r2 + 0) = r10${DONE}` },
  { name: 'packet: still there after a write', text: `${FOURTEEN}*(u64 *)(r2 + 0) = 0\n r0 = *(u8 *)(r2 + 3)${DONE}` },
  { name: 'packet: atomic', text: `${FOURTEEN}r5 = 1\n lock *(u32 *)(r2 + 0) += r5${DONE}` },
  { name: 'packet: load of the end', text: `${PACKET}r0 = *(u8 *)(r3 + 0)\n exit` },
  ...(['>', '>=', '<', '<='] as const).flatMap((sign) => [
    {
      name: `packet: data ${sign} end taken, 14 bytes`,
      text: `${PACKET}r4 = r2\n r4 += 14\n if r4 ${sign} r3 goto in\n goto out\nin:\n r0 = *(u8 *)(r2 + 13)${DONE}`,
    },
    {
      name: `packet: data ${sign} end not taken, 14 bytes`,
      text: `${PACKET}r4 = r2\n r4 += 14\n if r4 ${sign} r3 goto out\n r0 = *(u8 *)(r2 + 13)${DONE}`,
    },
    {
      name: `packet: end ${sign} data taken, 14 bytes`,
      text: `${PACKET}r4 = r2\n r4 += 14\n if r3 ${sign} r4 goto in\n goto out\nin:\n r0 = *(u8 *)(r2 + 13)${DONE}`,
    },
    {
      name: `packet: end ${sign} data not taken, 14 bytes`,
      text: `${PACKET}r4 = r2\n r4 += 14\n if r3 ${sign} r4 goto out\n r0 = *(u8 *)(r2 + 13)${DONE}`,
    },
    {
      name: `packet: data ${sign} end taken, 15 bytes`,
      text: `${PACKET}r4 = r2\n r4 += 14\n if r4 ${sign} r3 goto in\n goto out\nin:\n r0 = *(u8 *)(r2 + 14)${DONE}`,
    },
    {
      name: `packet: end ${sign} data not taken, 15 bytes`,
      text: `${PACKET}r4 = r2\n r4 += 14\n if r3 ${sign} r4 goto out\n r0 = *(u8 *)(r2 + 14)${DONE}`,
    },
  ]),
  { name: 'packet: == tells nothing', text: packetCompare('if r4 == r3 goto in', 'r0 = *(u8 *)(r2 + 0)') },
  { name: 'packet: 32-bit comparison tells nothing', text: packetCompare('if w4 < w3 goto in', 'r0 = *(u8 *)(r2 + 0)') },
  { name: 'packet: 0 bytes and less than the end', text: `${PACKET}if r2 < r3 goto in\n goto out\nin:\n r0 = *(u8 *)(r2 + 0)${DONE}` },
  {
    name: 'packet: a copy made before the comparison',
    text: `${PACKET}r7 = r2\n r4 = r2\n r4 += 8\n if r4 > r3 goto out\n r0 = *(u64 *)(r7 + 0)${DONE}`,
  },
  {
    name: 'packet: a copy that lay in the stack',
    text: `${PACKET}*(u64 *)(r10 - 8) = r2\n r4 = r2\n r4 += 8\n if r4 > r3 goto out\n r5 = *(u64 *)(r10 - 8)\n r0 = *(u64 *)(r5 + 0)${DONE}`,
  },
  {
    name: 'packet: a variable offset, compared',
    text: `${FOURTEEN}r5 = *(u8 *)(r2 + 0)\n r5 &= 15\n r5 <<= 2\n r4 = r2\n r4 += r5\n r5 = r4\n r5 += 20\n if r5 > r3 goto out\n r0 = *(u32 *)(r4 + 16)${DONE}`,
  },
  {
    name: 'packet: a variable offset, not compared',
    text: `${FOURTEEN}r5 = *(u8 *)(r2 + 0)\n r2 += r5\n r0 = *(u8 *)(r2 + 0)${DONE}`,
  },
  {
    name: 'packet: a variable offset may be too large to compare',
    text: `${FOURTEEN}r5 = *(u32 *)(r2 + 0)\n r4 = r2\n r4 += r5\n r5 = r4\n r5 += 1\n if r5 > r3 goto out\n r0 = *(u8 *)(r4 + 0)${DONE}`,
  },
  {
    name: 'packet: a variable offset up to 65534',
    text: `${FOURTEEN}r5 = *(u16 *)(r2 + 0)\n if r5 > 65533 goto out\n r4 = r2\n r4 += r5\n r5 = r4\n r5 += 1\n if r5 > r3 goto out\n r0 = *(u8 *)(r4 + 0)${DONE}`,
  },
  {
    name: 'packet: a variable offset up to 65535, one byte behind',
    text: `${FOURTEEN}r5 = *(u16 *)(r2 + 0)\n r4 = r2\n r4 += r5\n r5 = r4\n r5 += 1\n if r5 > r3 goto out\n r0 = *(u8 *)(r4 + 0)${DONE}`,
  },
  {
    name: 'packet: an unbounded signed offset',
    text: `${FOURTEEN}r5 = *(u64 *)(r2 + 0)\n r2 += r5\n r0 = *(u8 *)(r2 + 0)${DONE}`,
  },
  {
    name: 'packet: gone after adjust_head',
    text: `${FOURTEEN}*(u64 *)(r10 - 8) = r2\n r7 = r2\n r1 = r6\n r2 = 0\n call 44\n r0 = *(u8 *)(r7 + 0)${DONE}`,
  },
  {
    name: 'packet: gone from the stack after adjust_tail',
    text: `${FOURTEEN}*(u64 *)(r10 - 8) = r2\n r1 = r6\n r2 = 0\n call 65\n r7 = *(u64 *)(r10 - 8)\n r0 = *(u8 *)(r7 + 0)${DONE}`,
  },
  {
    name: 'packet: gone after a tail call',
    text: `${FOURTEEN}r7 = r2\n r1 = r6\n r2 = map_by_fd(6) ll\n r3 = 0\n call 12\n r0 = *(u8 *)(r7 + 0)${DONE}`,
  },
  {
    name: 'packet: still there after a lookup',
    text: `${FOURTEEN}r7 = r2\n *(u32 *)(r10 - 4) = 0\n r2 = r10\n r2 += -4\n r1 = map_by_fd(1) ll\n call 1\n r0 = *(u8 *)(r7 + 0)${DONE}`,
  },
  {
    name: 'meta: compared with data',
    text: `r2 = *(u32 *)(r1 + 8)\n r3 = *(u32 *)(r1 + 0)\n r4 = r2\n r4 += 4\n if r4 > r3 goto out\n r0 = *(u32 *)(r2 + 0)${DONE}`,
  },
  {
    name: 'meta: not compared',
    text: `r2 = *(u32 *)(r1 + 8)\n r0 = *(u32 *)(r2 + 0)${DONE.replace('out:', 'goto out\nout:')}`,
  },
  {
    name: 'meta: compared with the end',
    text: `r2 = *(u32 *)(r1 + 8)\n r3 = *(u32 *)(r1 + 4)\n r4 = r2\n r4 += 4\n if r4 > r3 goto out\n r0 = *(u32 *)(r2 + 0)${DONE}`,
  },
  {
    name: 'meta: compared with data that was moved',
    text: `r2 = *(u32 *)(r1 + 8)\n r3 = *(u32 *)(r1 + 0)\n r3 += 1\n r4 = r2\n r4 += 4\n if r4 > r3 goto out\n r0 = *(u32 *)(r2 + 0)${DONE}`,
  },

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
  { name: 'stack: the context comes back', text: '*(u64 *)(r10 - 8) = r1\n r2 = *(u64 *)(r10 - 8)\n r0 = *(u32 *)(r2 + 12)\n exit' },
  {
    name: 'stack: a variable offset',
    text: 'call 7\n r0 &= 56\n r2 = r10\n r2 += -64\n r2 += r0\n r1 = 7\n *(u64 *)(r2 + 0) = r1\n r0 = *(u64 *)(r2 + 0)\n exit',
  },
  { name: 'stack: a variable offset too far', text: 'call 7\n r0 &= 120\n r2 = r10\n r2 += -64\n r2 += r0\n r0 = *(u64 *)(r2 + 0)\n exit' },
  { name: 'stack: a variable write too far', text: 'call 7\n r0 &= 120\n r2 = r10\n r2 += -64\n r2 += r0\n r1 = 7\n *(u64 *)(r2 + 0) = r1\n exit' },
  { name: 'stack: an unbounded offset', text: 'call 7\n r2 = r10\n r2 += -64\n r2 += r0\n r0 = *(u64 *)(r2 + 0)\n exit' },
  { name: 'stack: a misaligned variable offset', text: 'call 7\n r0 &= 7\n r2 = r10\n r2 += -64\n r2 += r0\n r0 = *(u64 *)(r2 + 0)\n exit' },
  { name: 'stack: subtraction', text: 'r2 = r10\n r2 -= 8\n *(u64 *)(r2 + 0) = 1\n r0 = 1\n exit' },
  { name: 'stack: atomic', text: '*(u64 *)(r10 - 8) = 1\n r1 = 2\n r1 = atomic_fetch_add((u64 *)(r10 - 8), r1)\n r0 = r1\n exit' },
  { name: 'stack: atomic on what was not written', text: 'r1 = 2\n lock *(u64 *)(r10 - 8) += r1\n r0 = 1\n exit' },
  { name: 'stack: misaligned atomic', text: '*(u64 *)(r10 - 8) = 1\n r1 = 2\n lock *(u64 *)(r10 - 4) += r1\n r0 = 1\n exit' },
  { name: 'stack: cmpxchg', text: '*(u64 *)(r10 - 8) = 1\n r0 = 1\n r1 = 2\n r0 = cmpxchg_64(r10 - 8, r0, r1)\n exit' },
  { name: 'stack: cmpxchg without r0', text: '*(u64 *)(r10 - 8) = 1\n r1 = 2\n r0 = cmpxchg_64(r10 - 8, r0, r1)\n exit' },
  { name: 'stack: r10 is not written', text: 'r1 = 0\n r0 = xchg_64(r10 - 8, r0)\n exit' },

  { name: 'value: inside', text: `${VALUE}r0 = *(u64 *)(r0 + 56)${DONE}` },
  { name: 'value: one byte too far', text: `${VALUE}r0 = *(u8 *)(r0 + 64)${DONE}` },
  { name: 'value: before', text: `${VALUE}r0 = *(u8 *)(r0 - 1)${DONE}` },
  { name: 'value: not compared with 0', text: `${VALUE.replace('if r0 == 0 goto out', '')}r0 = *(u8 *)(r0 + 0)\n exit` },
  { name: 'value: on the wrong side of the comparison', text: `${VALUE.replace('==', '!=')}r0 = *(u8 *)(r0 + 0)${DONE}` },
  { name: 'value: a copy knows it too', text: `${VALUE.replace('if r0', 'r7 = r0\n if r0')}r0 = *(u8 *)(r7 + 0)${DONE}` },
  { name: 'value: misaligned', text: `${VALUE}r0 = *(u32 *)(r0 + 3)${DONE}` },
  { name: 'value: misaligned atomic', text: `${VALUE}r1 = 1\n lock *(u32 *)(r0 + 2) += r1${DONE}` },
  { name: 'value: atomic', text: `${VALUE}r1 = 1\n lock *(u64 *)(r0 + 8) += r1${DONE}` },
  { name: 'value: a masked index', text: `${RANDOM_AND_VALUE}r7 &= 63\n r0 += r7\n r0 = *(u8 *)(r0 + 0)${DONE}` },
  { name: 'value: a masked index, two bytes', text: `${RANDOM_AND_VALUE}r7 &= 63\n r0 += r7\n r0 = *(u16 *)(r0 + 0)${DONE}` },
  { name: 'value: a compared index', text: `${RANDOM_AND_VALUE}if r7 > 60 goto out\n r0 += r7\n r0 = *(u32 *)(r0 + 0)${DONE}` },
  { name: 'value: an index that is one too large', text: `${RANDOM_AND_VALUE}if r7 > 61 goto out\n r0 += r7\n r0 = *(u32 *)(r0 + 0)${DONE}` },
  { name: 'value: an index compared as signed', text: `${RANDOM_AND_VALUE}if r7 s> 60 goto out\n r0 += r7\n r0 = *(u32 *)(r0 + 0)${DONE}` },
  {
    name: 'value: an index compared as signed on both sides',
    text: `${RANDOM_AND_VALUE}if r7 s> 60 goto out\n if r7 s< 0 goto out\n r0 += r7\n r0 = *(u32 *)(r0 + 0)${DONE}`,
  },
  { name: 'value: an index compared as 32 bits', text: `${RANDOM_AND_VALUE}if w7 > 60 goto out\n r0 += r7\n r0 = *(u32 *)(r0 + 0)${DONE}` },
  {
    name: 'value: an index compared as 32 bits and cut to them',
    text: `${RANDOM_AND_VALUE}if w7 > 60 goto out\n w7 = w7\n r0 += r7\n r0 = *(u32 *)(r0 + 0)${DONE}`,
  },
  { name: 'value: an unbounded index', text: `${RANDOM_AND_VALUE}r0 += r7\n r0 = *(u32 *)(r0 + 0)${DONE}` },
  { name: 'value: an unbounded 32-bit index', text: `${RANDOM_AND_VALUE}w7 = w7\n r0 += r7\n r0 = *(u32 *)(r0 + 0)${DONE}` },
  { name: 'value: an index scaled', text: `${RANDOM_AND_VALUE}r7 &= 7\n r7 <<= 3\n r0 += r7\n r0 = *(u64 *)(r0 + 0)${DONE}` },
  { name: 'value: an index scaled too far', text: `${RANDOM_AND_VALUE}r7 &= 7\n r7 <<= 4\n r0 += r7\n r0 = *(u64 *)(r0 + 0)${DONE}` },
  { name: 'value: an index by modulo', text: `${RANDOM_AND_VALUE}r7 %= 8\n r0 += r7\n r0 = *(u64 *)(r0 + 0)${DONE}` },
  { name: 'value: an index by division', text: `${RANDOM_AND_VALUE}r7 &= 63\n r7 /= 2\n r0 += r7\n r0 = *(u8 *)(r0 + 0)${DONE}` },
  { name: 'value: an index by shift', text: `${RANDOM_AND_VALUE}r7 >>= 58\n r0 += r7\n r0 = *(u8 *)(r0 + 0)${DONE}` },
  { name: 'value: an index by multiplication', text: `${RANDOM_AND_VALUE}r7 &= 3\n r7 *= 20\n r0 += r7\n r0 = *(u32 *)(r0 + 0)${DONE}` },
  { name: 'value: an index subtracted', text: `${RANDOM_AND_VALUE}r7 &= 31\n r0 += 32\n r0 -= r7\n r0 = *(u8 *)(r0 + 0)${DONE}` },
  { name: 'value: a negative index in range', text: `${RANDOM_AND_VALUE}r7 &= 7\n r7 = -r7\n r0 += 16\n r0 += r7\n r0 = *(u8 *)(r0 + 0)${DONE}` },
  { name: 'value: swapped bytes as index', text: `${RANDOM_AND_VALUE}r7 = be16 r7\n if r7 > 63 goto out\n r0 += r7\n r0 = *(u8 *)(r0 + 0)${DONE}` },
  { name: 'value: 16 swapped bits are 16 bits', text: `${RANDOM_AND_VALUE}r7 = be16 r7\n r7 >>= 10\n r0 += r7\n r0 = *(u8 *)(r0 + 0)${DONE}` },
  { name: 'value: or of bits', text: `${RANDOM_AND_VALUE}r7 &= 32\n r7 |= 31\n r0 += r7\n r0 = *(u8 *)(r0 + 0)${DONE}` },
  { name: 'value: xor of bits', text: `${RANDOM_AND_VALUE}r7 &= 32\n r7 ^= 31\n r0 += r7\n r0 = *(u8 *)(r0 + 0)${DONE}` },
  { name: 'value: an arithmetic shift', text: `${RANDOM_AND_VALUE}r7 s>>= 58\n r0 += 32\n r0 += r7\n r0 = *(u8 *)(r0 + 0)${DONE}` },
  { name: 'value: a sign-extended byte', text: `${RANDOM_AND_VALUE}r7 = *(s8 *)(r0 + 0)\n r7 s>>= 2\n r0 += 32\n r0 += r7\n r0 = *(u8 *)(r0 + 0)${DONE}` },
  { name: 'value: bits tested', text: `${RANDOM_AND_VALUE}if r7 & -64 goto out\n r0 += r7\n r0 = *(u8 *)(r0 + 0)${DONE}` },
  { name: 'value: equal to a constant', text: `${RANDOM_AND_VALUE}if r7 != 60 goto out\n r0 += r7\n r0 = *(u32 *)(r0 + 0)${DONE}` },
  {
    name: 'value: compared with a register that is bounded',
    text: `${RANDOM_AND_VALUE}r8 = *(u8 *)(r0 + 0)\n r8 &= 31\n if r7 > r8 goto out\n r0 += r7\n r0 = *(u32 *)(r0 + 0)${DONE}`,
  },
  { name: 'value: the index is a copy', text: `${RANDOM_AND_VALUE}r8 = r7\n if r8 > 60 goto out\n r0 += r7\n r0 = *(u32 *)(r0 + 0)${DONE}` },
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
  { name: 'value: a pointer kept in the stack', text: `${VALUE}*(u64 *)(r10 - 16) = r0\n r1 = *(u64 *)(r10 - 16)\n r0 = *(u64 *)(r1 + 56)${DONE}` },
  { name: 'value: a pointer stored in it', text: `${VALUE}*(u64 *)(r0 + 0) = r10${DONE}` },
  { name: 'value: global variable', text: 'r1 = map_val(map_by_fd(11)) + 8 ll\n r0 = *(u64 *)(r1 + 24)\n exit' },
  { name: 'value: global variable, too far', text: 'r1 = map_val(map_by_fd(11)) + 8 ll\n r0 = *(u64 *)(r1 + 32)\n exit' },
  { name: 'value: global variable, before', text: 'r1 = map_val(map_by_fd(11)) + 8 ll\n r0 = *(u8 *)(r1 - 9)\n exit' },
  { name: 'value: read-only, read', text: 'r1 = map_val(map_by_fd(10)) ll\n r0 = *(u32 *)(r1 + 8)\n exit' },
  { name: 'value: read-only, written', text: 'r1 = map_val(map_by_fd(10)) ll\n *(u32 *)(r1 + 8) = 1\n r0 = 1\n exit' },
  { name: 'value: read-only, atomic', text: 'r1 = map_val(map_by_fd(10)) ll\n r2 = 1\n lock *(u32 *)(r1 + 8) += r2\n r0 = 1\n exit' },
  { name: 'value: write-only, read', text: `${VALUE.replace('map_by_fd(1)', 'map_by_fd(14)')}r0 = *(u32 *)(r0 + 0)${DONE}` },
  {
    name: 'value: a branch on a constant is not followed',
    text: 'r1 = map_val(map_by_fd(10)) ll\n r2 = *(u32 *)(r1 + 8)\n if r2 == 0x1020304 goto +1\n r0 = *(u64 *)(r2 + 0)\n r0 = 1\n exit',
  },
  {
    name: 'value: a byte of a constant',
    text: 'r1 = map_val(map_by_fd(10)) ll\n r2 = *(u8 *)(r1 + 9)\n if r2 == 3 goto +1\n r0 = *(u64 *)(r2 + 0)\n r0 = 1\n exit',
  },
  { name: 'value: first element of an array is always there', text: '*(u32 *)(r10 - 4) = 0\n r2 = r10\n r2 += -4\n r1 = map_by_fd(1) ll\n call 1\n r0 = *(u64 *)(r0 + 0)\n exit' },
  { name: 'value: element 9 of 10, by a spilled register', text: 'r3 = 9\n *(u32 *)(r10 - 8) = r3\n r2 = r10\n r2 += -8\n r1 = map_by_fd(1) ll\n call 1\n r0 = *(u64 *)(r0 + 0)\n exit' },
  { name: 'value: element 10 of 10', text: 'r3 = 10\n *(u32 *)(r10 - 8) = r3\n r2 = r10\n r2 += -8\n r1 = map_by_fd(1) ll\n call 1\n r0 = *(u64 *)(r0 + 0)\n exit' },
  { name: 'value: element 0 of a per-CPU array', text: '*(u32 *)(r10 - 4) = 0\n r2 = r10\n r2 += -4\n r1 = map_by_fd(9) ll\n call 1\n r0 = *(u64 *)(r0 + 0)\n exit' },
  { name: 'value: element 0 of a hash', text: '*(u64 *)(r10 - 8) = 0\n r2 = r10\n r2 += -8\n r1 = map_by_fd(2) ll\n call 1\n r0 = *(u64 *)(r0 + 0)\n exit' },
  { name: 'map: writing its own memory', text: 'r1 = map_by_fd(1) ll\n *(u32 *)(r1 + 0) = 1\n r0 = 0\n exit' },
  { name: 'number as address', text: 'r1 = 4096\n r0 = *(u32 *)(r1 + 0)\n exit' },
  { name: 'number as address, store', text: 'r1 = 4096\n *(u32 *)(r1 + 0) = 1\n r0 = 1\n exit' },
];
