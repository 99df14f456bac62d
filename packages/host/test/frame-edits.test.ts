/** What a program did to a frame before the redirect is what the remote CPU's stack sees. */
import type { BpfHelpers, ProgramFactory } from '@cpumap/bpf';
import type { Memory } from '@cpumap/smp';
import { RELEASES, type Release, XDP_MD, XDP_PASS } from '@cpumap/uapi';
import { describe, expect, it } from 'vitest';
import { collect, type Delivered } from './support/collect.ts';
import { numberedFrame, sourceOf } from './support/frames.ts';
import { cpuMap, device, endClean, load, send, virtualHost } from './support/machine.ts';

type Edit = (helpers: BpfHelpers, ctx: number, memory: Memory) => void;

/** Sends the frames through a program that edits each of them, to CPU 1. */
async function edited(release: Release, frames: readonly Uint8Array[], edit: Edit): Promise<Delivered[]> {
  const host = await virtualHost({ release });
  const nic = device(host);
  const map = cpuMap(host);
  map.set(1, { qsize: 1024 });
  const list = await collect(host);
  const factory: ProgramFactory = ({ memory, helpers, maps }) => {
    return (ctx) => {
      edit(helpers, ctx, memory);
      return helpers.redirectMap(maps.cpu_map!, 1, 0);
    };
  };
  host.attachXdp('nic0', await load(host, factory, { map }));
  await send(host, nic, sourceOf(frames));
  await endClean(host);
  expect(list).toHaveLength(frames.length);
  for (const { cpu } of list) expect(cpu).toBe(1);
  return list;
}

const dataOf = (memory: Memory, ctx: number): number => memory.u32[(ctx + XDP_MD.data) >> 2]!;
const frame = numberedFrame(7);

describe.each(RELEASES)('on %s', (release) => {
  it('frames of every length arrive with every byte', async () => {
    const lengths = [
      14, 15, 16, 17, 59, 60, 61, 63, 64, 65, 255, 256, 257, 511, 512, 513, 1023, 1024, 1514, 1521, 1522,
    ];
    const frames = lengths.map((length) => Uint8Array.from({ length }, (_, i) => (i * 31 + length) & 0xff));
    const list = await edited(release, frames, () => undefined);
    expect(list.map((entry) => entry.frame)).toEqual(frames);
    expect(list.map(({ skb }) => skb.len)).toEqual(lengths.map((length) => length - 14));
  });

  const most = release === '4.15' ? 232 : 216; // what the descriptor leaves of 256 bytes

  it.each([1, 2, 3, 4, 14, 215, 216, most])('a push of %i bytes', async (push) => {
    const [got] = await edited(release, [frame], (helpers, ctx, memory) => {
      expect(helpers.xdpAdjustHead(ctx, -push)).toBe(0);
      memory.u8.fill(0x5a, dataOf(memory, ctx), dataOf(memory, ctx) + push);
    });
    expect(got!.frame).toEqual(Uint8Array.of(...new Uint8Array(push).fill(0x5a), ...frame));
  });

  it('a push of one byte more is refused', async () => {
    const limit = release === '4.15' ? 256 : 216;
    await edited(release, [frame], (helpers, ctx) => {
      expect(helpers.xdpAdjustHead(ctx, -(limit + 1))).toBe(-22);
      if (release === '6.18') expect(helpers.xdpAdjustHead(ctx, -limit)).toBe(0);
    });
  });

  it.each([
    [20, 0],
    [46, 0],
    [0, -46],
    [0, -1],
    [10, 40],
    [0, 1000],
  ])('head by %i and tail by %i', async (head, tail) => {
    const [got] = await edited(release, [frame], (helpers, ctx) => {
      expect([helpers.xdpAdjustHead(ctx, head), helpers.xdpAdjustTail(ctx, tail)]).toEqual([0, 0]);
    });
    const all = Uint8Array.of(...frame, ...new Uint8Array(1000)); // a tail that grows is zero
    expect(got!.frame).toEqual(all.subarray(head, 60 + tail));
  });

  it.each([0, 4, 8, 28, 32])('%i bytes of metadata', async (size) => {
    const bytes = Uint8Array.from({ length: size }, (_, i) => 0xc0 + i);
    const [got] = await edited(release, [frame], (helpers, ctx, memory) => {
      expect(helpers.xdpAdjustMeta(ctx, -size)).toBe(0);
      memory.u8.set(bytes, dataOf(memory, ctx) - size);
    });
    expect(got!.meta).toEqual(bytes);
    expect(got!.frame).toEqual(frame);
  });

  it('the sk_buff starts over: no RX queue, not redirected, the device it came in on', async () => {
    const [got] = await edited(release, [frame], () => undefined);
    const head = release === '4.15' ? 24 : 0; // 4.15 keeps the descriptor out of the sk_buff
    expect(got!.skb).toMatchObject({
      queue_mapping: 0,
      redirected: 0,
      data_len: 0,
      next: 0,
      skb_iif: 2,
      protocol: 0x0800,
      mac_header: 256 - head,
      network_header: 270 - head,
    });
  });
});

describe('metadata', () => {
  it('of 252 bytes needs a head that made room, and 6.18', async () => {
    const [got] = await edited('6.18', [numberedFrame(1, 0, 200)], (helpers, ctx, memory) => {
      expect(helpers.xdpAdjustHead(ctx, 36)).toBe(0);
      expect(helpers.xdpAdjustMeta(ctx, -256)).toBe(-22); // into the descriptor
      expect(helpers.xdpAdjustMeta(ctx, -252)).toBe(0);
      memory.u8.fill(9, dataOf(memory, ctx) - 252, dataOf(memory, ctx));
    });
    expect(got!.meta).toEqual(new Uint8Array(252).fill(9));
  });

  it('reaches the stack of the receiving CPU as well', async () => {
    const host = await virtualHost();
    const nic = device(host);
    const list = await collect(host);
    const factory: ProgramFactory = ({ memory, helpers }) => {
      return (ctx) => {
        expect(helpers.xdpAdjustMeta(ctx, -4)).toBe(0);
        memory.u8.set([1, 2, 3, 4], dataOf(memory, ctx) - 4);
        return XDP_PASS;
      };
    };
    host.attachXdp('nic0', await load(host, factory));
    await send(host, nic, sourceOf([frame]));
    expect([list[0]!.cpu, ...list[0]!.meta]).toEqual([0, 1, 2, 3, 4]);
    await endClean(host);
  });
});
