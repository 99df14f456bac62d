/** Which map goes with which helper, and what lookups give. */
import { DONE, KEY, PACKET, VALUE } from './snippets.ts';
import type { Case } from './verify-text.ts';

const MAP_CALLS = [1, 2, 3, 5, 6, 7, 8, 9, 10, 12, 14, 15, 16, 17, 18, 19] as const;

export const MAP_CASES: readonly Case[] = [
  ...MAP_CALLS.map((map) => ({
    name: `map ${map}: lookup`,
    text: `${KEY}r1 = map_by_fd(${map}) ll\n call 1\n r0 = 1\n exit`,
  })),
  { name: 'map 4: lookup', text: `${KEY}r1 = map_by_fd(4) ll\n call 1\n r0 = 1\n exit` },
  ...[1, 3, 4, 5, 10, 12, 17, 20].map((map) => ({
    name: `map ${map}: update`,
    text: `${KEY}*(u64 *)(r10 - 64) = 0\n r3 = r10\n r3 += -64\n r4 = 0\n r1 = map_by_fd(${map}) ll\n call 2\n r0 = 1\n exit`,
  })),
  ...[2, 3, 4].map((map) => ({
    name: `map ${map}: delete`,
    text: `${KEY}r1 = map_by_fd(${map}) ll\n call 3\n r0 = 1\n exit`,
  })),
  ...[1, 3, 4, 5, 6, 17].map((map) => ({
    name: `map ${map}: redirect_map`,
    text: `r1 = map_by_fd(${map}) ll\n r2 = 0\n r3 = 0\n call 51\n exit`,
  })),
  ...[3, 6, 12].map((map) => ({
    name: `map ${map}: tail_call`,
    text: `r2 = map_by_fd(${map}) ll\n r3 = 0\n call 12\n r0 = 1\n exit`,
  })),
  ...[1, 7, 8].map((map) => ({
    name: `map ${map}: perf_event_output`,
    text: `*(u64 *)(r10 - 8) = 0\n r4 = r10\n r4 += -8\n r5 = 8\n r3 = 0\n r2 = map_by_fd(${map}) ll\n call 25\n r0 = 1\n exit`,
  })),
  ...[1, 9, 15].map((map) => ({
    name: `map ${map}: lookup_percpu`,
    text: `${KEY}r3 = 0\n r1 = map_by_fd(${map}) ll\n call 195\n r0 = 1\n exit`,
  })),
  { name: 'map: after tail_call r0 is gone', text: 'r2 = map_by_fd(6) ll\n r3 = 0\n call 12\n exit' },
  {
    name: 'map: key too short',
    text: 'r2 = r10\n r2 += -4\n *(u32 *)(r10 - 4) = 0\n r1 = map_by_fd(2) ll\n call 1\n r0 = 1\n exit',
  },
  {
    name: 'map: key that was not written',
    text: 'r2 = r10\n r2 += -8\n r1 = map_by_fd(2) ll\n call 1\n r0 = 1\n exit',
  },
  {
    name: 'map: key in the packet',
    text: `${PACKET}r4 = r2\n r4 += 8\n if r4 > r3 goto out\n r1 = map_by_fd(2) ll\n call 1${DONE}`,
  },
  { name: 'map: key in the packet, not compared', text: `${PACKET}r1 = map_by_fd(2) ll\n call 1\n r0 = 1\n exit` },
  { name: 'map: key in a value', text: `${VALUE}r2 = r0\n r1 = map_by_fd(2) ll\n call 1${DONE}` },
  { name: 'map: key in a value, too far', text: `${VALUE}r2 = r0\n r2 += 57\n r1 = map_by_fd(2) ll\n call 1${DONE}` },
  { name: 'map: key is a number', text: 'r2 = 0\n r1 = map_by_fd(2) ll\n call 1\n r0 = 1\n exit' },
  { name: 'map: key is the context', text: 'r2 = r1\n r1 = map_by_fd(2) ll\n call 1\n r0 = 1\n exit' },
  { name: 'map: key is a map', text: 'r1 = map_by_fd(2) ll\n r2 = r1\n call 1\n r0 = 1\n exit' },
  {
    name: 'map: value too short',
    text: `${KEY}r3 = r10\n r3 += -8\n r4 = 0\n r1 = map_by_fd(2) ll\n call 2\n r0 = 1\n exit`,
  },
  { name: 'map: not a map', text: `${KEY}r1 = 5\n call 1\n r0 = 1\n exit` },
  {
    name: 'map: one of two',
    text: `call 7\n ${KEY}r1 = map_by_fd(1) ll\n if r0 == 0 goto +2\n r1 = map_by_fd(9) ll\n call 1\n if r0 == 0 goto +1\n r0 = *(u64 *)(r0 + 0)\n r0 = 1\n exit`,
  },
  {
    name: 'map: inner, not compared',
    text: `${KEY}r1 = map_by_fd(12) ll\n call 1\n r1 = r0\n ${KEY}call 1\n r0 = 1\n exit`,
  },
  {
    name: 'map: inner',
    text: `${KEY}r1 = map_by_fd(12) ll\n call 1\n if r0 == 0 goto out\n r1 = r0\n ${KEY}call 1\n if r0 == 0 goto out\n r0 = *(u64 *)(r0 + 56)${DONE}`,
  },
  {
    name: 'map: xsk lookup is a socket',
    text: `${KEY}r1 = map_by_fd(5) ll\n call 1\n if r0 == 0 goto out\n r0 = *(u32 *)(r0 + 0)${DONE}`,
  },
  {
    name: 'map: xsk lookup, 8 bytes',
    text: `${KEY}r1 = map_by_fd(5) ll\n call 1\n if r0 == 0 goto out\n r0 = *(u64 *)(r0 + 0)${DONE}`,
  },
  {
    name: 'map: devmap value is read',
    text: `${KEY}r1 = map_by_fd(4) ll\n call 1\n if r0 == 0 goto out\n r0 = *(u32 *)(r0 + 0)${DONE}`,
  },
  {
    name: 'map: devmap value is written',
    text: `${KEY}r1 = map_by_fd(4) ll\n call 1\n if r0 == 0 goto out\n *(u32 *)(r0 + 0) = 1${DONE}`,
  },
  {
    name: 'map: two lookups, one compared',
    text: `${KEY}r1 = map_by_fd(2) ll\n call 1\n r6 = r0\n ${KEY}r1 = map_by_fd(2) ll\n call 1\n if r6 == 0 goto out\n r0 = *(u64 *)(r0 + 0)${DONE}`,
  },
  {
    name: 'map: compared with a pointer that is not NULL',
    text: `${VALUE}r6 = r0\n ${KEY}r1 = map_by_fd(1) ll\n *(u32 *)(r10 - 8) = 99\n call 1\n if r0 != r6 goto out\n r0 = *(u64 *)(r0 + 0)${DONE}`,
  },
];
