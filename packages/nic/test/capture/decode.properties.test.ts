/** Properties of reading captures: what was written comes back, and no bytes whatever make it crash, hang or lie. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CaptureError } from '../../src/capture/capture-error.ts';
import { decodeCapture } from '../../src/capture/decode.ts';
import { PcapngWriter } from '../../src/capture/pcapng-writer.ts';
import { encodeCapture } from '../support/encode-capture.ts';
import { blocksIn, bytesFrom, concat } from '../support/pcapng-blocks.ts';

const anyFrame = fc.record({
  data: fc.uint8Array({ maxLength: 200 }),
  timestampNs: fc.bigInt({ min: 0n, max: 4_294_967_295_999_999_999n }),
  cut: fc.nat({ max: 2000 }),
});

/** Reads what may be anything, and checks everything that a caller may rely on. */
function readAnything(bytes: Uint8Array): void {
  try {
    const { frames, interfaces, problem } = decodeCapture(bytes);
    expect(frames.length).toBeLessThanOrEqual(bytes.length / 12);
    for (const frame of frames) {
      expect(frame.data.buffer).toBe(bytes.buffer);
      expect(frame.data.byteOffset + frame.data.length).toBeLessThanOrEqual(bytes.byteOffset + bytes.length);
      expect(frame.originalLength).toBeGreaterThanOrEqual(frame.data.length);
      expect(interfaces[frame.interfaceId]!.linkType).toBe(1);
    }
    if (problem !== undefined) expect(problem.message.startsWith(`byte ${problem.offset}: `)).toBe(true);
    if (problem !== undefined) expect(problem.offset).toBeLessThanOrEqual(bytes.length);
  } catch (error) {
    expect(error).toBeInstanceOf(CaptureError);
    expect((error as CaptureError).offset).toBeLessThanOrEqual(bytes.length);
  }
}

/** Files with every kind of block and record, to be damaged. */
const samples = [true, false].flatMap((littleEndian) => {
  const b = blocksIn(littleEndian);
  const data = bytesFrom(3, 61);
  const clock = b.interface(1, 50, [
    [2, bytesFrom(65, 6)],
    [9, Uint8Array.of(0x8a)],
    [13, Uint8Array.of(4)],
    [14, b.i64(-5n)],
  ]);
  const flags = { original: 90, options: [[2, b.u32(0x81)] as const] };
  return [
    encodeCapture([{ data }, { data: bytesFrom(9, 20), originalLength: 70 }], { littleEndian }),
    concat(
      ...[b.section(), clock, b.interface(113), b.enhanced(0, 9n, data, flags), b.simple(80, data.subarray(0, 50))],
      ...[b.packet(1, 9n, data), b.block(5, bytesFrom(0, 12)), b.section(), b.interface(), b.enhanced(0, 1n, data)],
    ),
  ];
});

describe('reading captures', () => {
  it('gives back what a pcap file was made of', () => {
    const variant = fc.record({ littleEndian: fc.boolean(), nanoseconds: fc.constant(true) });
    fc.assert(
      fc.property(fc.array(anyFrame, { maxLength: 20 }), variant, (written, options) => {
        const records = written.map((frame) => ({ ...frame, originalLength: frame.data.length + frame.cut }));
        const { frames, problem } = decodeCapture(encodeCapture(records, options));
        expect(problem).toBeUndefined();
        expect(frames).toEqual(
          records.map(({ data, timestampNs, originalLength }) => ({
            data,
            timestampNs,
            originalLength,
            interfaceId: 0,
          })),
        );
      }),
    );
  });

  it('gives back what the pcapng writer was given', () => {
    const frame = fc.record({
      data: fc.uint8Array({ maxLength: 200 }),
      timestampNs: fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
      cut: fc.nat({ max: 2000 }),
      interfaceId: fc.nat({ max: 2 }),
      comment: fc.option(fc.string({ unit: 'grapheme', maxLength: 30 }), { nil: undefined }),
      queue: fc.option(fc.nat({ max: 0xffff_ffff }), { nil: undefined }),
    });
    const snaplens = fc.tuple(fc.constant(0), fc.integer({ min: 1, max: 100 }), fc.constant(65_535));
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 20 }), snaplens, fc.string(), (written, limits, name) => {
        const chunks: Uint8Array[] = [];
        const writer = new PcapngWriter({ write: (chunk) => chunks.push(chunk) }, { application: name });
        for (const snaplen of limits) writer.addInterface({ name, snaplen });
        for (const { interfaceId, timestampNs, data, cut, comment, queue } of written) {
          const options = {
            originalLength: data.length + cut,
            ...(comment === undefined ? {} : { comment }),
            ...(queue === undefined ? {} : { queue }),
          };
          writer.frame(interfaceId, timestampNs, data, options);
        }
        writer.flush();
        const { frames, interfaces, problem } = decodeCapture(concat(...chunks));
        expect(problem).toBeUndefined();
        expect(interfaces).toEqual(limits.map((snaplen) => ({ name, description: '', linkType: 1, snaplen })));
        expect(frames).toEqual(
          written.map(({ data, timestampNs, cut, interfaceId }) => ({
            data: data.subarray(0, limits[interfaceId] || data.length),
            originalLength: data.length + cut,
            timestampNs,
            interfaceId,
          })),
        );
      }),
    );
  });

  it('survives any few bytes being changed', () => {
    const flips = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(fc.constantFrom(...samples), flips, (sample, changes) => {
        const bytes = sample.slice();
        for (const [where, change] of changes) bytes[where % bytes.length]! ^= change;
        readAnything(bytes);
      }),
      { numRuns: 3000 },
    );
  });

  it('survives any word becoming any length, also the largest', () => {
    const length = fc.oneof(fc.constantFrom(0, 4, 12, 0x7fff_ffff, 0xffff_ffff, 0xffff_fffc), fc.nat({ max: 400 }));
    fc.assert(
      fc.property(fc.constantFrom(...samples), fc.nat(), length, fc.boolean(), (sample, where, value, littleEndian) => {
        const bytes = sample.slice();
        new DataView(bytes.buffer).setUint32((where % (bytes.length / 4 - 1)) & ~3, value, littleEndian);
        readAnything(bytes);
      }),
      { numRuns: 3000 },
    );
  });

  it('survives any bytes behind a magic number', () => {
    const magic = fc.constantFrom(...samples.map((sample) => sample.subarray(0, 12)));
    fc.assert(
      fc.property(magic, fc.uint8Array({ maxLength: 400 }), (start, rest) => readAnything(concat(start, rest))),
      { numRuns: 1000 },
    );
  });

  it('survives a cut at every byte of a damaged file', () => {
    for (const sample of samples) {
      for (let length = 0; length <= sample.length; length++) readAnything(sample.slice(0, length));
    }
  });
});
