/** A wire that is held, and goes on: where it was, elsewhere, or at another pace. No frame is lost or doubled by it. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { captureSource, type DecodedCapture, parsePktgenSpec, pktgenSource, type Wire } from '../../src/index.ts';
import { type Bench, createBench } from './support/bench.ts';

const US = 1000;

/** UDP frames of different senders, numbered, `gapUs` apart. */
function capture(count: number, gapUs = 100): DecodedCapture {
  const frames = Array.from({ length: count }, (_, n) => {
    const data = new Uint8Array(60);
    const view = new DataView(data.buffer);
    view.setUint16(12, 0x0800);
    data[14] = 0x45;
    view.setUint16(16, 46);
    data[23] = 17;
    view.setUint32(26, 0x0a000000 + n);
    view.setUint32(30, 0x0a010001);
    view.setUint32(42, n);
    return { interfaceId: 0, timestampNs: BigInt(n * gapUs) * 1000n, originalLength: 60, data };
  });
  return { frames } as unknown as DecodedCapture;
}

const numberOf = (frame: Uint8Array): number => new DataView(frame.buffer, frame.byteOffset).getUint32(42);
const numbers = ({ arrivals }: Bench): number[] => arrivals.map(({ frame }) => numberOf(frame));
const sorted = (list: readonly number[]): number[] => [...list].sort((a, b) => a - b);

async function hold(bench: Bench, wire: Wire): Promise<void> {
  wire.hold();
  for (let i = 0; i < 1000 && !wire.held; i++) await bench.advance(10 * US);
  expect(wire.held).toBe(true);
}

describe('a wire that is held', () => {
  it.each([
    ['paced', 1, 1],
    ['paced', 1, 3],
    ['as fast as it is taken', 'max', 1],
    ['as fast as it is taken', 'max', 3],
  ] as const)('%s sends the rest afterwards, each frame once (speed %s, %i queues)', async (_, speed, channels) => {
    const bench = createBench(channels);
    const nic = bench.device({ channels });
    const wire = nic.start(captureSource(capture(200), { speed }));
    await bench.advance(speed === 'max' ? 1 : 5_050 * US);
    await hold(bench, wire);
    const before = bench.arrivals.length;
    expect(wire.done).toBe(false);
    await bench.advance(50_000 * US);
    expect(bench.arrivals.length).toBe(before);
    if (speed !== 'max') expect(wire.position()).toBe(before);
    wire.release();
    await bench.settle(nic);
    expect(sorted(numbers(bench))).toEqual(Array.from({ length: 200 }, (_, n) => n));
    expect(nic.statistics()).toMatchObject({ rx_packets: 200, rx_missed_errors: 0 });
    bench.end(nic);
  });

  it('goes on as if no time had passed: the queues keep their distance', async () => {
    const bench = createBench(2);
    const nic = bench.device({ channels: 2 });
    const wire = nic.start(captureSource(capture(100), { speed: 1 }));
    await bench.advance(3_050 * US);
    await hold(bench, wire);
    await bench.advance(1_000_000 * US);
    const from = bench.arrivals.length;
    wire.release();
    await bench.settle(nic);
    const later = bench.arrivals.slice(from);
    const span = Math.max(...later.map(({ atNs }) => atNs)) - Math.min(...later.map(({ atNs }) => atNs));
    expect(span / US).toBeGreaterThan((100 - from - 2) * 100 - 100);
    expect(span / US).toBeLessThan((100 - from) * 100 + 100);
    bench.end(nic);
  });

  it('goes on elsewhere, forwards and backwards, and after its end', async () => {
    const bench = createBench(2);
    const nic = bench.device({ channels: 2 });
    const wire = nic.start(captureSource(capture(100), { speed: 1 }));
    await bench.advance(1_050 * US);
    await hold(bench, wire);
    const first = bench.arrivals.length;
    wire.release({ position: 90 });
    await bench.settle(nic);
    expect(sorted(numbers(bench).slice(first))).toEqual([90, 91, 92, 93, 94, 95, 96, 97, 98, 99]);
    expect(wire.done).toBe(true);
    const second = bench.arrivals.length;
    wire.release({ position: 95 });
    await bench.settle(nic);
    expect(sorted(numbers(bench).slice(second))).toEqual([95, 96, 97, 98, 99]);
    expect(nic.statistics()).toMatchObject({ rx_packets: first + 15, rx_missed_errors: 0 });
    bench.end(nic);
  });

  it('goes on at another pace, and without one, and with one again in the same memory', async () => {
    const bench = createBench(2);
    const nic = bench.device({ channels: 2 });
    const wire = nic.start(pktgenSource(parsePktgenSpec('rate=1k,flows=16')));
    const pace = (rate: number) => {
      const { dueNs, cycleNs } = pktgenSource(parsePktgenSpec(`rate=${rate},flows=16`));
      return { dueNs: dueNs!, cycleNs: cycleNs! };
    };
    const countIn = async (ms: number): Promise<number> => {
      const before = nic.statistics().rx_packets!;
      await bench.advance(ms * 1000 * US);
      return nic.statistics().rx_packets! - before;
    };
    expect(await countIn(100)).toBeGreaterThan(95);
    await hold(bench, wire);
    wire.release({ pace: pace(10_000) });
    expect(await countIn(100)).toBeGreaterThan(980);
    const used = bench.used();
    await hold(bench, wire);
    wire.release({ pace: null });
    expect(await countIn(10)).toBeGreaterThan(2000);
    await hold(bench, wire);
    wire.release({ pace: pace(1000) });
    const slow = await countIn(100);
    expect(slow).toBeGreaterThan(95);
    expect(slow).toBeLessThan(120);
    expect(bench.used()).toBe(used);
    wire.stop();
    await bench.settle(nic);
    bench.end(nic);
  });

  it('ends when it is stopped, and takes nothing that it does not have', async () => {
    const bench = createBench(1);
    const nic = bench.device();
    const wire = nic.start(captureSource(capture(100), { speed: 1 }));
    expect(() => wire.release()).toThrow('the wire is not held');
    await bench.advance(1_050 * US);
    await hold(bench, wire);
    expect(() => wire.release({ position: 100 })).toThrow('an order of 100 elements has no element 100');
    wire.stop();
    expect(wire.done).toBe(true);
    bench.end(nic);
  });

  it('loses and doubles nothing, however often it is held', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 2_000 }), { maxLength: 12 }),
        fc.constantFrom(1, 2, 3),
        fc.constantFrom('max' as const, 1, 20),
        async (pauses, channels, speed) => {
          const bench = createBench(3);
          const nic = bench.device({ channels, rxRing: 64, buffers: 128 });
          const wire = nic.start(captureSource(capture(300, 20), { speed }));
          for (const us of pauses) {
            await bench.advance(us * US);
            await hold(bench, wire);
            wire.release();
          }
          await bench.settle(nic);
          const { rx_packets, rx_missed_errors } = nic.statistics();
          expect(rx_packets! + rx_missed_errors!).toBe(300);
          expect(new Set(numbers(bench)).size).toBe(rx_packets);
          bench.end(nic);
        },
      ),
      { numRuns: 40 },
    );
  });
});
