import { describe, expect, it } from 'vitest';
import { decodeCapture } from '../../src/capture/decode.ts';
import { captureErrorOf } from '../support/capture-error-of.ts';
import { encodeCapture } from '../support/encode-capture.ts';
import { bytesFrom, concat } from '../support/pcapng-blocks.ts';

const FIRST = { data: bytesFrom(1, 60), timestampNs: 1_700_000_000_123_456_789n };
const CUT = { data: bytesFrom(100, 33), timestampNs: 4_294_967_295_999_999_999n, originalLength: 1514 };

describe('a pcap file', () => {
  it.each([
    { littleEndian: true, nanoseconds: false },
    { littleEndian: false, nanoseconds: false },
    { littleEndian: true, nanoseconds: true },
    { littleEndian: false, nanoseconds: true },
  ])('is read whatever its byte order and unit of time: %o', (variant) => {
    const unit = variant.nanoseconds ? 1n : 1000n;
    const { format, frames, interfaces, problem } = decodeCapture(encodeCapture([FIRST, CUT], variant));
    expect(format).toBe('pcap');
    expect(problem).toBeUndefined();
    expect(interfaces).toEqual([{ name: '', description: '', linkType: 1, snaplen: 262_144 }]);
    expect(frames).toEqual([
      {
        data: FIRST.data,
        originalLength: 60,
        timestampNs: (FIRST.timestampNs / unit) * unit,
        interfaceId: 0,
      },
      { data: CUT.data, originalLength: 1514, timestampNs: (CUT.timestampNs / unit) * unit, interfaceId: 0 },
    ]);
  });

  it('without records has no frames and no problem', () => {
    expect(decodeCapture(encodeCapture([]))).toEqual({
      format: 'pcap',
      frames: [],
      interfaces: [{ name: '', description: '', linkType: 1, snaplen: 262_144 }],
    });
  });

  it('is read from the middle of a buffer, and its frames are windows on that buffer', () => {
    const file = encodeCapture([FIRST]);
    const buffer = concat(bytesFrom(0, 13), file, bytesFrom(0, 7)).buffer;
    const { frames } = decodeCapture(new Uint8Array(buffer, 13, file.length));
    expect(frames[0]!.data).toEqual(FIRST.data);
    expect(frames[0]!.data.buffer).toBe(buffer);
  });

  it('is read from shared memory', () => {
    const file = encodeCapture([FIRST]);
    const shared = new Uint8Array(new SharedArrayBuffer(file.length));
    shared.set(file);
    expect([...decodeCapture(shared).frames[0]!.data]).toEqual([...FIRST.data]);
  });

  it('may have an original length of less than was captured: the captured bytes count', () => {
    const { frames } = decodeCapture(encodeCapture([{ data: FIRST.data, originalLength: 0 }]));
    expect(frames[0]).toMatchObject({ data: FIRST.data, originalLength: 60 });
  });

  // the flag is bit 26, the length in 16-bit words is in bits 28 to 31
  it.each([
    { name: 'whole', captured: 64, original: 64, data: 60, originalLength: 60 },
    { name: 'cut inside the check sequence', captured: 62, original: 64, data: 60, originalLength: 60 },
    { name: 'cut before the check sequence', captured: 40, original: 64, data: 40, originalLength: 60 },
    { name: 'shorter than a check sequence', captured: 3, original: 3, data: 0, originalLength: 0 },
  ])('that keeps check sequences gives frames without them: $name', (frame) => {
    const record = { data: bytesFrom(1, frame.captured), originalLength: frame.original };
    const { frames } = decodeCapture(encodeCapture([record], { network: 0x2400_0001 }));
    expect(frames[0]).toMatchObject({ data: bytesFrom(1, frame.data), originalLength: frame.originalLength });
  });

  it('that has a length of check sequence but not the flag keeps its frames whole', () => {
    const { frames } = decodeCapture(encodeCapture([FIRST], { network: 0x2000_0001 }));
    expect(frames[0]!.data).toEqual(FIRST.data);
  });
});

describe('a file that is no capture of Ethernet throws', () => {
  it.each([
    ['no bytes', new Uint8Array(0), 'EMPTY', 0, /empty/],
    ['three bytes', bytesFrom(1, 3), 'MAGIC', 0, /3 bytes are too few/],
    ['another magic', bytesFrom(1, 100), 'MAGIC', 0, /0x01020304/],
    ['gzip', Uint8Array.of(0x1f, 0x8b, 8, 0), 'MAGIC', 0, /gzip: decompress it first/],
    ['zstd', Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd), 'MAGIC', 0, /zstd: decompress it first/],
    ['lz4', Uint8Array.of(0x04, 0x22, 0x4d, 0x18), 'MAGIC', 0, /lz4: decompress it first/],
    ['snoop', new TextEncoder().encode('snoop\0\0\0'), 'MAGIC', 0, /snoop file: rewrite it with editcap/],
    ['modified pcap', Uint8Array.of(0x34, 0xcd, 0xb2, 0xa1), 'MAGIC', 0, /rewrite it with editcap/],
    ['half a header', encodeCapture([]).subarray(0, 23), 'TRUNCATED', 23, /inside its header/],
    ['version 3', encodeCapture([], { major: 3 }), 'CORRUPT', 4, /version 3\.4/],
    ['WLAN', encodeCapture([FIRST], { network: 105 }), 'LINKTYPE', 20, /105 \(IEEE802_11\)/],
    ['any device', encodeCapture([], { network: 113 }), 'LINKTYPE', 20, /113 \(LINUX_SLL\).*"any" device/],
    ['user type', encodeCapture([], { network: 150 }), 'LINKTYPE', 20, /150 \(USER3\)/],
    ['unknown type', encodeCapture([], { network: 9999 }), 'LINKTYPE', 20, /9999 \(unknown\)/],
  ])('%s', (_, bytes, code, offset, message) => {
    const error = captureErrorOf(bytes);
    expect(error).toMatchObject({ name: 'CaptureError', code, offset });
    expect(error.message).toMatch(message);
    expect(error.message).toMatch(new RegExp(`^byte ${offset}: `));
  });
});

describe('a pcap file with a fault keeps the frames before it', () => {
  it('cut at any byte', () => {
    const file = encodeCapture([FIRST, CUT, FIRST]);
    const ends = [24, 24 + 76, 24 + 76 + 49, file.length];
    for (let length = 24; length <= file.length; length++) {
      const { frames, problem } = decodeCapture(file.subarray(0, length));
      const whole = ends.filter((end) => end <= length).length - 1;
      expect(frames).toHaveLength(whole);
      if (ends.includes(length)) expect(problem).toBeUndefined();
      else expect(problem).toMatchObject({ code: 'TRUNCATED', offset: ends[whole] });
    }
  });

  it('says how much of a cut frame is there', () => {
    const file = encodeCapture([FIRST, CUT]);
    expect(decodeCapture(file.subarray(0, file.length - 3)).problem!.message).toBe(
      'byte 100: the file ends inside a frame: 30 of 33 bytes are there',
    );
    expect(decodeCapture(file.subarray(0, 105)).problem!.message).toBe(
      'byte 100: the file ends inside a record header: 5 of 16 bytes are there',
    );
  });

  it('a captured length that no frame has', () => {
    const file = encodeCapture([FIRST, CUT]);
    new DataView(file.buffer).setUint32(100 + 8, 0x8000_0000, true);
    const { frames, problem } = decodeCapture(file);
    expect(frames).toHaveLength(1);
    expect(problem).toMatchObject({ code: 'CORRUPT', offset: 108 });
    expect(problem!.message).toContain('2147483648 bytes');
  });
});
