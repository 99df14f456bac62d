/** sk_buffs from redirected frames and from frames that a driver passes on: every field, in both releases. */
import { ETH_P, SKB_SHARED_INFO_SIZE } from '@cpumap/uapi';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { copyMacFrame } from '../src/copy-mac-frame.ts';
import { readSkBuff, SK_BUFF } from '../src/sk-buff.ts';
import { etherFrame, FRAME_SZ, IFINDEX, MAX_FRAME, type Release, receiver } from './support/receiver.ts';

const SK_BUFF_SIZE = 256;
const align64 = (n: number): number => Math.ceil(n / 64) * 64;

/** What the stack knows of every frame, wherever its memory begins. */
const common = (dev: number, length: number, meta: number) => ({
  len: length - 14,
  dev,
  skb_iif: IFINDEX,
  protocol: ETH_P.IP,
  pkt_type: 0,
  meta_len: meta,
  redirected: 0,
  data_len: 0,
  next: 0,
});

const room = (descriptor: number) =>
  fc
    .record({
      length: fc.integer({ min: 14, max: MAX_FRAME }),
      headroom: fc.integer({ min: descriptor, max: 256 }),
      meta: fc.constantFrom(0, 4, 32, 'unsupported' as const),
    })
    .filter(({ headroom, meta }) => headroom - (meta === 'unsupported' ? 0 : meta) >= descriptor);

/** Redirects a frame and builds its sk_buff, as the remote CPU does. */
function redirected(
  world: ReturnType<typeof receiver>,
  bytes: Uint8Array,
  headroom: number,
  meta: number | 'unsupported',
) {
  const frame = world.receive(bytes, headroom, meta);
  expect(world.frames.fromBuff(world.buff)).toBe(frame);
  world.frames.setDevRx(frame, world.dev);
  const skb = world.skbs.fromFrame(frame);
  expect(world.skbs.frameOf(skb)).toBe(frame);
  return { frame, skb };
}

describe('fromFrame', () => {
  it('in 6.18 covers the whole buffer: truesize is what the driver said', () => {
    const world = receiver('6.18');
    fc.assert(
      fc.property(room(40), ({ length, headroom, meta }) => {
        const bytes = etherFrame(length);
        const { frame, skb } = redirected(world, bytes, headroom, meta);
        expect(readSkBuff(world.memory, skb)).toEqual({
          ...common(world.dev, length, meta === 'unsupported' ? 0 : meta),
          truesize: FRAME_SZ + SK_BUFF_SIZE,
          head: frame,
          data: frame + headroom + 14,
          tail: frame + headroom + length,
          end: frame + FRAME_SZ - SKB_SHARED_INFO_SIZE,
          mac_header: headroom,
          network_header: headroom + 14,
          queue_mapping: 0,
        });
        expect(copyMacFrame(world.memory, skb)).toEqual(bytes);
        world.pools.put(frame);
      }),
    );
  });

  it('in 4.15 begins behind the descriptor: truesize follows the length of the packet', () => {
    const world = receiver('4.15');
    fc.assert(
      fc.property(room(24), ({ length, headroom, meta }) => {
        const bytes = etherFrame(length);
        const { frame, skb } = redirected(world, bytes, headroom, meta);
        const left = headroom - 24;
        expect(readSkBuff(world.memory, skb)).toEqual({
          ...common(world.dev, length, meta === 'unsupported' ? 0 : meta),
          truesize: align64(length) + left + SKB_SHARED_INFO_SIZE + SK_BUFF_SIZE,
          head: frame + 24,
          data: frame + headroom + 14,
          tail: frame + headroom + length,
          end: frame + 24 + align64(length) + left,
          mac_header: left,
          network_header: left + 14,
          queue_mapping: 0,
        });
        expect(copyMacFrame(world.memory, skb)).toEqual(bytes);
        world.pools.put(frame);
      }),
    );
  });

  it('in 6.18 leaves no pointer in the descriptor that it covers', () => {
    const world = receiver('6.18');
    const { frame } = redirected(world, etherFrame(60), 256, 0);
    expect([world.frames.data(frame), world.frames.devRx(frame)]).toEqual([0, 0]);
    expect(world.frames.len(frame)).toBe(60);
  });

  it('in 4.15 leaves the descriptor, which it does not cover, as it is', () => {
    const world = receiver('4.15');
    const { frame } = redirected(world, etherFrame(60), 256, 0);
    expect([world.frames.data(frame), world.frames.devRx(frame)]).toEqual([frame + 256, world.dev]);
  });
});

describe.each(['4.15', '6.18'] as Release[])('in %s', (release) => {
  it('fromBuff covers the buffer and keeps the RX queue, which a redirect loses', () => {
    const world = receiver(release);
    fc.assert(
      fc.property(room(0), ({ length, headroom, meta }) => {
        const frame = world.receive(etherFrame(length), headroom, meta);
        const skb = world.skbs.fromBuff(world.buff);
        expect(world.skbs.frameOf(skb)).toBe(frame);
        expect(readSkBuff(world.memory, skb)).toEqual({
          ...common(world.dev, length, meta === 'unsupported' ? 0 : meta),
          truesize: FRAME_SZ + SK_BUFF_SIZE,
          head: frame,
          data: frame + headroom + 14,
          tail: frame + headroom + length,
          end: frame + FRAME_SZ - SKB_SHARED_INFO_SIZE,
          mac_header: headroom,
          network_header: headroom + 14,
          queue_mapping: 4,
        });
        world.pools.put(frame);
      }),
    );
  });

  it('fromFrames makes a list of frames a list of the sk_buffs that fromFrame makes', () => {
    const world = receiver(release);
    const frames = [60, 100, 1514].map((length) => {
      const frame = world.receive(etherFrame(length), 200);
      world.frames.fromBuff(world.buff);
      world.frames.setDevRx(frame, world.dev);
      return frame;
    });
    const { u32 } = world.memory;
    u32.set([...frames, 4711], world.list >> 2);
    world.skbs.fromFrames(world.list, 3);
    const skbs = [...u32.subarray(world.list >> 2, (world.list >> 2) + 3)];
    expect(skbs.map(world.skbs.frameOf)).toEqual(frames);
    expect(u32[(world.list >> 2) + 3]).toBe(4711);
    expect(skbs.map((skb) => readSkBuff(world.memory, skb).len)).toEqual([46, 86, 1500]);
  });

  it('an sk_buff holds nothing of the one that lay there before', () => {
    const world = receiver(release, 1);
    world.receive(etherFrame(1514, 0x86dd, [0xff, 0xff, 0xff, 0xff, 0xff, 0xff]), 256, 32);
    const first = world.skbs.fromBuff(world.buff);
    world.memory.u32[(first + SK_BUFF.redirected) >> 2] = 1;
    world.pools.put(world.skbs.frameOf(first));
    const { skb } = redirected(world, etherFrame(60), 256, 0);
    expect(skb).toBe(first);
    expect(readSkBuff(world.memory, skb)).toMatchObject({ ...common(world.dev, 60, 0), queue_mapping: 0 });
  });
});
