/** Helpers: arguments, maps, references, locks, callbacks. */
import { PACKET, VALUE } from './cases-memory.ts';
import type { Case } from './verify-text.ts';

const DONE = `
  r0 = 1
  exit
out:
  r0 = 2
  exit`;
const KEY = '*(u64 *)(r10 - 8) = 0\n r2 = r10\n r2 += -8\n ';
const RESERVE = 'r1 = map_by_fd(7) ll\n r2 = 16\n r3 = 0\n call 131\n ';
const LOCKED = `${KEY}r1 = map_by_fd(13) ll\n call 1\n if r0 == 0 goto out\n r6 = r0\n r1 = r0\n r1 += 4\n call 93\n `;
const UNLOCK = 'r1 = r6\n r1 += 4\n call 94\n ';

/** bpf_loop of `turns` with r6 as context, the callback `body`. */
const loopOf = (turns: string, body: string, before = '', after = ''): string =>
  `${before}r1 = ${turns}\n r2 = code_addr(turn) ll\n r3 = r10\n r3 += -8\n r4 = 0\n call 181\n ${after}r0 = 1\n exit\nturn:\n ${body}\n exit`;

const MAP_CALLS = [1, 2, 3, 5, 6, 7, 8, 9, 10, 12, 14, 15, 16, 17, 18, 19] as const;

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
  { name: 'helper: the CPU is bounded', text: `call 8\n r7 = r0\n ${VALUE}r7 &= 0xff\n if r7 > 63 goto out\n r0 += r7\n r0 = *(u8 *)(r0 + 0)${DONE}` },

  ...MAP_CALLS.map((map) => ({ name: `map ${map}: lookup`, text: `${KEY}r1 = map_by_fd(${map}) ll\n call 1\n r0 = 1\n exit` })),
  { name: 'map 4: lookup', text: `${KEY}r1 = map_by_fd(4) ll\n call 1\n r0 = 1\n exit` },
  ...[1, 3, 4, 5, 10, 12, 17, 20].map((map) => ({
    name: `map ${map}: update`,
    text: `${KEY}*(u64 *)(r10 - 64) = 0\n r3 = r10\n r3 += -64\n r4 = 0\n r1 = map_by_fd(${map}) ll\n call 2\n r0 = 1\n exit`,
  })),
  ...[2, 3, 4].map((map) => ({ name: `map ${map}: delete`, text: `${KEY}r1 = map_by_fd(${map}) ll\n call 3\n r0 = 1\n exit` })),
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
  { name: 'map: key too short', text: 'r2 = r10\n r2 += -4\n *(u32 *)(r10 - 4) = 0\n r1 = map_by_fd(2) ll\n call 1\n r0 = 1\n exit' },
  { name: 'map: key that was not written', text: 'r2 = r10\n r2 += -8\n r1 = map_by_fd(2) ll\n call 1\n r0 = 1\n exit' },
  { name: 'map: key in the packet', text: `${PACKET}r4 = r2\n r4 += 8\n if r4 > r3 goto out\n r1 = map_by_fd(2) ll\n call 1${DONE}` },
  { name: 'map: key in the packet, not compared', text: `${PACKET}r1 = map_by_fd(2) ll\n call 1\n r0 = 1\n exit` },
  { name: 'map: key in a value', text: `${VALUE}r2 = r0\n r1 = map_by_fd(2) ll\n call 1${DONE}` },
  { name: 'map: key in a value, too far', text: `${VALUE}r2 = r0\n r2 += 57\n r1 = map_by_fd(2) ll\n call 1${DONE}` },
  { name: 'map: key is a number', text: 'r2 = 0\n r1 = map_by_fd(2) ll\n call 1\n r0 = 1\n exit' },
  { name: 'map: key is the context', text: 'r2 = r1\n r1 = map_by_fd(2) ll\n call 1\n r0 = 1\n exit' },
  { name: 'map: key is a map', text: 'r1 = map_by_fd(2) ll\n r2 = r1\n call 1\n r0 = 1\n exit' },
  { name: 'map: value too short', text: `${KEY}r3 = r10\n r3 += -8\n r4 = 0\n r1 = map_by_fd(2) ll\n call 2\n r0 = 1\n exit` },
  { name: 'map: not a map', text: `${KEY}r1 = 5\n call 1\n r0 = 1\n exit` },
  {
    name: 'map: one of two',
    text: `call 7\n ${KEY}r1 = map_by_fd(1) ll\n if r0 == 0 goto +2\n r1 = map_by_fd(9) ll\n call 1\n if r0 == 0 goto +1\n r0 = *(u64 *)(r0 + 0)\n r0 = 1\n exit`,
  },
  { name: 'map: inner, not compared', text: `${KEY}r1 = map_by_fd(12) ll\n call 1\n r1 = r0\n ${KEY}call 1\n r0 = 1\n exit` },
  {
    name: 'map: inner',
    text: `${KEY}r1 = map_by_fd(12) ll\n call 1\n if r0 == 0 goto out\n r1 = r0\n ${KEY}call 1\n if r0 == 0 goto out\n r0 = *(u64 *)(r0 + 56)${DONE}`,
  },
  { name: 'map: xsk lookup is a socket', text: `${KEY}r1 = map_by_fd(5) ll\n call 1\n if r0 == 0 goto out\n r0 = *(u32 *)(r0 + 0)${DONE}` },
  { name: 'map: xsk lookup, 8 bytes', text: `${KEY}r1 = map_by_fd(5) ll\n call 1\n if r0 == 0 goto out\n r0 = *(u64 *)(r0 + 0)${DONE}` },
  { name: 'map: devmap value is read', text: `${KEY}r1 = map_by_fd(4) ll\n call 1\n if r0 == 0 goto out\n r0 = *(u32 *)(r0 + 0)${DONE}` },
  { name: 'map: devmap value is written', text: `${KEY}r1 = map_by_fd(4) ll\n call 1\n if r0 == 0 goto out\n *(u32 *)(r0 + 0) = 1${DONE}` },
  {
    name: 'map: two lookups, one compared',
    text: `${KEY}r1 = map_by_fd(2) ll\n call 1\n r6 = r0\n ${KEY}r1 = map_by_fd(2) ll\n call 1\n if r6 == 0 goto out\n r0 = *(u64 *)(r0 + 0)${DONE}`,
  },
  {
    name: 'map: compared with a pointer that is not NULL',
    text: `${VALUE}r6 = r0\n ${KEY}r1 = map_by_fd(1) ll\n *(u32 *)(r10 - 8) = 99\n call 1\n if r0 != r6 goto out\n r0 = *(u64 *)(r0 + 0)${DONE}`,
  },

  { name: 'size: 0 where it must not be', text: `${KEY}r1 = r2\n r2 = 0\n call 6\n r0 = 1\n exit` },
  { name: 'size: 0 where it may be', text: 'r2 = 0\n r1 = r10\n r1 += -8\n r3 = 4096\n call 113\n r0 = 1\n exit' },
  { name: 'size: unknown', text: 'call 7\n r2 = r0\n r1 = r10\n r1 += -64\n r3 = 4096\n call 113\n r0 = 1\n exit' },
  { name: 'size: masked', text: 'call 7\n r2 = r0\n r2 &= 63\n r1 = r10\n r1 += -64\n r3 = 4096\n call 113\n r0 = 1\n exit' },
  { name: 'size: masked, one too large', text: 'call 7\n r2 = r0\n r2 &= 127\n r1 = r10\n r1 += -64\n r3 = 4096\n call 113\n r0 = 1\n exit' },
  { name: 'size: may be negative', text: 'call 7\n r2 = r0\n if r2 s> 64 goto out\n r1 = r10\n r1 += -64\n r3 = 4096\n call 113\nout:\n r0 = 1\n exit' },
  { name: 'size: a pointer', text: 'r2 = r10\n r1 = r10\n r1 += -64\n r3 = 4096\n call 113\n r0 = 1\n exit' },
  { name: 'size: stack filled is a number', text: 'r6 = r1\n *(u64 *)(r10 - 8) = r1\n r2 = 8\n r1 = r10\n r1 += -8\n r3 = 4096\n call 113\n r1 = *(u64 *)(r10 - 8)\n r0 = *(u32 *)(r1 + 0)\n exit' },
  { name: 'size: into a value', text: `${VALUE}r1 = r0\n r2 = 64\n r3 = 4096\n call 113${DONE}` },
  { name: 'size: into a value, too large', text: `${VALUE}r1 = r0\n r2 = 65\n r3 = 4096\n call 113${DONE}` },
  { name: 'size: into a read-only value', text: 'r1 = map_val(map_by_fd(10)) ll\n r2 = 8\n r3 = 4096\n call 113\n r0 = 1\n exit' },
  { name: 'size: into the packet', text: `${PACKET}r4 = r2\n r4 += 8\n if r4 > r3 goto out\n r1 = r2\n r2 = 8\n r3 = 4096\n call 113${DONE}` },
  { name: 'size: above the stack', text: 'r2 = 16\n r1 = r10\n r1 += -8\n r3 = 4096\n call 113\n r0 = 1\n exit' },
  { name: 'size: result of probe_read_kernel_str', text: `r2 = 64\n r1 = r10\n r1 += -64\n r3 = 4096\n call 115\n r7 = r0\n ${VALUE}if r7 s< 0 goto out\n r0 += r7\n r0 = *(u8 *)(r0 - 1)${DONE}` },
  { name: 'csum: of the packet', text: `${PACKET}r4 = r2\n r4 += 8\n if r4 > r3 goto out\n r3 = r2\n r4 = 8\n r1 = 0\n r2 = 0\n r5 = 0\n call 28${DONE}` },
  { name: 'csum: NULL with a size', text: 'r1 = 0\n r2 = 4\n r3 = 0\n r4 = 0\n r5 = 0\n call 28\n r0 = 1\n exit' },
  { name: 'csum: nothing', text: 'r1 = 0\n r2 = 0\n r3 = 0\n r4 = 0\n r5 = 0\n call 28\n r0 = 1\n exit' },
  { name: 'bytes: load into the stack', text: 'r2 = 0\n r3 = r10\n r3 += -16\n r4 = 16\n call 189\n r0 = *(u64 *)(r10 - 16)\n exit' },
  { name: 'bytes: store from the stack', text: '*(u64 *)(r10 - 8) = 1\n r2 = 0\n r3 = r10\n r3 += -8\n r4 = 8\n call 190\n r0 = 1\n exit' },
  { name: 'bytes: store from the packet', text: `${PACKET}r4 = r2\n r4 += 8\n if r4 > r3 goto out\n r3 = r2\n r2 = 0\n r4 = 8\n r1 = r6\n call 190${DONE}` },
  { name: 'string: constant', text: `${KEY}r1 = r2\n r2 = 8\n r3 = map_val(map_by_fd(10)) ll\n call 182\n r0 = 1\n exit` },
  { name: 'string: without its zero', text: `${KEY}r1 = r2\n r2 = 8\n r3 = map_val(map_by_fd(10)) + 20 ll\n call 182\n r0 = 1\n exit` },
  { name: 'string: in a map that can change', text: `${KEY}r1 = r2\n r2 = 8\n r3 = map_val(map_by_fd(11)) ll\n call 182\n r0 = 1\n exit` },
  { name: 'string: in the stack', text: `${KEY}r1 = r2\n r3 = r2\n r2 = 8\n call 182\n r0 = 1\n exit` },
  { name: 'output: events of the packet with its length', text: `${PACKET}r4 = r10\n r4 += -8\n *(u64 *)(r10 - 8) = 1\n r5 = 8\n r3 = 0xffffffff ll\n r2 = map_by_fd(8) ll\n r1 = r6\n call 25\n r0 = 1\n exit` },
  { name: 'output: from the packet', text: `${PACKET}r4 = r2\n r4 += 8\n if r4 > r3 goto out\n r4 = r2\n r5 = 8\n r3 = 0\n r2 = map_by_fd(8) ll\n r1 = r6\n call 25${DONE}` },

  { name: 'ring: submitted', text: `${RESERVE}if r0 == 0 goto out\n *(u64 *)(r0 + 8) = 1\n r1 = r0\n r2 = 0\n call 132${DONE}` },
  { name: 'ring: discarded', text: `${RESERVE}if r0 == 0 goto out\n r1 = r0\n r2 = 0\n call 133${DONE}` },
  { name: 'ring: forgotten', text: `${RESERVE}if r0 == 0 goto out\n *(u64 *)(r0 + 8) = 1${DONE}` },
  { name: 'ring: not compared', text: `${RESERVE}*(u64 *)(r0 + 8) = 1\n r0 = 0\n exit` },
  { name: 'ring: submitted without comparing', text: `${RESERVE}r1 = r0\n r2 = 0\n call 132\n r0 = 0\n exit` },
  { name: 'ring: too far', text: `${RESERVE}if r0 == 0 goto out\n *(u64 *)(r0 + 9) = 1\n r1 = r0\n r2 = 0\n call 132${DONE}` },
  { name: 'ring: used after submit', text: `${RESERVE}if r0 == 0 goto out\n r6 = r0\n r1 = r0\n r2 = 0\n call 132\n *(u64 *)(r6 + 0) = 1${DONE}` },
  { name: 'ring: submitted twice', text: `${RESERVE}if r0 == 0 goto out\n r6 = r0\n r1 = r0\n r2 = 0\n call 132\n r1 = r6\n r2 = 0\n call 132${DONE}` },
  { name: 'ring: submitted moved', text: `${RESERVE}if r0 == 0 goto out\n r1 = r0\n r1 += 8\n r2 = 0\n call 132${DONE}` },
  { name: 'ring: submitted on one path', text: `${RESERVE}if r0 == 0 goto out\n r6 = r0\n call 7\n if r0 == 0 goto out\n r1 = r6\n r2 = 0\n call 132${DONE}` },
  { name: 'ring: of unknown size', text: 'call 7\n r2 = r0\n r1 = map_by_fd(7) ll\n r3 = 0\n call 131\n r0 = 0\n exit' },
  { name: 'ring: value is not a record', text: `${VALUE}r1 = r0\n r2 = 0\n call 132${DONE}` },
  { name: 'ring: tail call while it is held', text: `r6 = r1\n ${RESERVE}if r0 == 0 goto out\n r7 = r0\n r1 = r6\n r2 = map_by_fd(6) ll\n r3 = 0\n call 12\n r1 = r7\n r2 = 0\n call 132${DONE}` },
  { name: 'ring: output', text: `${KEY}r3 = 8\n r4 = 0\n r1 = map_by_fd(7) ll\n call 130\n r0 = 0\n exit` },
  { name: 'ring: query', text: 'r2 = 0\n r1 = map_by_fd(7) ll\n call 134\n r0 = 0\n exit' },
  { name: 'ring: query of an array', text: 'r2 = 0\n r1 = map_by_fd(1) ll\n call 134\n r0 = 0\n exit' },

  { name: 'lock: taken and given back', text: `${LOCKED}*(u32 *)(r6 + 0) = 1\n ${UNLOCK}${DONE}` },
  { name: 'lock: kept', text: `${LOCKED}${DONE}` },
  { name: 'lock: taken twice', text: `${LOCKED}r1 = r6\n r1 += 4\n call 93\n ${UNLOCK}${DONE}` },
  { name: 'lock: call while it is held', text: `${LOCKED}call 7\n ${UNLOCK}${DONE}` },
  { name: 'lock: function while it is held', text: `${LOCKED}call f\n ${UNLOCK}${DONE}\nf:\n r0 = 0\n exit` },
  { name: 'lock: given back and not taken', text: `${KEY}r1 = map_by_fd(13) ll\n call 1\n if r0 == 0 goto out\n r6 = r0\n ${UNLOCK}${DONE}` },
  { name: 'lock: not a lock', text: `${KEY}r1 = map_by_fd(13) ll\n call 1\n if r0 == 0 goto out\n r1 = r0\n call 93${DONE}` },
  { name: 'lock: a map without', text: `${VALUE}r1 = r0\n call 93${DONE}` },
  { name: 'lock: read directly', text: `${LOCKED}r7 = *(u32 *)(r6 + 4)\n ${UNLOCK}${DONE}` },
  { name: 'lock: written over', text: `${KEY}r1 = map_by_fd(13) ll\n call 1\n if r0 == 0 goto out\n *(u64 *)(r0 + 0) = 1${DONE}` },
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
  { name: 'loop: a counter in the context', text: loopOf('1000', 'r1 = *(u64 *)(r2 + 0)\n r1 += 1\n *(u64 *)(r2 + 0) = r1\n r0 = 0', '*(u64 *)(r10 - 8) = 0\n ') },
  {
    name: 'loop: a counter is used as index afterwards',
    text: loopOf('1000', 'r1 = *(u64 *)(r2 + 0)\n r1 += 1\n *(u64 *)(r2 + 0) = r1\n r0 = 0', '*(u64 *)(r10 - 8) = 0\n ', 'r2 = r10\n r3 = *(u64 *)(r10 - 8)\n r2 += -64\n r2 += r3\n r0 = *(u8 *)(r2 + 0)\n '),
  },
  {
    name: 'loop: an index is bounded inside',
    text: loopOf('1000', 'if r1 > 39 goto stop\n r3 = map_val(map_by_fd(11)) ll\n r3 += r1\n r0 = *(u8 *)(r3 + 0)\n r0 = 0\n exit\nstop:\n r0 = 1'),
  },
  {
    name: 'loop: an index is not bounded inside',
    text: loopOf('10', 'r3 = map_val(map_by_fd(11)) ll\n r3 += r1\n r0 = *(u8 *)(r3 + 0)\n r0 = 0'),
  },
  { name: 'loop: the callback reads r3', text: loopOf('10', 'r0 = r3') },
  { name: 'loop: a pointer in the context changes', text: loopOf('10', 'r1 = 5\n *(u64 *)(r2 + 0) = r1\n r0 = 0', '*(u64 *)(r10 - 8) = r1\n ', 'r1 = *(u64 *)(r10 - 8)\n r0 = *(u32 *)(r1 + 12)\n ') },
  { name: 'loop: NULL for the context', text: 'r1 = 3\n r2 = code_addr(turn) ll\n r3 = 0\n r4 = 0\n call 181\n r0 = 1\n exit\nturn:\n r0 = *(u64 *)(r2 + 0)\n r0 = 0\n exit' },
  { name: 'loop: a number for the function', text: 'r1 = 3\n r2 = 4\n r3 = 0\n r4 = 0\n call 181\n r0 = 1\n exit' },
  { name: 'loop: twice', text: 'r6 = r1\n r1 = 3\n r2 = code_addr(turn) ll\n r3 = 0\n r4 = 0\n call 181\n r1 = 300\n r2 = code_addr(turn) ll\n r3 = 0\n r4 = 0\n call 181\n r0 = 1\n exit\nturn:\n r0 = 0\n exit' },
  { name: 'loop: inside a loop', text: 'r1 = 300\n r2 = code_addr(outer) ll\n r3 = 0\n r4 = 0\n call 181\n r0 = 1\n exit\nouter:\n r1 = 300\n r2 = code_addr(inner) ll\n r3 = r10\n r3 += -8\n *(u64 *)(r10 - 8) = 0\n r4 = 0\n call 181\n r0 = 0\n exit\ninner:\n r1 = *(u64 *)(r2 + 0)\n r1 += 1\n *(u64 *)(r2 + 0) = r1\n r0 = 0\n exit' },
  { name: 'loop: no turn', text: loopOf('0', 'r0 = *(u64 *)(r9 + 0)') },
  { name: 'each: array', text: 'r1 = map_by_fd(1) ll\n r2 = code_addr(each) ll\n r3 = 0\n r4 = 0\n call 164\n r0 = 1\n exit\neach:\n r0 = *(u32 *)(r2 + 0)\n r1 = *(u64 *)(r3 + 56)\n *(u64 *)(r3 + 0) = 1\n r0 = 0\n exit' },
  { name: 'each: value too far', text: 'r1 = map_by_fd(1) ll\n r2 = code_addr(each) ll\n r3 = 0\n r4 = 0\n call 164\n r0 = 1\n exit\neach:\n r1 = *(u64 *)(r3 + 57)\n r0 = 0\n exit' },
  { name: 'each: key too far', text: 'r1 = map_by_fd(1) ll\n r2 = code_addr(each) ll\n r3 = 0\n r4 = 0\n call 164\n r0 = 1\n exit\neach:\n r1 = *(u64 *)(r2 + 0)\n r0 = 0\n exit' },
  { name: 'each: writes the key', text: 'r1 = map_by_fd(2) ll\n r2 = code_addr(each) ll\n r3 = 0\n r4 = 0\n call 164\n r0 = 1\n exit\neach:\n *(u32 *)(r2 + 0) = 1\n r0 = 0\n exit' },
  { name: 'each: deletes while walking', text: 'r1 = map_by_fd(2) ll\n r2 = code_addr(each) ll\n r3 = 0\n r4 = 0\n call 164\n r0 = 1\n exit\neach:\n call 3\n r0 = 0\n exit' },
  { name: 'each: trie', text: 'r1 = map_by_fd(19) ll\n r2 = code_addr(each) ll\n r3 = 0\n r4 = 0\n call 164\n r0 = 1\n exit\neach:\n r0 = 0\n exit' },
  { name: 'each: cpumap', text: 'r1 = map_by_fd(3) ll\n r2 = code_addr(each) ll\n r3 = 0\n r4 = 0\n call 164\n r0 = 1\n exit\neach:\n r0 = 0\n exit' },
  { name: 'each: sums in the context', text: '*(u64 *)(r10 - 8) = 0\n r1 = map_by_fd(2) ll\n r2 = code_addr(each) ll\n r3 = r10\n r3 += -8\n r4 = 0\n call 164\n r0 = *(u64 *)(r10 - 8)\n exit\neach:\n r1 = *(u64 *)(r3 + 0)\n r2 = *(u64 *)(r4 + 0)\n r2 += r1\n *(u64 *)(r4 + 0) = r2\n r0 = 0\n exit' },
  { name: 'tail call: in a function', text: 'call f\n r0 = 1\n exit\nf:\n r2 = map_by_fd(6) ll\n r3 = 0\n call 12\n r0 = 1\n exit' },
  { name: 'tail call: in a function, 256 bytes before', text: '*(u8 *)(r10 - 256) = 1\n call f\n r0 = 1\n exit\nf:\n r2 = map_by_fd(6) ll\n r3 = 0\n call 12\n r0 = 1\n exit' },
  { name: 'tail call: in a function, 240 bytes before', text: '*(u8 *)(r10 - 240) = 1\n call f\n r0 = 1\n exit\nf:\n r2 = map_by_fd(6) ll\n r3 = 0\n call 12\n r0 = 1\n exit' },
];
