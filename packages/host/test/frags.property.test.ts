/** Frames of 60 to 9000 bytes, in one buffer or several: what is delivered is what was sent, and every buffer comes home. */
import type { ProgramFactory } from '@cpumap/bpf';
import { XDP_ABORTED, XDP_DROP, XDP_MD, XDP_PASS, XDP_REDIRECT, XDP_TX } from '@cpumap/uapi';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { collect } from './support/collect.ts';
import { numberedFrame, numberOf, sourceOf } from './support/frames.ts';
import { cpuMap, device, endClean, load, loadRemote, send, virtualHost } from './support/machine.ts';

const MAX_CPUS = 3;
const FLOWS = 6;
const SOURCE_PORT = 34;
const LENGTHS = fc.oneof(
  fc.integer({ min: 60, max: 9000 }),
  fc.constantFrom(60, 3519, 3520, 3521, 7615, 7616, 7617, 9000, 9022),
);

/** What becomes of a flow, and by how much both programs move the end of its frames. */
const fate = fc.record({
  verdict: fc.constantFrom(XDP_ABORTED, XDP_DROP, XDP_PASS, XDP_TX, XDP_REDIRECT, XDP_REDIRECT, XDP_REDIRECT),
  to: fc.nat(MAX_CPUS - 1),
  cut: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 9000 })),
  second: fc.constantFrom(XDP_PASS, XDP_PASS, XDP_DROP, XDP_ABORTED),
  secondCut: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 9000 })),
});

const machines = fc.record({
  seed: fc.nat(),
  cpus: fc.integer({ min: 1, max: MAX_CPUS }),
  channels: fc.integer({ min: 1, max: 2 }),
  rxRing: fc.constantFrom(8, 64),
  qsize: fc.constantFrom(1, 5, 32, 2048),
  buffers: fc.constantFrom(0, 20, 400),
  fates: fc.array(fate, { minLength: FLOWS, maxLength: FLOWS }),
  frames: fc.array(fc.record({ flow: fc.nat(FLOWS - 1), length: LENGTHS }), { minLength: 1, maxLength: 150 }),
  withSecond: fc.boolean(),
  /** Generic mode, and there also a program without frags, which sees each frame in one buffer. */
  mode: fc.constantFrom('native', 'generic', 'linearized'),
  /** The entry of CPU 0 goes while frames are on their way. */
  teardown: fc.boolean(),
});
type Case = typeof machines extends fc.Arbitrary<infer T> ? T : never;

const flowReader: (memory: { u8: Uint8Array; u32: Uint32Array }) => (ctx: number) => number = ({ u8, u32 }) => {
  return (ctx) => {
    const data = u32[(ctx + XDP_MD.data) >> 2]!;
    return ((u8[data + SOURCE_PORT]! << 8) | u8[data + SOURCE_PORT + 1]!) - 1024;
  };
};

async function run(c: Case): Promise<void> {
  const host = await virtualHost({ cpus: c.cpus, seed: c.seed });
  const nic = device(host, {
    mtu: 9000,
    channels: c.channels,
    irqCpus: [0, c.cpus - 1],
    buffers: c.buffers,
    rxRing: c.rxRing,
  });
  const map = cpuMap(host);
  const delivered = await collect(host);
  const wrongLength: string[] = [];
  const remote: ProgramFactory = ({ memory, helpers }) => {
    const flowOf = flowReader(memory);
    return (ctx) => {
      const { second, secondCut } = c.fates[flowOf(ctx)]!;
      const before = helpers.xdpGetBuffLen(ctx);
      const by = Math.min(secondCut, before - 60);
      const answer = by === 0 ? 0 : helpers.xdpAdjustTail(ctx, -by);
      if (answer !== 0) wrongLength.push(`second: ${answer}`);
      return second;
    };
  };
  const frags = c.mode !== 'linearized';
  const program = c.withSecond ? (await loadRemote(host, remote, { frags })).id : 0;
  const first: ProgramFactory = ({ memory, helpers, maps }) => {
    const flowOf = flowReader(memory);
    return (ctx) => {
      const { verdict, to, cut } = c.fates[flowOf(ctx)]!;
      const before = helpers.xdpGetBuffLen(ctx);
      const linear = memory.u32[(ctx + XDP_MD.data_end) >> 2]! - memory.u32[(ctx + XDP_MD.data) >> 2]!;
      if (linear !== (frags ? Math.min(before, 3520) : before)) wrongLength.push(`reach: ${linear} of ${before}`);
      helpers.xdpAdjustTail(ctx, -Math.min(cut, before - 60));
      if (helpers.xdpGetBuffLen(ctx) !== Math.max(before - cut, 60)) wrongLength.push(`first: ${before} by ${cut}`);
      return verdict === XDP_REDIRECT ? helpers.redirectMap(maps.cpu_map!, to % c.cpus, 0) : verdict;
    };
  };
  const loaded = await load(host, first, { map, frags });
  for (let cpu = 0; cpu < c.cpus; cpu++) map.set(cpu, { qsize: c.qsize, program });
  host.attachXdp('nic0', loaded, c.mode === 'native' ? 'native' : 'generic');
  const frames = c.frames.map(({ flow, length }, number) => {
    const frame = numberedFrame(number, flow, length);
    for (let i = 46; i < length; i++) frame[i] = (number + i * 3) & 0xff;
    return frame;
  });
  if (c.teardown) {
    nic.start(sourceOf(frames));
    await host.advance(3_000);
    map.delete(0);
    await host.settle();
  } else {
    await send(host, nic, sourceOf(frames));
  }

  expect(wrongLength).toEqual([]);
  const { rx_packets, rx_missed_errors } = nic.statistics();
  expect([rx_packets, rx_missed_errors]).toEqual([frames.length, 0]);
  const seen = new Set<number>();
  for (const { cpu, frame, skb } of delivered) {
    const number = numberOf(frame);
    const { flow, length } = c.frames[number]!;
    const { verdict, to, cut, second, secondCut } = c.fates[flow]!;
    let left = Math.max(length - cut, 60);
    if (verdict === XDP_REDIRECT && c.withSecond) left = Math.max(left - secondCut, 60);
    expect(frame).toEqual(frames[number]!.subarray(0, left));
    expect(skb.len).toBe(left - 14);
    expect(verdict === XDP_PASS || (verdict === XDP_REDIRECT && (!c.withSecond || second === XDP_PASS))).toBe(true);
    if (verdict === XDP_REDIRECT) expect(cpu).toBe(to % c.cpus);
    expect(seen.has(number)).toBe(false);
    seen.add(number);
  }
  // large buffers may be all out, and then the frame is dropped
  if (c.qsize === 2048 && !c.teardown && frags) {
    const reach = c.frames.filter(({ flow }) => {
      const { verdict, second } = c.fates[flow]!;
      return verdict === XDP_PASS || (verdict === XDP_REDIRECT && (!c.withSecond || second === XDP_PASS));
    });
    expect(seen.size).toBe(reach.length);
  }
  await endClean(host);
}

it('what is delivered is what was sent, in however many buffers', async () => {
  await fc.assert(fc.asyncProperty(machines, run), { numRuns: 120 });
}, 60_000);
