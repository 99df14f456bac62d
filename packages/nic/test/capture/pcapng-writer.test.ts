import { describe, expect, it } from 'vitest';
import { decodeCapture } from '../../src/capture/decode.ts';
import { PcapngWriter } from '../../src/capture/pcapng-writer.ts';
import { bytesFrom, concat } from '../support/pcapng-blocks.ts';

const KIB = 1024;
const FRAME = bytesFrom(1, 60);

function writerWithChunks() {
  const chunks: Uint8Array[] = [];
  const writer = new PcapngWriter({ write: (chunk) => chunks.push(chunk) }, { application: 'test 1' });
  return { writer, chunks };
}

describe('the pcapng writer', () => {
  it('writes these bytes', () => {
    const { writer, chunks } = writerWithChunks();
    const id = writer.addInterface({ name: 'eth0', description: 'rx', snaplen: 5 });
    writer.frame(id, 0x0102_0304_0506_0708n, bytesFrom(0xa0, 6), { originalLength: 60, comment: 'abc', queue: 3 });
    writer.flush();
    const hex = Buffer.from(concat(...chunks)).toString('hex');
    expect(hex.match(/.{1,8}/g)).toEqual([
      ...['0a0d0d0a', '2c000000', '4d3c2b1a', '01000000', 'ffffffff', 'ffffffff'], // section header
      ...['04000600', '74657374', '20310000', '00000000', '2c000000'], // shb_userappl 'test 1'
      ...['01000000', '38000000', '01000000', '05000000'], // interface: Ethernet, snaplen 5
      ...['02000400', '65746830', '03000200', '72780000'], // if_name 'eth0', if_description 'rx'
      ...['09000100', '09000000', '0d000100', '00000000', '00000000', '38000000'], // if_tsresol 9, if_fcslen 0
      ...['06000000', '3c000000', '00000000', '04030201', '08070605', '05000000', '3c000000'], // enhanced packet
      ...['a0a1a2a3', 'a4000000', '01000300', '61626300'], // 5 of 6 bytes, comment 'abc'
      ...['06000400', '03000000', '00000000', '3c000000'], // epb_queue 3
    ]);
  });

  it('writes these bytes for what became of a frame, and for statistics', () => {
    const { writer, chunks } = writerWithChunks();
    const id = writer.addInterface({ name: 'e' });
    writer.flush();
    writer.frame(id, 1n, bytesFrom(0xa0, 4), { inbound: true, dropCount: 2 ** 32 + 3, xdpVerdict: 4 });
    writer.statistics(id, 2n, { delivered: 1, dropped: 2 ** 32 + 3, comment: 'abc' });
    expect(writer.pending).toBe(76 + 60);
    writer.flush();
    expect(writer.pending).toBe(0);
    const hex = Buffer.from(chunks[1]!).toString('hex');
    expect(hex.match(/.{1,8}/g)).toEqual([
      ...['06000000', '4c000000', '00000000', '00000000', '01000000', '04000000', '04000000', 'a0a1a2a3'],
      ...['02000400', '01000000'], // epb_flags: inbound
      ...['04000800', '03000000', '01000000'], // epb_dropcount
      ...['07000900', '02040000', '00000000', '00000000'], // epb_verdict: eBPF XDP, 4
      ...['00000000', '4c000000'],
      ...['05000000', '3c000000', '00000000', '00000000', '02000000'], // interface statistics
      ...['01000300', '61626300'], // comment 'abc'
      ...['07000800', '03000000', '01000000'], // isb_osdrop
      ...['08000800', '01000000', '00000000'], // isb_usrdeliv
      ...['00000000', '3c000000'],
    ]);
    expect(decodeCapture(concat(...chunks))).toMatchObject({ frames: [{ data: bytesFrom(0xa0, 4) }] });
  });

  it('hands over nothing before 64 KiB, then whole blocks of at least that much, and the rest at flush', () => {
    const { writer, chunks } = writerWithChunks();
    writer.addInterface({ name: 'eth0' });
    expect(chunks).toEqual([]);
    for (let i = 0; i < 3000; i++) writer.frame(0, BigInt(i), FRAME);
    expect(chunks.length).toBeGreaterThan(3);
    for (const chunk of chunks) {
      expect(chunk.length).toBeGreaterThanOrEqual(64 * KIB);
      expect(chunk.length).toBeLessThan(64 * KIB + 200);
    }
    // a file of the chunks so far can be read
    const sofar = decodeCapture(concat(...chunks));
    expect(sofar.problem).toBeUndefined();
    writer.flush();
    const all = decodeCapture(concat(...chunks));
    expect(all.frames.map((frame) => frame.timestampNs)).toEqual(Array.from({ length: 3000 }, (_, i) => BigInt(i)));
    expect(all.frames.length).toBeGreaterThan(sofar.frames.length);
    const count = chunks.length;
    writer.flush();
    expect(chunks).toHaveLength(count);
  });

  it('never touches a chunk again, and keeps no hold of a frame', () => {
    const { writer, chunks } = writerWithChunks();
    writer.addInterface({ name: 'eth0' });
    const data = FRAME.slice();
    writer.frame(0, 1n, data);
    data.fill(0);
    writer.flush();
    const before = chunks[0]!.slice();
    writer.frame(0, 2n, FRAME);
    writer.flush();
    expect(chunks[0]).toEqual(before);
    expect(decodeCapture(chunks[0]!).frames[0]!.data).toEqual(FRAME);
  });

  it.each([100, 64 * KIB, 90 * KIB, 300 * KIB])('takes a frame of %i bytes', (length) => {
    const { writer, chunks } = writerWithChunks();
    writer.addInterface({ name: 'eth0' });
    const big = bytesFrom(7, length);
    for (const data of [FRAME, big, FRAME, big]) writer.frame(0, 0n, data);
    writer.flush();
    const { frames, problem } = decodeCapture(concat(...chunks));
    expect(problem).toBeUndefined();
    expect(frames.map((frame) => frame.data.length)).toEqual([60, length, 60, length]);
    for (const [index, { data }] of frames.entries()) {
      expect(Buffer.compare(data, index % 2 === 0 ? FRAME : big)).toBe(0);
    }
  });

  it('takes interfaces between frames, and frames from shared memory', () => {
    const { writer, chunks } = writerWithChunks();
    expect(writer.addInterface({ name: 'a' })).toBe(0);
    const shared = new Uint8Array(new SharedArrayBuffer(60));
    shared.set(FRAME);
    writer.frame(0, 1n, shared);
    expect(writer.addInterface({ name: 'b' })).toBe(1);
    writer.frame(1, 2n, FRAME);
    writer.flush();
    const { frames, interfaces } = decodeCapture(concat(...chunks));
    expect(interfaces.map((one) => one.name)).toEqual(['a', 'b']);
    expect(frames).toMatchObject([
      { interfaceId: 0, data: FRAME },
      { interfaceId: 1, data: FRAME },
    ]);
  });

  it('cuts a text that no option can hold between two characters', () => {
    const { writer, chunks } = writerWithChunks();
    writer.addInterface({ name: `x${'ä'.repeat(40_000)}` });
    writer.frame(0, 0n, FRAME, { comment: '€'.repeat(30_000) });
    writer.flush();
    const { interfaces, frames, problem } = decodeCapture(concat(...chunks));
    expect(problem).toBeUndefined();
    expect(frames).toHaveLength(1);
    expect(interfaces[0]!.name).toBe(`x${'ä'.repeat(32_765)}`);
  });

  it('goes on after a sink that threw once', () => {
    const chunks: Uint8Array[] = [];
    let full = true;
    const write = (chunk: Uint8Array) => {
      if (full) throw new Error('disk full');
      chunks.push(chunk);
    };
    const writer = new PcapngWriter({ write }, { application: '' });
    expect(() => writer.flush()).toThrow('disk full');
    full = false;
    writer.addInterface({ name: 'eth0' });
    writer.flush();
    expect(chunks).toHaveLength(1);
  });

  it.each<[string, (writer: PcapngWriter) => void, RegExp]>([
    ['an interface that was not added', (writer) => writer.frame(1, 0n, FRAME), /interface 1 was not added/],
    ['a time before 1970', (writer) => writer.frame(0, -1n, FRAME), /timestampNs/],
    ['a time beyond 64 bits', (writer) => writer.frame(0, 1n << 64n, FRAME), /timestampNs/],
    [
      'less than was captured',
      (writer) => writer.frame(0, 0n, FRAME, { originalLength: 59 }),
      /less than the 60 bytes/,
    ],
    ['half a byte', (writer) => writer.frame(0, 0n, FRAME, { originalLength: 60.5 }), /originalLength/],
    ['a negative queue', (writer) => writer.frame(0, 0n, FRAME, { queue: -1 }), /queue/],
    ['a negative snaplen', (writer) => writer.addInterface({ name: '', snaplen: -1 }), /snaplen/],
  ])('refuses %s and writes nothing of it', (_name, call, message) => {
    const { writer, chunks } = writerWithChunks();
    writer.addInterface({ name: 'eth0' });
    expect(() => call(writer)).toThrow(RangeError);
    expect(() => call(writer)).toThrow(message);
    writer.frame(0, 0n, FRAME);
    writer.flush();
    const { frames, interfaces, problem } = decodeCapture(concat(...chunks));
    expect(problem).toBeUndefined();
    expect([frames.length, interfaces.length]).toEqual([1, 1]);
  });
});
