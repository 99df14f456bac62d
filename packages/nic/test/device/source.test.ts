/** What the wire sends: counts, loops, pace, and frames that no device takes. */
import { describe, expect, it } from 'vitest';
import {
  captureSource,
  type DecodedCapture,
  type FrameSource,
  parsePktgenSpec,
  pktgenSource,
} from '../../src/index.ts';
import { createBench } from './support/bench.ts';

/** Frames of `length` bytes, the n-th of them full of n; the times are microseconds. */
function captureOf(times: readonly number[], length = 60): DecodedCapture {
  const frames = times.map((us, n) => {
    const data = new Uint8Array(length).fill(n);
    return {
      interfaceId: 0,
      timestampNs: BigInt(us) * 1000n + 1_700_000_000_000_000_000n,
      originalLength: length,
      data,
    };
  });
  return { frames } as unknown as DecodedCapture;
}

async function sent(source: FrameSource, options = {}) {
  const bench = createBench(1);
  const nic = bench.device(options);
  await bench.send(nic, source);
  const statistics = nic.statistics();
  bench.end(nic);
  return { arrivals: bench.arrivals, statistics, numbers: bench.arrivals.map(({ frame }) => frame[20]!) };
}

describe('a capture', () => {
  it.each([
    ['once', {}, [0, 1, 2]],
    ['its first two frames', { count: 2 }, [0, 1]],
    ['no more than it has', { count: 5 }, [0, 1, 2]],
    ['over and over, up to a count', { loop: true, count: 7 }, [0, 1, 2, 0, 1, 2, 0]],
    ['nothing', { count: 0 }, []],
  ])('is sent %s', async (_, options, numbers) => {
    for (const speed of ['max', 1] as const) {
      expect((await sent(captureSource(captureOf([0, 10, 20]), { ...options, speed }))).numbers).toEqual(numbers);
    }
  });

  it.each([1, 2, 0.5])('at speed %d keeps its gaps, to the coalescing of 20 µs', async (speed) => {
    const times = [0, 100, 150, 1000, 1001, 1002, 5000, 4000, 9000];
    const due = [0, 100, 150, 1000, 1001, 1002, 5000, 5000, 9000]; // time does not run back
    const { arrivals, numbers } = await sent(captureSource(captureOf(times), { speed }));
    expect(numbers).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
    const start = arrivals[0]!.atNs;
    arrivals.forEach(({ atNs }, n) => {
      const late = atNs - start - (due[n]! * 1000) / speed;
      expect(late).toBeGreaterThanOrEqual(0);
      expect(late).toBeLessThan(25_000);
    });
  });

  it('that loops keeps the length of its cycle: the last gap is a microsecond', async () => {
    const { arrivals } = await sent(captureSource(captureOf([0, 400]), { loop: true, count: 10, speed: 1 }));
    const start = arrivals[0]!.atNs;
    arrivals.forEach(({ atNs }, n) => {
      const due = Math.floor(n / 2) * 401_000 + (n % 2) * 400_000;
      expect(atNs - start - due).toBeGreaterThanOrEqual(0);
      expect(atNs - start - due).toBeLessThan(25_000);
    });
  });

  it.each([0, -1, Number.NaN])('at speed %d is refused', (speed) => {
    expect(() => captureSource(captureOf([0]), { speed })).toThrow(RangeError);
  });

  it('without frames is refused', () => {
    expect(() => captureSource(captureOf([]))).toThrow('no frames');
  });
});

describe('the generator', () => {
  it.each([1, 3, 100, 1000, 1001])('sends exactly %i frames, over several queues', async (count) => {
    for (const rate of ['max', '3M']) {
      const bench = createBench(2);
      const nic = bench.device({ channels: 5 });
      const source = pktgenSource(parsePktgenSpec(`flows=37,rate=${rate}`), count);
      await bench.send(nic, source);
      expect(bench.arrivals).toHaveLength(count);
      const seen = new Map<Uint8Array, number>();
      for (const { frame } of bench.arrivals) {
        const template = source.frames.find((candidate) => Buffer.compare(candidate, frame) === 0)!;
        seen.set(template, (seen.get(template) ?? 0) + 1);
      }
      // the first `count` frames of the endless sequence, each as often as it stands there
      const expected = source.frames.map(
        (_, n) => Array.from({ length: count }, (_, i) => source.order[i % 37]!).filter((f) => f === n).length,
      );
      expect(source.frames.map((frame) => seen.get(frame) ?? 0)).toEqual(expected);
      bench.end(nic);
    }
  });

  it.each([['1k'], ['50k'], ['2M']])('at %s frames per second takes as long as it should', async (rate) => {
    const perSecond = parsePktgenSpec(`rate=${rate}`).rate;
    const count = Math.max(10, perSecond / 1000);
    const { arrivals } = await sent(pktgenSource(parsePktgenSpec(`rate=${rate}`), count));
    const took = arrivals.at(-1)!.atNs - arrivals[0]!.atNs;
    const should = ((count - 1) / perSecond) * 1e9;
    expect(took - should).toBeGreaterThanOrEqual(-25_000);
    expect(took - should).toBeLessThan(25_000);
  });
});

describe('frames that are lost at the wire', () => {
  it.each([
    [13, 1],
    [14, 0],
    [1522, 0],
    [1523, 1],
  ])('one of %i bytes is a length error: %i', async (length, errors) => {
    const source = captureSource(captureOf([0], length));
    const { statistics, arrivals } = await sent(source);
    expect([statistics.rx_length_errors, statistics.rx_packets, arrivals.length]).toEqual([
      errors,
      1 - errors,
      1 - errors,
    ]);
  });

  it('the longest one follows the mtu', async () => {
    for (const [length, errors] of [
      [9022, 0],
      [9023, 1],
    ] as const) {
      const { statistics } = await sent(captureSource(captureOf([0], length)), { mtu: 9000, buffers: 64 });
      expect(statistics.rx_length_errors).toBe(errors);
    }
  });

  it('bad frames among good ones, at any pace', async () => {
    const capture = captureOf([0, 1, 2, 3]);
    capture.frames.forEach((frame, n) => {
      if (n % 2 === 1) (frame as { data: Uint8Array }).data = new Uint8Array(5);
    });
    for (const speed of ['max', 1] as const) {
      const { statistics, numbers } = await sent(captureSource(capture, { loop: true, count: 1000, speed }));
      expect(statistics).toMatchObject({ rx_packets: 500, rx_length_errors: 500, rx_missed_errors: 0 });
      expect(new Set(numbers)).toEqual(new Set([0, 2]));
    }
  });

  it('with a pace that outruns the ring, every frame is received or missed, the same ones each time', async () => {
    const once = async (seed: number) => {
      const bench = createBench(2, { seed });
      const nic = bench.device({ rxRing: 64, channels: 2 });
      await bench.send(nic, pktgenSource(parsePktgenSpec('rate=20M,flows=8'), 5000));
      const statistics = nic.statistics();
      expect(statistics.rx_packets! + statistics.rx_missed_errors!).toBe(5000);
      expect(bench.arrivals).toHaveLength(statistics.rx_packets!);
      expect(statistics.rx_queue_0_missed! + statistics.rx_queue_1_missed!).toBe(statistics.rx_missed_errors);
      bench.end(nic);
      return statistics;
    };
    const first = await once(3);
    expect(first.rx_missed_errors).toBeGreaterThan(100);
    expect(first.rx_packets).toBeGreaterThan(100);
    expect(await once(3)).toEqual(first);
  });

  it('exactly: a burst at one instant fills the posted descriptors, the rest is missed', async () => {
    const times = [0, ...new Array(200).fill(1000)];
    const { statistics, numbers } = await sent(captureSource(captureOf(times), { speed: 1 }), { rxRing: 32 });
    expect(statistics).toMatchObject({ rx_packets: 1 + 32, rx_missed_errors: 200 - 32 });
    expect(numbers).toEqual(Array.from({ length: 33 }, (_, n) => n));
  });

  it('without a pace nothing is missed: frames wait for buffers', async () => {
    const { statistics } = await sent(pktgenSource(parsePktgenSpec(''), 5000), { rxRing: 8, buffers: 0 });
    expect(statistics).toMatchObject({ rx_packets: 5000, rx_missed_errors: 0 });
  });
});

describe('a source that is stopped', () => {
  it.each(['max', '1M', '10'])('at rate %s sends no more; what is in the rings is received', async (rate) => {
    const bench = createBench(2);
    const nic = bench.device({ channels: 2 });
    const wire = nic.start(pktgenSource(parsePktgenSpec(`rate=${rate},flows=16`)));
    await bench.advance(300_000);
    expect(wire.done).toBe(false);
    wire.stop();
    await bench.settle(nic);
    expect(wire.done).toBe(true);
    expect(nic.statistics().rx_packets).toBe(bench.arrivals.length);
    expect(bench.arrivals.length).toBeGreaterThan(0);
    bench.end(nic);
  });
});
