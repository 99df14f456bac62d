import { MAX_SKB_FRAGS, SKB_FRAG, SKB_SHARED_INFO, SKB_SHARED_INFO_SIZE } from '@cpumap/uapi';
import { expect, it } from 'vitest';
import { framePoolFree } from '../src/frame-pool.ts';
import { copyMacFrame } from '../src/read-sk-buff.ts';
import { attachFreeSkb, attachSharedInfos } from '../src/shared-info.ts';
import { SK_BUFF } from '../src/sk-buff.ts';
import { etherFrame, receiver } from './support/receiver.ts';

const COUNT = 64;

/** An sk_buff of 60 bytes, and what takes pieces onto it. */
function world() {
  const receiving = receiver('6.18', COUNT);
  const { memory, pool, pools, skbs } = receiving;
  const { u8, u32 } = memory;
  const infos = attachSharedInfos(memory);
  const { freeSkb } = attachFreeSkb(memory, pools, skbs.frameOf);
  const skb = (length: number): number => {
    receiving.receive(etherFrame(length));
    const made = skbs.fromBuff(receiving.buff);
    infos.init(u32[(made + SK_BUFF.end) >> 2]!);
    return made;
  };
  const grow = (to: number, bytes: number): void => {
    u32[(to + SK_BUFF.data_len) >> 2]! += bytes;
    u32[(to + SK_BUFF.len) >> 2]! += bytes;
  };
  return {
    memory,
    freeSkb,
    skb,
    /** Adds a frag of bytes that are all `value`; false when there is no room for it. */
    frag(to: number, value: number, length: number): boolean {
      const buffer = receiving.alloc();
      const data = buffer + 100;
      u8.fill(value, data, data + length);
      const added = infos.addFrag(u32[(to + SK_BUFF.end) >> 2]!, buffer, data, length);
      if (added) grow(to, length);
      else pools.put(buffer);
      return added;
    },
    /** Hangs sk_buffs below another, MAC headers and all. */
    list(to: number, skbsOfList: readonly number[]): void {
      skbsOfList.forEach((one, i) => {
        u32[(one + SK_BUFF.next) >> 2] = skbsOfList[i + 1] ?? 0;
        grow(to, u32[(one + SK_BUFF.len) >> 2]!);
      });
      u32[(u32[(to + SK_BUFF.end) >> 2]! + SKB_SHARED_INFO.frag_list) >> 2] = skbsOfList[0] ?? 0;
    },
    out: () => COUNT - framePoolFree(memory, pool),
  };
}

it('has the place and size that Linux 6.18 has', () => {
  expect(SKB_SHARED_INFO.frags + MAX_SKB_FRAGS * SKB_FRAG.sizeof).toBe(SKB_SHARED_INFO_SIZE);
  expect(SKB_SHARED_INFO).toMatchObject({ nr_frags: 2, gso_size: 4, frag_list: 8, dataref: 32, xdp_frags_size: 36 });
});

it('takes seventeen frags, and no more', () => {
  const { skb, frag, freeSkb, out, memory } = world();
  const one = skb(60);
  const added = Array.from({ length: MAX_SKB_FRAGS + 1 }, (_, i) => frag(one, i, 10 + i));
  expect(added).toEqual([...Array(MAX_SKB_FRAGS).fill(true), false]);
  const expected = [...etherFrame(60), ...Array.from({ length: 17 }, (_, i) => Array(10 + i).fill(i)).flat()];
  expect([...copyMacFrame(memory, one)]).toEqual(expected);
  expect(out()).toBe(18);
  freeSkb(one);
  expect(out()).toBe(0);
});

it('gathers and frees frags first, then the sk_buffs of the frag_list with their own pieces, nested ones too', () => {
  const { skb, frag, list, freeSkb, out, memory } = world();
  const [head, second, third, inner] = [skb(60), skb(70), skb(80), skb(64)];
  frag(head, 1, 5);
  frag(second, 2, 6);
  list(third, [inner]);
  frag(third, 3, 7);
  list(head, [second, third]);
  const payload = (length: number) => [...etherFrame(length).slice(14)];
  expect([...copyMacFrame(memory, head)]).toEqual([
    ...etherFrame(60),
    ...Array(5).fill(1),
    ...payload(70),
    ...Array(6).fill(2),
    ...payload(80),
    ...Array(7).fill(3),
    ...payload(64),
  ]);
  expect(out()).toBe(7);
  freeSkb(head);
  expect(out()).toBe(0);
});
