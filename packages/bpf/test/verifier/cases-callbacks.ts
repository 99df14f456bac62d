/** What must be given back, locks, callbacks. */
import { DONE, KEY, VALUE } from './snippets.ts';
import type { Case } from './verify-text.ts';

const RESERVE = 'r1 = map_by_fd(7) ll\n r2 = 16\n r3 = 0\n call 131\n ';
const LOCKED = `${KEY}r1 = map_by_fd(13) ll\n call 1\n if r0 == 0 goto out\n r6 = r0\n r1 = r0\n r1 += 4\n call 93\n `;
const UNLOCK = 'r1 = r6\n r1 += 4\n call 94\n ';

/** bpf_loop of `turns` with r6 as context, the callback `body`. */
const loopOf = (turns: string, body: string, before = '', after = ''): string =>
  `${before}r1 = ${turns}\n r2 = code_addr(turn) ll\n r3 = r10\n r3 += -8\n r4 = 0\n call 181\n ${after}r0 = 1\n exit\nturn:\n ${body}\n exit`;

export const CALLBACK_CASES: readonly Case[] = [
  {
    name: 'ring: submitted',
    text: `${RESERVE}if r0 == 0 goto out\n *(u64 *)(r0 + 8) = 1\n r1 = r0\n r2 = 0\n call 132${DONE}`,
  },
  { name: 'ring: discarded', text: `${RESERVE}if r0 == 0 goto out\n r1 = r0\n r2 = 0\n call 133${DONE}` },
  { name: 'ring: forgotten', text: `${RESERVE}if r0 == 0 goto out\n *(u64 *)(r0 + 8) = 1${DONE}` },
  { name: 'ring: not compared', text: `${RESERVE}*(u64 *)(r0 + 8) = 1\n r0 = 0\n exit` },
  { name: 'ring: submitted without comparing', text: `${RESERVE}r1 = r0\n r2 = 0\n call 132\n r0 = 0\n exit` },
  {
    name: 'ring: too far',
    text: `${RESERVE}if r0 == 0 goto out\n *(u64 *)(r0 + 9) = 1\n r1 = r0\n r2 = 0\n call 132${DONE}`,
  },
  {
    name: 'ring: used after submit',
    text: `${RESERVE}if r0 == 0 goto out\n r6 = r0\n r1 = r0\n r2 = 0\n call 132\n *(u64 *)(r6 + 0) = 1${DONE}`,
  },
  {
    name: 'ring: submitted twice',
    text: `${RESERVE}if r0 == 0 goto out\n r6 = r0\n r1 = r0\n r2 = 0\n call 132\n r1 = r6\n r2 = 0\n call 132${DONE}`,
  },
  {
    name: 'ring: submitted moved',
    text: `${RESERVE}if r0 == 0 goto out\n r1 = r0\n r1 += 8\n r2 = 0\n call 132${DONE}`,
  },
  {
    name: 'ring: submitted on one path',
    text: `${RESERVE}if r0 == 0 goto out\n r6 = r0\n call 7\n if r0 == 0 goto out\n r1 = r6\n r2 = 0\n call 132${DONE}`,
  },
  {
    name: 'ring: of unknown size',
    text: 'call 7\n r2 = r0\n r1 = map_by_fd(7) ll\n r3 = 0\n call 131\n r0 = 0\n exit',
  },
  { name: 'ring: value is not a record', text: `${VALUE}r1 = r0\n r2 = 0\n call 132${DONE}` },
  {
    name: 'ring: tail call while it is held',
    text: `r6 = r1\n ${RESERVE}if r0 == 0 goto out\n r7 = r0\n r1 = r6\n r2 = map_by_fd(6) ll\n r3 = 0\n call 12\n r1 = r7\n r2 = 0\n call 132${DONE}`,
  },
  { name: 'ring: output', text: `${KEY}r3 = 8\n r4 = 0\n r1 = map_by_fd(7) ll\n call 130\n r0 = 0\n exit` },
  { name: 'ring: query', text: 'r2 = 0\n r1 = map_by_fd(7) ll\n call 134\n r0 = 0\n exit' },
  { name: 'ring: query of an array', text: 'r2 = 0\n r1 = map_by_fd(1) ll\n call 134\n r0 = 0\n exit' },
  { name: 'lock: taken and given back', text: `${LOCKED}*(u32 *)(r6 + 0) = 1\n ${UNLOCK}${DONE}` },
  { name: 'lock: kept', text: `${LOCKED}${DONE}` },
  { name: 'lock: taken twice', text: `${LOCKED}r1 = r6\n r1 += 4\n call 93\n ${UNLOCK}${DONE}` },
  { name: 'lock: call while it is held', text: `${LOCKED}call 7\n ${UNLOCK}${DONE}` },
  { name: 'lock: function while it is held', text: `${LOCKED}call f\n ${UNLOCK}${DONE}\nf:\n r0 = 0\n exit` },
  {
    name: 'lock: given back and not taken',
    text: `${KEY}r1 = map_by_fd(13) ll\n call 1\n if r0 == 0 goto out\n r6 = r0\n ${UNLOCK}${DONE}`,
  },
  {
    name: 'lock: not a lock',
    text: `${KEY}r1 = map_by_fd(13) ll\n call 1\n if r0 == 0 goto out\n r1 = r0\n call 93${DONE}`,
  },
  { name: 'lock: a map without', text: `${VALUE}r1 = r0\n call 93${DONE}` },
  { name: 'lock: read directly', text: `${LOCKED}r7 = *(u32 *)(r6 + 4)\n ${UNLOCK}${DONE}` },
  {
    name: 'lock: written over',
    text: `${KEY}r1 = map_by_fd(13) ll\n call 1\n if r0 == 0 goto out\n *(u64 *)(r0 + 0) = 1${DONE}`,
  },
  {
    name: 'lock: another one is given back',
    text: `${KEY}r1 = map_by_fd(13) ll\n call 1\n if r0 == 0 goto out\n r7 = r0\n ${LOCKED}r1 = r7\n r1 += 4\n call 94${DONE}`,
  },
  { name: 'loop: nothing', text: loopOf('10', 'r0 = 0') },
  { name: 'loop: endless turns', text: loopOf('0x7fffffff', 'r0 = 0') },
  { name: 'loop: stops', text: loopOf('10', 'r0 = 1') },
  { name: 'loop: returns 2', text: loopOf('10', 'r0 = 2') },
  { name: 'loop: returns a pointer', text: loopOf('10', 'r0 = r10') },
  { name: 'loop: returns anything', text: loopOf('10', 'call 7') },
  {
    name: 'loop: a counter in the context',
    text: loopOf(
      '1000',
      'r1 = *(u64 *)(r2 + 0)\n r1 += 1\n *(u64 *)(r2 + 0) = r1\n r0 = 0',
      '*(u64 *)(r10 - 8) = 0\n ',
    ),
  },
  {
    name: 'loop: a counter is used as index afterwards',
    text: loopOf(
      '1000',
      'r1 = *(u64 *)(r2 + 0)\n r1 += 1\n *(u64 *)(r2 + 0) = r1\n r0 = 0',
      '*(u64 *)(r10 - 8) = 0\n ',
      'r2 = r10\n r3 = *(u64 *)(r10 - 8)\n r2 += -64\n r2 += r3\n r0 = *(u8 *)(r2 + 0)\n ',
    ),
  },
  {
    name: 'loop: an index is bounded inside',
    text: loopOf(
      '1000',
      'if r1 > 39 goto stop\n r3 = map_val(map_by_fd(11)) ll\n r3 += r1\n r0 = *(u8 *)(r3 + 0)\n r0 = 0\n exit\nstop:\n r0 = 1',
    ),
  },
  {
    name: 'loop: an index is not bounded inside',
    text: loopOf('10', 'r3 = map_val(map_by_fd(11)) ll\n r3 += r1\n r0 = *(u8 *)(r3 + 0)\n r0 = 0'),
  },
  { name: 'loop: the callback reads r3', text: loopOf('10', 'r0 = r3') },
  {
    name: 'loop: a pointer in the context changes',
    text: loopOf(
      '10',
      'r1 = 5\n *(u64 *)(r2 + 0) = r1\n r0 = 0',
      '*(u64 *)(r10 - 8) = r1\n ',
      'r1 = *(u64 *)(r10 - 8)\n r0 = *(u32 *)(r1 + 12)\n ',
    ),
  },
  {
    name: 'loop: NULL for the context',
    text: 'r1 = 3\n r2 = code_addr(turn) ll\n r3 = 0\n r4 = 0\n call 181\n r0 = 1\n exit\nturn:\n r0 = *(u64 *)(r2 + 0)\n r0 = 0\n exit',
  },
  { name: 'loop: a number for the function', text: 'r1 = 3\n r2 = 4\n r3 = 0\n r4 = 0\n call 181\n r0 = 1\n exit' },
  {
    name: 'loop: twice',
    text: 'r6 = r1\n r1 = 3\n r2 = code_addr(turn) ll\n r3 = 0\n r4 = 0\n call 181\n r1 = 300\n r2 = code_addr(turn) ll\n r3 = 0\n r4 = 0\n call 181\n r0 = 1\n exit\nturn:\n r0 = 0\n exit',
  },
  {
    name: 'loop: inside a loop',
    text: 'r1 = 300\n r2 = code_addr(outer) ll\n r3 = 0\n r4 = 0\n call 181\n r0 = 1\n exit\nouter:\n r1 = 300\n r2 = code_addr(inner) ll\n r3 = r10\n r3 += -8\n *(u64 *)(r10 - 8) = 0\n r4 = 0\n call 181\n r0 = 0\n exit\ninner:\n r1 = *(u64 *)(r2 + 0)\n r1 += 1\n *(u64 *)(r2 + 0) = r1\n r0 = 0\n exit',
  },
  { name: 'loop: no turn', text: loopOf('0', 'r0 = *(u64 *)(r9 + 0)') },
  {
    name: 'each: array',
    text: 'r1 = map_by_fd(1) ll\n r2 = code_addr(each) ll\n r3 = 0\n r4 = 0\n call 164\n r0 = 1\n exit\neach:\n r0 = *(u32 *)(r2 + 0)\n r1 = *(u64 *)(r3 + 56)\n *(u64 *)(r3 + 0) = 1\n r0 = 0\n exit',
  },
  {
    name: 'each: value too far',
    text: 'r1 = map_by_fd(1) ll\n r2 = code_addr(each) ll\n r3 = 0\n r4 = 0\n call 164\n r0 = 1\n exit\neach:\n r1 = *(u64 *)(r3 + 57)\n r0 = 0\n exit',
  },
  {
    name: 'each: key too far',
    text: 'r1 = map_by_fd(1) ll\n r2 = code_addr(each) ll\n r3 = 0\n r4 = 0\n call 164\n r0 = 1\n exit\neach:\n r1 = *(u64 *)(r2 + 0)\n r0 = 0\n exit',
  },
  {
    name: 'each: writes the key',
    text: 'r1 = map_by_fd(2) ll\n r2 = code_addr(each) ll\n r3 = 0\n r4 = 0\n call 164\n r0 = 1\n exit\neach:\n *(u32 *)(r2 + 0) = 1\n r0 = 0\n exit',
  },
  {
    name: 'each: deletes while walking',
    text: 'r1 = map_by_fd(2) ll\n r2 = code_addr(each) ll\n r3 = 0\n r4 = 0\n call 164\n r0 = 1\n exit\neach:\n call 3\n r0 = 0\n exit',
  },
  {
    name: 'each: trie',
    text: 'r1 = map_by_fd(19) ll\n r2 = code_addr(each) ll\n r3 = 0\n r4 = 0\n call 164\n r0 = 1\n exit\neach:\n r0 = 0\n exit',
  },
  {
    name: 'each: cpumap',
    text: 'r1 = map_by_fd(3) ll\n r2 = code_addr(each) ll\n r3 = 0\n r4 = 0\n call 164\n r0 = 1\n exit\neach:\n r0 = 0\n exit',
  },
  {
    name: 'each: sums in the context',
    text: '*(u64 *)(r10 - 8) = 0\n r1 = map_by_fd(2) ll\n r2 = code_addr(each) ll\n r3 = r10\n r3 += -8\n r4 = 0\n call 164\n r0 = *(u64 *)(r10 - 8)\n exit\neach:\n r1 = *(u64 *)(r3 + 0)\n r2 = *(u64 *)(r4 + 0)\n r2 += r1\n *(u64 *)(r4 + 0) = r2\n r0 = 0\n exit',
  },
];
