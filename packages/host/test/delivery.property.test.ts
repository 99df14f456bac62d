/** Any mix of frames, flows, queues, rings and verdicts: what is delivered is what was sent, and nothing gets lost. */
import type { ProgramFactory } from '@cpumap/bpf';
import { RELEASES, type Release, XDP_ABORTED, XDP_DROP, XDP_MD, XDP_PASS, XDP_REDIRECT, XDP_TX } from '@cpumap/uapi';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { collect, type Delivered } from './support/collect.ts';
import { numberedFrame, numberOf, sourceOf } from './support/frames.ts';
import { cpuMap, device, endClean, load, loadRemote, send, virtualHost } from './support/machine.ts';

const MAX_CPUS = 5;
const MAX_FLOWS = 6;
const SOURCE_PORT = 34;

/** What becomes of a flow: a verdict, or the CPU that its frames are redirected to, and the second program's verdict. */
const fate = fc.oneof(
  { weight: 1, arbitrary: fc.constantFrom(XDP_ABORTED, XDP_DROP, XDP_PASS, XDP_TX).map((verdict) => ({ verdict })) },
  {
    weight: 3,
    arbitrary: fc.record({
      verdict: fc.constant(XDP_REDIRECT),
      to: fc.nat(MAX_CPUS - 1),
      second: fc.constantFrom(XDP_PASS, XDP_PASS, XDP_DROP, XDP_ABORTED),
    }),
  },
);
type Fate = { verdict: number; to?: number; second?: number };

const machines = fc.record({
  seed: fc.nat(),
  cpus: fc.integer({ min: 1, max: MAX_CPUS }),
  channels: fc.integer({ min: 1, max: 4 }),
  qsizes: fc.array(fc.constantFrom(1, 5, 31, 32, 48, 2048), { minLength: MAX_CPUS, maxLength: MAX_CPUS }),
  fates: fc.array(fate, { minLength: MAX_FLOWS, maxLength: MAX_FLOWS }),
  frames: fc.array(fc.record({ flow: fc.nat(MAX_FLOWS - 1), length: fc.integer({ min: 46, max: 1522 }) }), {
    minLength: 1,
    maxLength: 400,
  }),
  withSecond: fc.boolean(),
  generic: fc.boolean(),
  sweeps: fc.integer({ min: 1, max: 2 }),
});
type Case = typeof machines extends fc.Arbitrary<infer T> ? T : never;

const flowReader: (memory: { u8: Uint8Array; u32: Uint32Array }) => (ctx: number) => number = ({ u8, u32 }) => {
  return (ctx) => {
    const data = u32[(ctx + XDP_MD.data) >> 2]!;
    return ((u8[data + SOURCE_PORT]! << 8) | u8[data + SOURCE_PORT + 1]!) - 1024;
  };
};

async function run(release: Release, c: Case): Promise<void> {
  const host = await virtualHost({ release, cpus: c.cpus, seed: c.seed });
  const nic = device(host, { channels: c.channels, irqCpus: [0, c.cpus - 1], buffers: 200, rxRing: 64 });
  const map = cpuMap(host);
  const list = await collect(host);
  const fates: readonly Fate[] = c.fates;
  const seconds = c.withSecond && release === '6.18';
  const remote: ProgramFactory = ({ memory }) => {
    const flowOf = flowReader(memory);
    return (ctx) => fates[flowOf(ctx)]!.second!;
  };
  const program = seconds ? (await loadRemote(host, remote)).id : 0;
  for (let cpu = 0; cpu < c.cpus; cpu++) map.set(cpu, { qsize: c.qsizes[cpu]!, ...(seconds && { program }) });
  const first: ProgramFactory = ({ memory, helpers, maps }) => {
    const flowOf = flowReader(memory);
    return (ctx) => {
      const { verdict, to } = fates[flowOf(ctx)]!;
      return verdict === XDP_REDIRECT ? helpers.redirectMap(maps.cpu_map!, to! % c.cpus, 0) : verdict;
    };
  };
  host.attachXdp('nic0', await load(host, first, { map }), c.generic && release === '6.18' ? 'generic' : 'native');
  const frames = c.frames.map(({ flow, length }, number) => {
    const frame = numberedFrame(number, flow, length);
    for (let i = 46; i < length; i++) frame[i] = (number + i) & 0xff;
    return frame;
  });
  for (let sweep = 0; sweep < c.sweeps; sweep++) {
    list.length = 0;
    await send(host, nic, sourceOf(frames));
    checkDelivered(c, frames, list, seconds);
  }
  const full = host.statistics().cpus.reduce((n, { cpumap, xdp }) => n + cpumap.ring_full + xdp.redirect_err, 0);
  const reached = frames.filter((_, n) => reachesStack(fates[c.frames[n]!.flow]!, seconds)).length * c.sweeps;
  const stack = host.statistics().cpus.reduce((n, cpu) => n + cpu.stack.delivered, 0);
  // a frame for the stack is there, or met a full ring; frames that a second program would have dropped may have too
  expect(stack).toBeLessThanOrEqual(reached);
  expect(stack).toBeGreaterThanOrEqual(reached - full);
  if (c.qsizes.every((qsize) => qsize === 2048)) expect(stack).toBe(reached);
  await endClean(host);
}

function reachesStack({ verdict, second }: Fate, seconds: boolean): boolean {
  return verdict === XDP_PASS || (verdict === XDP_REDIRECT && (!seconds || second === XDP_PASS));
}

/** Each frame at most once, whole, on the CPU of its flow; frames of a flow in their order. */
function checkDelivered(c: Case, frames: readonly Uint8Array[], list: readonly Delivered[], seconds: boolean): void {
  const last = new Map<number, number>();
  for (const { cpu, frame } of list) {
    const number = numberOf(frame);
    expect(frame).toEqual(frames[number]);
    const { flow } = c.frames[number]!;
    const flowFate: Fate = c.fates[flow]!;
    expect(reachesStack(flowFate, seconds)).toBe(true);
    if (flowFate.to !== undefined) expect(cpu).toBe(flowFate.to % c.cpus);
    expect(number).toBeGreaterThan(last.get(flow) ?? -1);
    last.set(flow, number);
  }
}

describe.each(RELEASES)('on %s', (release) => {
  it('what is delivered is what was sent', async () => {
    await fc.assert(
      fc.asyncProperty(machines, (c) => run(release, c)),
      { numRuns: 60 },
    );
  }, 60_000);
});
