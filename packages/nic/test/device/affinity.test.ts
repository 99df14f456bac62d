/** Interrupts that move to other CPUs while frames come in: nothing is lost, doubled or out of order. */
import { createPrng } from '@cpumap/smp';
import { describe, expect, it } from 'vitest';
import { captureSource, type DecodedCapture, parsePktgenSpec, pktgenSource } from '../../src/index.ts';
import { createBench } from './support/bench.ts';

const numbered = (count: number): DecodedCapture => {
  const frames = Array.from({ length: count }, (_, n) => {
    const data = new Uint8Array(60);
    new DataView(data.buffer).setUint32(20, n);
    return { timestampNs: 0n, data };
  });
  return { frames } as unknown as DecodedCapture;
};

describe('a queue whose interrupt moves', () => {
  it('is served by the new CPU from then on', async () => {
    const bench = createBench(3);
    const nic = bench.device();
    for (const cpu of [0, 2, 1, 1, 0]) {
      bench.arrivals.length = 0;
      nic.setIrqAffinity(0, cpu);
      expect(nic.irqAffinity(0)).toBe(cpu);
      await bench.send(nic, captureSource(numbered(10)));
      expect(bench.arrivals.map((arrival) => arrival.cpu)).toEqual(new Array(10).fill(cpu));
    }
    bench.end(nic);
  });

  it('has a pool that nobody owns on its way: the old CPU may still free frames while the new one begins', async () => {
    const bench = createBench(2);
    const nic = bench.device({ irqCpus: [0] });
    await bench.send(nic, captureSource(numbered(1)));
    const { buffer } = bench.arrivals[0]!;
    expect(bench.ownerOf(buffer)).toBe(0);
    nic.setIrqAffinity(0, 1);
    bench.turn(0);
    expect([0, 1]).not.toContain(bench.ownerOf(buffer));
    bench.turn(1);
    expect(bench.ownerOf(buffer)).toBe(1);
    bench.end(nic);
  });

  it('keeps its place when other settings change', () => {
    const bench = createBench(4);
    const nic = bench.device({ channels: 2, buffers: 64 });
    nic.setIrqAffinity(1, 3);
    nic.setRingParam({ rx: 64 });
    expect([0, 1].map((queue) => nic.irqAffinity(queue))).toEqual([0, 3]);
    nic.setChannels(3);
    expect([0, 1, 2].map((queue) => nic.irqAffinity(queue))).toEqual([0, 3, 2]);
    bench.end(nic);
  });

  it.each([1, 2, 3, 4])('a thousand times under load, seed %i: every frame once, in order', async (seed) => {
    const bench = createBench(4, { seed });
    const nic = bench.device({ rxRing: 64, buffers: 128 });
    const random = createPrng(seed);
    nic.start(captureSource(numbered(20_000)));
    for (let move = 0; move < 1000; move++) {
      nic.setIrqAffinity(0, random.below(4));
      await bench.advance(random.below(3000));
    }
    await bench.settle(nic);
    const numbers = bench.arrivals.map(({ frame }) => new DataView(frame.buffer).getUint32(20));
    expect(numbers).toEqual(Array.from({ length: 20_000 }, (_, n) => n));
    expect(new Set(bench.arrivals.map(({ cpu }) => cpu)).size).toBe(4);
    bench.end(nic);
  });

  it('moves that nobody has carried out yet: the last one counts', async () => {
    const bench = createBench(4);
    const nic = bench.device({ channels: 4, buffers: 64 });
    for (let queue = 0; queue < 4; queue++) for (const cpu of [3, 1, 2, 3 - queue]) nic.setIrqAffinity(queue, cpu);
    await bench.send(nic, pktgenSource(parsePktgenSpec('flows=64'), 256));
    for (const { queue, cpu } of bench.arrivals) expect(cpu).toBe(3 - queue);
    expect(bench.arrivals).toHaveLength(256);
    bench.end(nic);
  });
});
