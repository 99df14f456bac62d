/** The packet: what may be touched after which comparison. */
import { DONE, FOURTEEN, PACKET } from './snippets.ts';
import type { Case } from './verify-text.ts';

const packetCompare = (compare: string, access: string): string => `${PACKET}r4 = r2
  r4 += 14
  ${compare}
  ${access}
  goto out
in:
  ${access}${DONE}`;

export const PACKET_CASES: readonly Case[] = [
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
  {
    name: 'packet: 32-bit comparison tells nothing',
    text: packetCompare('if w4 < w3 goto in', 'r0 = *(u8 *)(r2 + 0)'),
  },
  {
    name: 'packet: 0 bytes and less than the end',
    text: `${PACKET}if r2 < r3 goto in\n goto out\nin:\n r0 = *(u8 *)(r2 + 0)${DONE}`,
  },
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
];
