/** The scenarios on the running kernel: what is claimed of them, and that nothing stays behind, however they end. */
import { readdirSync, readlinkSync } from 'node:fs';
import { createNetworkNamespace } from '@cpumap/linux';
import { sampleProgram } from '@cpumap/programs';
import {
  ENCAPSULATIONS,
  onSampleMaps,
  runAutoscaleOnLinux,
  runDdosOnLinux,
  runImbalanceOnLinux,
} from '@cpumap/scenarios';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CAPTURE, captureOf, TCP_FRAMES, UDP_ONLY } from './support/captures.ts';

function problem(): string | undefined {
  try {
    createNetworkNamespace().close();
    return undefined;
  } catch (error) {
    return `${error}`;
  }
}
const reason = problem();
if (reason !== undefined) process.stderr.write(`SKIPPED, no kernel to ask: ${reason}\n`);

/** Descriptors of maps, programs, links and namespaces: what they stand for lives as long as they do. */
function held(): string[] {
  const links = readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/self/fd/${fd}`)];
    } catch {
      return []; // the one that was read the directory with
    }
  });
  return links.filter((target) => /bpf|^net:|^socket:/.test(target)).sort();
}

const TAGGED = 20;

describe.skipIf(reason !== undefined)(reason === undefined ? 'Linux' : `Linux (skipped: ${reason})`, () => {
  let before: string[];
  beforeEach(() => {
    before = held();
  });
  afterEach(() => expect(held()).toEqual(before));

  it('ddos: the flood is filtered, every legitimate frame is delivered', async () => {
    const { captureFrames, rate, runs } = await runDdosOnLinux({ capture: CAPTURE });
    expect(captureFrames).toBe(TCP_FRAMES - TAGGED);
    expect(rate).toBeGreaterThan(100_000);
    expect(runs[0]).toMatchObject({ offered: 640_000, filtered: 633_600, offeredLegitimate: 6400, deliveredOther: 0 });
    const { deliveredLegitimate, queueFull } = runs[0]!;
    expect(deliveredLegitimate + queueFull).toBe(6400);
  });

  it('ddos without an untagged frame of TCP', async () => {
    const tagged = captureOf(CAPTURE.frames.slice(-TAGGED).map(({ data }) => data));
    for (const capture of [UDP_ONLY, tagged]) {
      await expect(runDdosOnLinux({ capture })).rejects.toMatchObject({ code: 'EINVAL' });
    }
  });

  it.each(ENCAPSULATIONS.map(({ name }) => name))('imbalance: %s is spread in order', async (name) => {
    const { runs } = await runImbalanceOnLinux({ encapsulations: [name] });
    const { offered, after } = runs[0]!;
    expect(after).toMatchObject({ queueFull: 0, refused: 0, outOfOrder: 0 });
    expect(after.delivered.reduce((sum, n) => sum + n, 0)).toBe(offered);
    expect(after.jain).toBeGreaterThan(0.98);
  });

  it('imbalance: a program that hashes the outer addresses spreads nothing', async () => {
    const program = onSampleMaps('l4_hash', (machine) => sampleProgram('l4-hash', machine));
    const { runs } = await runImbalanceOnLinux({ encapsulations: ['gre'], program });
    const { cpus, jain } = runs[0]!.after;
    expect(jain).toBeCloseTo(1 / cpus.length);
  });

  it('autoscale: every frame is delivered or found a full queue', async () => {
    const { controlled, allOn } = await runAutoscaleOnLinux({ rate: 100_000, seconds: 0.5 });
    for (const { offered, delivered, queueFull } of [controlled, allOn]) {
      expect(offered).toBeGreaterThan(0);
      expect(delivered + queueFull).toBe(offered);
    }
  });

  it.each<[string, (signal: AbortSignal) => Promise<unknown>]>([
    ['ddos', (signal) => runDdosOnLinux({ capture: CAPTURE, signal })],
    ['imbalance', (signal) => runImbalanceOnLinux({ signal })],
    ['autoscale', (signal) => runAutoscaleOnLinux({ signal })],
  ])('%s is stopped', async (_, run) => {
    const stop = new AbortController();
    const running = run(stop.signal);
    setImmediate(() => stop.abort());
    await expect(running).rejects.toMatchObject({ code: 'EINTR' });
  });
});
