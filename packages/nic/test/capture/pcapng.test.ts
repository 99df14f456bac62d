import { describe, expect, it } from 'vitest';
import { decodeCapture } from '../../src/capture/decode.ts';
import { captureErrorOf } from '../support/capture-error-of.ts';
import { blocksIn, bytesFrom, concat } from '../support/pcapng-blocks.ts';

const DATA = bytesFrom(1, 61);
const text = (value: string) => new TextEncoder().encode(value);
const COMMENT = [1, text('hello')] as const;

describe.each([
  ['little', true],
  ['big', false],
])('a pcapng file in %s-endian order', (_, littleEndian) => {
  const b = blocksIn(littleEndian);
  const start = concat(b.section(), b.interface());

  it('gives the frames of enhanced, obsolete and simple packet blocks', () => {
    const file = concat(
      start,
      b.enhanced(0, 1_700_000_000_123_456n, DATA, { original: 1514, options: [COMMENT] }),
      b.packet(0, 0xffff_ffff_ffff_ffffn, DATA),
      b.simple(61, DATA),
    );
    expect(decodeCapture(file)).toEqual({
      format: 'pcapng',
      interfaces: [{ name: '', description: '', linkType: 1, snaplen: 0 }],
      frames: [
        { data: DATA, originalLength: 1514, timestampNs: 1_700_000_000_123_456_000n, interfaceId: 0 },
        { data: DATA, originalLength: 61, timestampNs: 0xffff_ffff_ffff_ffffn * 1000n, interfaceId: 0 },
        { data: DATA, originalLength: 61, timestampNs: 0n, interfaceId: 0 },
      ],
    });
  });

  it('steps over blocks that it does not know', () => {
    const names = b.block(4, bytesFrom(0, 20));
    const custom = b.block(0x0bad, bytesFrom(0, 8));
    const reserved = b.block(0x8000_0001, new Uint8Array(0));
    const file = concat(b.section(), custom, b.interface(), names, b.enhanced(0, 0n, DATA), reserved);
    const { frames, problem } = decodeCapture(file);
    expect(problem).toBeUndefined();
    expect(frames).toHaveLength(1);
  });

  it('says what its interfaces are called', () => {
    const named = b.interface(1, 96, [
      [2, text('eth0')],
      [0x4bad, bytesFrom(0, 5)],
      [3, text('Sälly')],
    ]);
    expect(decodeCapture(concat(b.section(), named)).interfaces).toEqual([
      { name: 'eth0', description: 'Sälly', linkType: 1, snaplen: 96 },
    ]);
  });

  // if_tsresol, ticks, nanoseconds
  it.each([
    ['seconds', 0, 3n, 3_000_000_000n],
    ['milliseconds', 3, 5n, 5_000_000n],
    ['microseconds', 6, 7n, 7_000n],
    ['nanoseconds', 9, 1_700_000_000_123_456_789n, 1_700_000_000_123_456_789n],
    ['picoseconds', 12, 1_999n, 1n],
    ['10^-127', 127, 0xffff_ffff_ffff_ffffn, 0n],
    ['2^-0', 0x80, 2n, 2_000_000_000n],
    ['2^-10', 0x8a, 1n, 976_562n],
    ['2^-32', 0xa0, 3n << 31n, 1_500_000_000n],
    ['2^-127', 0xff, 0xffff_ffff_ffff_ffffn, 0n],
  ])('counts time in %s', (_name, resolution, ticks, expected) => {
    const clock = b.interface(1, 0, [[9, Uint8Array.of(resolution)]]);
    const { frames } = decodeCapture(concat(b.section(), clock, b.enhanced(0, ticks, DATA)));
    expect(frames[0]!.timestampNs).toBe(expected);
  });

  it.each([
    [1_000n, 1_000_000_001_000n],
    [-1n, -999_999_000n],
  ])('adds an offset of %s seconds', (offset, expected) => {
    const clock = b.interface(1, 0, [[14, b.i64(offset)]]);
    const { frames } = decodeCapture(concat(b.section(), clock, b.enhanced(0, 1n, DATA)));
    expect(frames[0]!.timestampNs).toBe(expected);
  });

  it('cuts off the check sequence that an interface has', () => {
    const withFcs = b.interface(1, 0, [[13, Uint8Array.of(4)]]);
    const file = concat(b.section(), withFcs, b.enhanced(0, 0n, DATA), b.simple(61, DATA), b.packet(0, 0n, DATA));
    for (const frame of decodeCapture(file).frames) {
      expect(frame).toMatchObject({ data: DATA.subarray(0, 57), originalLength: 57 });
    }
  });

  it('takes a check sequence of 32 for bits, as an early draft had it', () => {
    const withFcs = b.interface(1, 0, [[13, Uint8Array.of(32)]]);
    const { frames } = decodeCapture(concat(b.section(), withFcs, b.enhanced(0, 0n, DATA)));
    expect(frames[0]!.data).toHaveLength(57);
  });

  it('cuts off the check sequence that a packet says it has, whatever its interface says', () => {
    const flags = (bytes: number) => ({ options: [COMMENT, [2, b.u32((bytes << 5) | 1)] as const] });
    const withFcs = b.interface(1, 0, [[13, Uint8Array.of(4)]]);
    const packets = [
      b.enhanced(0, 0n, DATA, flags(2)),
      b.enhanced(0, 0n, DATA, flags(0)),
      b.packet(0, 0n, DATA, flags(6)),
    ];
    const { frames } = decodeCapture(concat(b.section(), withFcs, ...packets));
    expect(frames.map((frame) => frame.data.length)).toEqual([59, 57, 55]);
  });

  it.each([
    { name: 'no limit', snaplen: 0, original: 61, data: 61 },
    { name: 'longer than the frame', snaplen: 100, original: 61, data: 61 },
    { name: 'shorter than the frame', snaplen: 50, original: 900, data: 50 },
  ])('takes the length of a simple packet from snaplen: $name', ({ snaplen, original, data }) => {
    const file = concat(b.section(), b.interface(1, snaplen), b.simple(original, DATA.subarray(0, data)));
    expect(decodeCapture(file).frames[0]).toMatchObject({ data: DATA.subarray(0, data), originalLength: original });
  });

  it('may have sections of the other byte order, each with interfaces of its own', () => {
    const other = blocksIn(!littleEndian);
    const file = concat(
      start,
      b.interface(1, 0, [[9, Uint8Array.of(0)]]),
      b.enhanced(1, 1n, DATA),
      other.section(),
      other.interface(1, 0, [[9, Uint8Array.of(3)]]),
      other.enhanced(0, 1n, DATA),
      b.section(),
      b.interface(),
      b.packet(0, 1n, DATA),
    );
    const { frames, interfaces, problem } = decodeCapture(file);
    expect(problem).toBeUndefined();
    expect(interfaces).toHaveLength(4);
    expect(frames.map(({ interfaceId, timestampNs }) => [interfaceId, timestampNs])).toEqual([
      [1, 1_000_000_000n],
      [2, 1_000_000n],
      [3, 1_000n],
    ]);
  });

  it('without interfaces or without packets has no frames and no problem', () => {
    expect(decodeCapture(b.section())).toEqual({ format: 'pcapng', frames: [], interfaces: [] });
    expect(decodeCapture(start)).toMatchObject({ frames: [] });
    expect(decodeCapture(start).problem).toBeUndefined();
  });

  it('of other link types only throws, and names them', () => {
    const section = b.section();
    const error = captureErrorOf(concat(section, b.interface(105), b.interface(113), b.interface(105)));
    expect(error).toMatchObject({ code: 'LINKTYPE', offset: section.length + 8 });
    expect(error.message).toContain('link type 105 (IEEE802_11), link type 113 (LINUX_SLL), only Ethernet');
  });

  it('of several link types keeps Ethernet, and says what it left out', () => {
    const file = concat(
      start,
      b.interface(101),
      b.enhanced(1, 0n, DATA),
      b.enhanced(0, 0n, DATA),
      b.packet(1, 0n, DATA),
    );
    const { frames, problem } = decodeCapture(file);
    expect(frames.map((frame) => frame.interfaceId)).toEqual([0]);
    expect(problem).toEqual({
      code: 'LINKTYPE',
      offset: 68,
      message: 'byte 68: 2 frames were left out, of link type 101 (RAW): only Ethernet can be read',
    });
  });

  it('that also breaks off reports the break, and mentions what it left out', () => {
    const file = concat(start, b.interface(101), b.enhanced(1, 0n, DATA), b.enhanced(0, 0n, DATA));
    const { frames, problem } = decodeCapture(file.subarray(0, file.length - 1));
    expect(frames).toHaveLength(0);
    expect(problem).toMatchObject({ code: 'TRUNCATED', offset: 164 });
    expect(problem!.message).toBe(
      'byte 164: the file ends inside a block: 95 of 96 bytes are there ' +
        '(before that, a frame was left out, of link type 101 (RAW) from byte 68 on)',
    );
  });

  it('with an interface of another link type that no frame is of has no problem', () => {
    const file = concat(start, b.interface(101), b.enhanced(0, 0n, DATA));
    expect(decodeCapture(file).problem).toBeUndefined();
  });

  it('cut at any byte keeps the frames before the cut', () => {
    const parts = [
      start,
      b.enhanced(0, 1n, DATA),
      b.block(5, bytesFrom(0, 8)),
      b.simple(61, DATA),
      b.packet(0, 1n, DATA),
    ];
    const file = concat(...parts);
    const sectionEnd = b.section().length;
    const frameEnds = [1, 3, 4].map((last) => concat(...parts.slice(0, last + 1)).length);
    const blockEnds = [sectionEnd, ...parts.map((_part, last) => concat(...parts.slice(0, last + 1)).length)];
    for (let length = 4; length < sectionEnd; length++) {
      expect(captureErrorOf(file.subarray(0, length))).toMatchObject({ code: 'TRUNCATED', offset: 0 });
    }
    for (let length = sectionEnd; length <= file.length; length++) {
      const { frames, problem } = decodeCapture(file.subarray(0, length));
      expect(frames).toHaveLength(frameEnds.filter((end) => end <= length).length);
      if (blockEnds.includes(length)) expect(problem).toBeUndefined();
      else expect(problem).toMatchObject({ code: 'TRUNCATED', offset: blockEnds.findLast((end) => end < length) });
    }
  });

  // offset is where the fault is, counted from the end of `start` (48 bytes) and one good frame (96)
  const at = 144;
  const wrongEnd = b.enhanced(0, 0n, DATA);
  wrongEnd[wrongEnd.length - 2]! ^= 0xff;
  const longCapture = b.enhanced(0, 0n, DATA);
  longCapture.set(b.u32(65), 20);
  const longOption = b.enhanced(0, 0n, DATA, { options: [COMMENT] });
  longOption.set(b.u32(littleEndian ? 0x0015_0001 : 0x0001_0015), 92);
  it.each([
    ['a block of 0 bytes', new Uint8Array(12), at + 4, /has 0 bytes/],
    ['a block of 13 bytes', concat(b.u32(4), b.u32(13), bytesFrom(0, 12)), at + 4, /has 13 bytes/],
    ['two lengths that differ', wrongEnd, at + 92, /begins with the length 96 and ends with/],
    ['an unknown interface', b.enhanced(3, 0n, DATA), at, /interface 3, but its section has described 1/],
    ['an interface of the section before', concat(b.section(), b.simple(61, DATA)), at + 28, /has described 0/],
    ['more captured than its block has', longCapture, at + 20, /65 bytes were captured, its block has 64/],
    ['a simple packet longer than its block', b.simple(65, DATA), at + 8, /65 bytes were captured, its block has 64/],
    ['an option longer than its block', longOption, at + 94, /option 1 says that it has 21 bytes, its block has 12/],
    ['a flags option of 3 bytes', b.enhanced(0, 0n, DATA, { options: [[2, bytesFrom(0, 3)]] }), at + 94, /epb_flags/],
    ['a resolution of 2 bytes', b.interface(1, 0, [[9, bytesFrom(0, 2)]]), at + 18, /if_tsresol has 2 bytes/],
    ['an offset of 4 bytes', b.interface(1, 0, [[14, bytesFrom(0, 4)]]), at + 18, /if_tsoffset has 4 bytes/],
    ['a short interface', b.block(1, new Uint8Array(4)), at + 4, /interface description has 16 bytes/],
    ['a short packet', b.block(6, new Uint8Array(16)), at + 4, /enhanced packet block has 28 bytes/],
    ['a short simple packet', b.block(3, new Uint8Array(0)), at + 4, /simple packet block has 12 bytes/],
    ['no byte order', b.block(0x0a0d0d0a, new Uint8Array(16)), at + 8, /no byte-order magic/],
    ['a short section header', b.block(0x0a0d0d0a, b.u32(0x1a2b3c4d)), at + 4, /section header has 16 bytes/],
    ['version 2', b.section(2), at + 12, /version 2\.0/],
  ])('that goes wrong keeps the frames before: %s', (_name, bad, offset, message) => {
    const { frames, problem } = decodeCapture(concat(start, b.enhanced(0, 0n, DATA), bad, b.enhanced(0, 0n, DATA)));
    expect(frames).toHaveLength(1);
    expect(problem).toMatchObject({ code: 'CORRUPT', offset });
    expect(problem!.message).toMatch(message);
  });

  it('whose first section header is wrong throws', () => {
    expect(captureErrorOf(b.section(9))).toMatchObject({ code: 'CORRUPT', offset: 12 });
    expect(captureErrorOf(b.block(0x0a0d0d0a, new Uint8Array(16)))).toMatchObject({ code: 'CORRUPT', offset: 8 });
  });
});
