/** The frame descriptor in the headroom: when there is room for it, what it holds, and what it leaves alone. */
import { XDP_FRAME, XDP_PKT } from '@cpumap/uapi';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { XDP_BUFF } from '../src/xdp-buff.ts';
import { attachFrameToBuff } from '../src/xdp-frame.ts';
import { etherFrame, FRAME_SZ, MAX_FRAME, receiver } from './support/receiver.ts';

const FRAME = etherFrame(60);
const META = [0, 4, 32, 48, 252, 'unsupported'] as const;

describe.each([
  ['4.15', 24, 232],
  ['6.18', 40, 216],
] as const)('in %s the descriptor takes %i bytes', (release, size, mostPushed) => {
  const world = receiver(release);
  /** Receives, converts, and puts the frame back. */
  const convert = (bytes: Uint8Array, headroom: number, meta: (typeof META)[number]): boolean => {
    const frame = world.receive(bytes, headroom, meta);
    const converted = world.frames.fromBuff(world.buff);
    world.pools.put(frame);
    if (converted !== 0) expect(converted).toBe(frame);
    return converted !== 0;
  };

  it('and says so', () => {
    expect(world.frames.sizeof).toBe(size);
  });

  it.each(META)('of headroom that the metadata (%s) leaves, to the byte', (meta) => {
    const metaBytes = meta === 'unsupported' ? 0 : meta;
    for (let headroom = metaBytes; headroom <= 310; headroom++) {
      expect(convert(FRAME, headroom, meta), `headroom ${headroom}`).toBe(headroom - metaBytes >= size);
    }
  });

  it(`so a program can push ${mostPushed} bytes and not one more`, () => {
    expect(convert(FRAME, 256 - mostPushed, 0)).toBe(true);
    expect(convert(FRAME, 256 - mostPushed - 1, 0)).toBe(false);
    expect(convert(FRAME, 256 - mostPushed + 32, 32)).toBe(true);
    expect(convert(FRAME, 256 - mostPushed + 28, 32)).toBe(false);
  });

  it('and a refused frame is as it was', () => {
    const frame = world.receive(FRAME, size - 1);
    const before = world.memory.u8.slice(frame, frame + FRAME_SZ);
    expect(world.frames.fromBuff(world.buff)).toBe(0);
    expect(world.memory.u8.slice(frame, frame + FRAME_SZ)).toEqual(before);
    world.pools.put(frame);
  });

  it('and holds what the xdp_buff said, without touching packet or metadata', () => {
    const room = fc.record({
      length: fc.integer({ min: 14, max: MAX_FRAME }),
      headroom: fc.integer({ min: size, max: 256 }),
      meta: fc.constantFrom(...META),
    });
    fc.assert(
      fc.property(room, ({ length, headroom, meta }) => {
        const metaBytes = meta === 'unsupported' ? 0 : meta;
        fc.pre(headroom - metaBytes >= size);
        const { frames, memory, buff, dev } = world;
        const frame = world.receive(etherFrame(length), headroom, meta);
        memory.u8.fill(0xcc, frame + headroom - metaBytes, frame + headroom);
        const packet = memory.u8.slice(frame + headroom - metaBytes, frame + headroom + length);
        expect(frames.fromBuff(buff)).toBe(frame);
        frames.setDevRx(frame, dev);
        expect([frames.data(frame), frames.len(frame), frames.metasize(frame), frames.devRx(frame)]).toEqual([
          frame + headroom,
          length,
          metaBytes,
          dev,
        ]);
        const view = new DataView(memory.u8.buffer, frame);
        const stored =
          release === '4.15' ? view.getUint16(XDP_PKT.headroom, true) : view.getUint32(XDP_FRAME.headroom, true);
        expect(stored).toBe(headroom - size);
        expect(memory.u8.slice(frame + headroom - metaBytes, frame + headroom + length)).toEqual(packet);
        world.pools.put(frame);
      }),
    );
  });
});

describe('the tail', () => {
  const HARD_END = FRAME_SZ - 320; // room of skb_shared_info
  it.each([
    ['6.18', 0, true],
    ['6.18', 1, false],
    ['6.18', 64, false],
    ['4.15', 1, true],
  ] as const)('in %s a frame that ends %i bytes behind its room is taken: %s', (release, beyond, taken) => {
    const { receive, setBuff, frames, buff } = receiver(release);
    const frame = receive(FRAME);
    setBuff({ data_end: frame + HARD_END + beyond });
    expect(frames.fromBuff(buff) !== 0).toBe(taken);
  });
});

describe('the descriptor of 6.18', () => {
  it('has the fields where the kernel has them', () => {
    const { memory, frames, buff, dev, receive } = receiver();
    const frame = receive(FRAME, 100, 8);
    frames.fromBuff(buff);
    frames.setDevRx(frame, dev);
    const view = new DataView(memory.u8.buffer, frame);
    const word = (offset: number) => view.getUint32(offset, true);
    const PAGE_POOL = 2;
    expect([0, 8, 12, 16, 20, 24, 32, 36].map(word)).toEqual([frame + 100, 60, 60, 8, PAGE_POOL, dev, FRAME_SZ, 0]);
  });

  it('becomes an xdp_buff again for a second program', () => {
    const world = receiver();
    const second = world.allocator.alloc(XDP_BUFF.sizeof);
    const toBuff = attachFrameToBuff(world.memory);
    const fields = ['data', 'data_end', 'data_meta', 'data_hard_start', 'frame_sz'] as const;
    const read = (buff: number) => fields.map((name) => world.memory.u32[(buff + XDP_BUFF[name]) >> 2]);
    for (const [headroom, meta, length] of [
      [256, 0, 60],
      [40, 0, 14],
      [300, 252, 1400],
    ] as const) {
      const frame = world.receive(etherFrame(length), headroom, meta);
      world.frames.fromBuff(world.buff);
      toBuff(frame, second);
      expect(read(second)).toEqual(read(world.buff));
      expect(world.frames.fromBuff(second)).toBe(frame);
      world.pools.put(frame);
    }
  });
});
