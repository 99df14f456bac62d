/** The traffic that scenarios make: counts that follow from it are right, times only go forward, numbers count up. */
import { internetChecksum } from '@cpumap/nic';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CYCLE, FLOWS, framesOfLoad, LOADS, type LoadName, loadSource } from '../src/autoscale/loads.ts';
import { createFloodMix, MIX } from '../src/ddos/flood-mix.ts';
import { legitimateFrames } from '../src/ddos/legitimate.ts';
import { ENCAPSULATIONS } from '../src/imbalance/encapsulations.ts';
import { createFlowTraffic } from '../src/imbalance/flow-source.ts';
import { randomFrom } from '../src/random.ts';
import { plainFrame } from '../src/traffic/labelled-flows.ts';
import { CAPTURE, TCP_FRAMES } from './support/captures.ts';

const seeds = fc.integer({ min: 0, max: 0xffffffff });
const loads = Object.keys(LOADS) as LoadName[];

describe('the flood', () => {
  const legitimate = legitimateFrames(CAPTURE);

  it('takes the TCP of a capture, in its order, behind tags too', () => {
    const tcp = CAPTURE.frames.map(({ data }) => data).filter((frame) => frame[23] === 6 || frame[27] === 6);
    expect(legitimate).toHaveLength(TCP_FRAMES);
    expect(legitimate).toEqual(tcp);
  });

  it('is one legitimate frame in a hundred, and says how many there are in any part', () => {
    fc.assert(
      fc.property(seeds, fc.integer({ min: 0, max: 3 * TCP_FRAMES * MIX }), (seed, count) => {
        const mix = createFloodMix(legitimate, seed);
        const { order, frames } = mix.source(count, 1e6);
        expect(order).toHaveLength(TCP_FRAMES * MIX);
        let seen = 0;
        for (let at = 0; at < count; at++) if (order[at % order.length]! < legitimate.length) seen++;
        expect(mix.legitimateIn(count)).toBe(seen);
        expect(frames.length).toBeGreaterThan(Math.max(...order));
      }),
      { numRuns: 20 },
    );
  });

  it('has the frames of the capture in their order', () => {
    const { order } = createFloodMix(legitimate, 1).source(1, 1);
    expect([...order].filter((frame) => frame < legitimate.length)).toEqual(legitimate.map((_, at) => at));
  });
});

describe.each(loads)('the load %s', (load) => {
  it('offers what it says, in time, each flow numbered', () => {
    fc.assert(
      fc.property(seeds, fc.integer({ min: 1, max: 50_000 }), (seed, peak) => {
        const source = loadSource(load, peak, 0.5, seed);
        expect(source.count).toBe(framesOfLoad(load, peak, 0.5));
        expect(source.order).toHaveLength(source.count);
        const next = new Uint32Array(FLOWS);
        let before = 0;
        for (const [at, element] of source.order.entries()) {
          const flow = Math.floor(element / CYCLE);
          expect(element % CYCLE).toBe(next[flow]!++ % CYCLE);
          expect(source.dueNs![at]!).toBeGreaterThanOrEqual(before);
          before = source.dueNs![at]!;
        }
        expect(before).toBeLessThan(source.cycleNs!);
      }),
      { numRuns: 5 },
    );
  });

  it('is above nothing, and its peak is its peak', () => {
    const values = Array.from({ length: 1000 }, (_, n) => LOADS[load](n / 1000));
    expect(Math.min(...values)).toBeGreaterThan(0);
    expect(Math.max(...values)).toBeLessThanOrEqual(1);
    expect(Math.max(...values)).toBeGreaterThan(0.99);
  });
});

describe.each(ENCAPSULATIONS)('$name', (encapsulation) => {
  it('keeps the inner packet whole behind an outer header that is right', () => {
    const inner = plainFrame(7, randomFrom(1));
    const frame = encapsulation.wrap({ flow: 7, id: 99, inner });
    // ESP hides the inner IP header; all others carry it
    const carried = inner.subarray(encapsulation.name === 'esp' ? 34 : 14);
    expect([...frame.subarray(frame.length - carried.length)]).toEqual([...carried]);
    const view = new DataView(frame.buffer);
    if (view.getUint16(12) !== 0x0800) return;
    expect(view.getUint16(16)).toBe(frame.length - 14);
    expect(internetChecksum(frame, 14, 34)).toBe(0);
  });

  it('numbers of a flow differ in nothing that a checksum sees', () => {
    const { cycle, source } = createFlowTraffic(encapsulation, 64, 3);
    const { frames, order } = source(1, Number.POSITIVE_INFINITY);
    expect(frames).toHaveLength(64 * cycle);
    expect(new Set(order).size).toBe(order.length);
    const sums = [0, 1, cycle - 1].map((number) => internetChecksum(frames[5 * cycle + number]!));
    expect(new Set(sums).size).toBe(1);
  });
});
