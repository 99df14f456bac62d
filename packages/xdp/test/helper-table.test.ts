/** Helpers as bytecode calls them: flags of 64 bits, and reading and writing the packet by offset. */
import type { BpfHelpers } from '@cpumap/bpf';
import { XDP_BUFF } from '@cpumap/skb';
import { createAllocator, createMemory } from '@cpumap/smp';
import { BPF_FUNC, type BpfFuncName, XDP_ABORTED, XDP_REDIRECT } from '@cpumap/uapi';
import { expect, it } from 'vitest';
import { attachBuffFrags } from '../src/buff-frags.ts';
import { attachXdpHelperTable } from '../src/index.ts';

const LENGTH = 64;
const memory = createMemory(1 << 22);
const allocator = createAllocator(memory);
const [ctx, data, buffer] = [allocator.alloc(XDP_BUFF.sizeof), allocator.alloc(LENGTH), allocator.alloc(LENGTH)];
memory.u32[(ctx + XDP_BUFF.data) >> 2] = data;
memory.u32[(ctx + XDP_BUFF.data_end) >> 2] = data + LENGTH;

const unused = (): never => {
  throw new Error('not called here');
};
const frags = attachBuffFrags(memory, { putFrag: unused });
const helpers: BpfHelpers = {
  mapLookupElem: unused,
  redirectMap: (_map, _key, flags) => (flags === 0 ? XDP_REDIRECT : XDP_ABORTED),
  redirect: (_ifindex, flags) => (flags === 0 ? XDP_REDIRECT : XDP_ABORTED),
  xdpAdjustHead: unused,
  xdpAdjustMeta: unused,
  xdpAdjustTail: unused,
  xdpGetBuffLen: frags.len,
  xdpLoadBytes: frags.load,
  xdpStoreBytes: frags.store,
  ktimeGetNs: unused,
  getSmpProcessorId: unused,
  getPrandomU32: unused,
};
const table = attachXdpHelperTable(helpers);
const call = (name: BpfFuncName, ...args: number[]): number =>
  (table[BPF_FUNC[name]] as (...args: number[]) => number)(...args);

it.each([
  [0, 0, XDP_REDIRECT],
  [1, 0, XDP_ABORTED],
  [0, 1, XDP_ABORTED],
  [0, -1, XDP_ABORTED],
])('redirects with flags %i, upper half %i: %i', (low, high, verdict) => {
  expect(call('redirect', 5, low, high)).toBe(verdict);
  expect(call('redirect_map', 64, 5, low, high)).toBe(verdict);
});

it('the length of the frame', () => {
  expect(call('xdp_get_buff_len', ctx)).toBe(LENGTH);
});

// Linux 6.18: numbers beyond 16 bits are EFAULT, bytes beyond the frame EINVAL
it.each([
  [0, 1, 0],
  [0, LENGTH, 0],
  [LENGTH - 1, 1, 0],
  [LENGTH, 1, -22],
  [1, LENGTH, -22],
  [0xffff, 1, -22],
  [0x10000, 1, -14],
  [-1, 1, -14],
  [0, 0x10000, -14],
])('%i, %i bytes: %i', (offset, size, answer) => {
  memory.u8.set(
    Uint8Array.from({ length: LENGTH }, (_, i) => i),
    data,
  );
  memory.u8.fill(0xee, buffer, buffer + LENGTH);
  expect(call('xdp_load_bytes', ctx, offset, buffer, size)).toBe(answer);
  const read = answer === 0 ? size : 0;
  expect([...memory.u8.subarray(buffer, buffer + read)]).toEqual(Array.from({ length: read }, (_, i) => offset + i));
  memory.u8.fill(0xdd, buffer, buffer + LENGTH);
  expect(call('xdp_store_bytes', ctx, offset, buffer, size)).toBe(answer);
  expect(memory.u8.subarray(data, data + LENGTH).filter((byte) => byte === 0xdd)).toHaveLength(read);
});
