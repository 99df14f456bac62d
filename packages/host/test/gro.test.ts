/** GRO and RPS behind a cpumap, as a user of the host sees them: counts, order, refusals, teardown. */
import { assembleProgram } from '@cpumap/bpf';
import { ACCEPT_ALL, COST_SETS } from '@cpumap/host';
import { buildFrame } from '@cpumap/nic';
import { copyMacFrame, readGso } from '@cpumap/skb';
import { ETH_P, NET_RX_DROP, NET_RX_SUCCESS } from '@cpumap/uapi';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sourceOf } from './support/frames.ts';
import { cpuMap, device, load, threadsHost, virtualHost } from './support/machine.ts';

const PAYLOAD = 100;
const HEADERS = 54;

const TO_CPU_1 = `
    r1 = map(cpu_map) ll
    r2 = 1
    r3 = 0
    call 51
    exit`;

/** The segments of a connection, one behind the other. */
function segments(count: number, flow = 0): Uint8Array[] {
  return Array.from({ length: count }, (_, index) =>
    buildFrame({
      network: { version: 4, source: '10.0.0.1', destination: '10.1.0.1', identification: index },
      transport: { protocol: 'tcp', sourcePort: 1000 + flow, destinationPort: 80, sequence: 1 + index * PAYLOAD },
      length: HEADERS + PAYLOAD,
    }),
  );
}

function interleaved(flows: number, each: number): Uint8Array[] {
  const lists = Array.from({ length: flows }, (_, flow) => segments(each, flow));
  return Array.from({ length: flows * each }, (_, i) => lists[i % flows]![Math.floor(i / flows)]!);
}

type Host = Awaited<ReturnType<typeof virtualHost>>;

interface Got {
  readonly cpu: number;
  readonly segs: number;
  readonly frame: Uint8Array;
}

async function collectGso(host: Host, answer = NET_RX_SUCCESS): Promise<Got[]> {
  const got: Got[] = [];
  await host.addHandler({
    factory: ({ memory, cpu }) => ({
      receive(skb) {
        got.push({ cpu, segs: Math.max(1, readGso(memory, skb).segs), frame: copyMacFrame(memory, skb) });
        return answer;
      },
    }),
  });
  return got;
}

async function redirectTo(host: Host, options: Parameters<typeof device>[1], qsize = 192, frags = false) {
  const nic = device(host, options);
  const map = cpuMap(host);
  map.set(1, { qsize });
  const code = { bytecode: assembleProgram(TO_CPU_1), license: 'GPL' };
  host.attachXdp(nic.name, await load(host, code, { map, frags }));
  return { nic, map };
}

const portOf = (frame: Uint8Array): number => new DataView(frame.buffer, frame.byteOffset).getUint16(34);
const seqOf = (frame: Uint8Array): number => new DataView(frame.buffer, frame.byteOffset).getUint32(38);

describe('GRO', () => {
  it('makes one sk_buff of what follows each other; frames and sk_buffs are counted apart', async () => {
    const host = await virtualHost();
    const got = await collectGso(host);
    const { nic } = await redirectTo(host, { gro: true });
    nic.start(sourceOf(segments(20)));
    await host.settle();
    expect(got.map(({ segs, frame }) => [segs, frame.length])).toEqual([[20, HEADERS + 20 * PAYLOAD]]);
    expect(host.statistics().cpus[1]!.stack).toMatchObject({ delivered: 20, skbs: 1, bytes: HEADERS + 20 * PAYLOAD });
    expect(host.statistics().cpus[1]!.cpumap).toMatchObject({ delivered: 20, refused: 0, gro_held: 0 });
    expect(host.ledger()).toMatchObject({ balanced: true, inFlight: 0 });
    await host.close();
  });

  it('merges segments that lie in several buffers each: the stream is whole, buffers and frames come home', async () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 8900 }), { minLength: 1, maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(sizes, async (payloads) => {
        const host = await virtualHost();
        const got = await collectGso(host);
        const { nic } = await redirectTo(host, { gro: true, mtu: 9000, buffers: 256, rxRing: 128 }, 192, true);
        let sequence = 1;
        const frames = payloads.map((payload, identification) => {
          const frame = buildFrame({
            network: { version: 4, source: '10.0.0.1', destination: '10.1.0.1', identification },
            transport: { protocol: 'tcp', sourcePort: 1000, destinationPort: 80, sequence },
            length: HEADERS + payload,
          });
          sequence += payload;
          return frame;
        });
        nic.start(sourceOf(frames));
        await host.settle();
        const stream = (list: readonly Uint8Array[]) => Buffer.concat(list.map((frame) => frame.subarray(HEADERS)));
        expect(stream(got.map(({ frame }) => frame)).equals(stream(frames))).toBe(true);
        expect(got.reduce((sum, { segs }) => sum + segs, 0)).toBe(frames.length);
        if (new Set(payloads).size === 1) expect(got.length).toBeLessThan(Math.max(frames.length, 2));
        expect(host.ledger()).toMatchObject({ balanced: true, inFlight: 0 });
        await host.close();
      }),
      { numRuns: 60, examples: [[Array(4).fill(8000)], [Array(20).fill(3000)], [Array(12).fill(3600)]] },
    );
  });

  it('is off unless the device says so, and can be switched while frames come', async () => {
    const host = await virtualHost();
    const got = await collectGso(host);
    const { nic } = await redirectTo(host, {});
    expect(nic.features()).toEqual({ gro: false, rxUdpGroForwarding: false });
    for (const gro of [false, true, false]) {
      nic.setFeatures({ gro });
      nic.start(sourceOf(segments(4)));
      await host.settle();
    }
    expect(got.map(({ segs }) => segs)).toEqual([1, 1, 1, 1, 4, 1, 1, 1, 1]);
    await host.close();
  });

  it('does nothing in releases before 6.15', async () => {
    const host = await virtualHost({ release: '4.15' });
    const got = await collectGso(host);
    const { nic } = await redirectTo(host, { gro: true, rpsCpus: [0] });
    nic.start(sourceOf(segments(4)));
    await host.settle();
    expect(got.map(({ cpu, segs }) => [cpu, segs])).toEqual([1, 1, 1, 1].map((segs) => [1, segs]));
    await host.close();
  });

  it('a handler that refuses a merged packet refuses all its frames', async () => {
    const host = await virtualHost();
    await collectGso(host, NET_RX_DROP);
    const { nic } = await redirectTo(host, { gro: true });
    nic.start(sourceOf(segments(12)));
    await host.settle();
    expect(host.statistics().cpus[1]!.stack).toMatchObject({ delivered: 0, dropped: 12, skbs: 1 });
    expect(host.statistics().cpus[1]!.cpumap).toMatchObject({ delivered: 0, refused: 12 });
    expect(host.ledger()).toMatchObject({ balanced: true, inFlight: 0 });
    await host.close();
  });

  it('counts for every answer: no handler, and one that throws', async () => {
    const host = await virtualHost();
    const { nic } = await redirectTo(host, { gro: true });
    nic.start(sourceOf(segments(5)));
    await host.settle();
    const id = await host.addHandler({
      factory: () => ({
        receive() {
          throw new Error('no');
        },
      }),
    });
    nic.start(sourceOf(segments(6)));
    await host.settle();
    await host.removeHandler(id);
    expect(host.statistics().cpus[1]!.stack).toMatchObject({ nohandler: 5, failed: 6, skbs: 2 });
    expect(host.ledger()).toMatchObject({ balanced: true, inFlight: 0 });
    await host.close();
  });

  it('loses no frame when entries are replaced and deleted while it holds packets', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer(), fc.integer({ min: 1, max: 12 }), async (seed, flows) => {
        const host = await virtualHost({ seed });
        const got = await collectGso(host);
        const { nic, map } = await redirectTo(host, { gro: true });
        nic.start(sourceOf(interleaved(flows, 100)));
        for (let i = 0; i < 6; i++) {
          await host.advance(3000);
          map.set(1, { qsize: 64 + i });
        }
        map.map.delete(1);
        await host.settle();
        expect(host.ledger()).toMatchObject({ balanced: true, inFlight: 0, problems: [] });
        const { delivered } = host.statistics().cpus[1]!.stack;
        expect(got.reduce((sum, { segs }) => sum + segs, 0)).toBe(delivered);
        await host.close();
      }),
      { numRuns: 25 },
    );
  });

  it('on threads: the ledger balances, and most frames come merged', async () => {
    const host = await threadsHost();
    await host.addHandler(ACCEPT_ALL);
    const { nic } = await redirectTo(host, { gro: true }, 2048);
    const frames = interleaved(4, 64);
    nic.start({ frames, order: Uint32Array.from({ length: 200_000 }, (_, i) => i % frames.length), count: 200_000 });
    await host.settle();
    const { stack } = host.statistics().cpus[1]!;
    expect(host.ledger()).toMatchObject({ balanced: true, inFlight: 0, problems: [] });
    expect(stack.skbs).toBeLessThan(stack.delivered / 2);
    await host.close();
  });
});

describe('RPS', () => {
  it('hands flows to the CPUs of the map, each to one, in order', async () => {
    const host = await virtualHost({ cpus: 4 });
    const got = await collectGso(host);
    const { nic } = await redirectTo(host, { rpsCpus: [2, 3] });
    nic.start(sourceOf(interleaved(16, 10)));
    await host.settle();
    expect(got).toHaveLength(160);
    const cpus = new Map<number, Set<number>>();
    const last = new Map<number, number>();
    for (const { cpu, frame } of got) {
      const port = portOf(frame);
      cpus.set(port, (cpus.get(port) ?? new Set()).add(cpu));
      expect(seqOf(frame)).toBeGreaterThan(last.get(port) ?? 0);
      last.set(port, seqOf(frame));
    }
    expect([...cpus.values()].every((each) => each.size === 1)).toBe(true);
    expect(new Set(got.map(({ cpu }) => cpu))).toEqual(new Set([2, 3]));
    const { cpus: counted } = host.statistics();
    expect(counted[1]!.stack).toMatchObject({ steered: 160, delivered: 0 });
    expect(counted[2]!.stack.unsteered + counted[3]!.stack.unsteered).toBe(160);
    expect(host.ledger()).toMatchObject({ balanced: true, inFlight: 0, problems: [] });
    await host.close();
  });

  it('comes after GRO', async () => {
    const host = await virtualHost({ cpus: 3 });
    const got = await collectGso(host);
    const { nic } = await redirectTo(host, { gro: true, rpsCpus: [2] });
    nic.start(sourceOf(segments(30)));
    await host.settle();
    expect(got.map(({ cpu, segs }) => [cpu, segs])).toEqual([[2, 30]]);
    expect(host.statistics().cpus[2]!.stack).toMatchObject({ delivered: 30, unsteered: 30, skbs: 1 });
    expect(host.ledger()).toMatchObject({ balanced: true, inFlight: 0 });
    await host.close();
  });

  it('steers what is not IP as well, and to the own CPU by its backlog', async () => {
    const host = await virtualHost();
    const got = await collectGso(host);
    const { nic } = await redirectTo(host, { rpsCpus: [1] });
    const arp = new Uint8Array(60);
    new DataView(arp.buffer).setUint16(12, ETH_P.ARP);
    nic.start(sourceOf([arp, arp]));
    await host.settle();
    expect(got.map(({ cpu }) => cpu)).toEqual([1, 1]);
    expect(host.statistics().cpus[1]!.stack).toMatchObject({ steered: 2, unsteered: 2 });
    await host.close();
  });

  it('drops and counts what a full backlog does not take', async () => {
    const host = await virtualHost({ cpus: 3, costs: { ...COST_SETS['published-2017'], wakeLatency: 1_000_000 } });
    const { nic } = await redirectTo(host, { rpsCpus: [2], buffers: 8192 }, 4096);
    nic.start(sourceOf(segments(3000)));
    await host.settle();
    const { cpumap, stack } = host.statistics().cpus[1]!;
    expect(stack.backlog_dropped).toBeGreaterThan(0);
    expect(cpumap.refused).toBe(stack.backlog_dropped);
    expect(host.statistics().cpus[2]!.stack.unsteered).toBe(stack.steered);
    expect(host.ledger()).toMatchObject({ balanced: true, inFlight: 0, problems: [] });
    await host.close();
  });

  it('can be set and taken back; CPUs that are not there are refused', async () => {
    const host = await virtualHost({ cpus: 3 });
    const got = await collectGso(host);
    const { nic } = await redirectTo(host, {});
    for (const cpus of [[2, 2, 0], [2], []]) {
      nic.setRpsCpus(cpus);
      expect(nic.rpsCpus()).toEqual([...new Set(cpus)].sort());
    }
    nic.start(sourceOf(segments(3)));
    await host.settle();
    expect(got.map(({ cpu }) => cpu)).toEqual([1, 1, 1]);
    expect(() => nic.setRpsCpus([3])).toThrow('EINVAL');
    await host.close();
  });

  it('on threads: the ledger balances', async () => {
    const host = await threadsHost({ cpus: 3 });
    await host.addHandler(ACCEPT_ALL);
    const { nic } = await redirectTo(host, { gro: true, rpsCpus: [0, 2] }, 2048);
    const frames = interleaved(16, 16);
    nic.start({ frames, order: Uint32Array.from({ length: 100_000 }, (_, i) => i % frames.length), count: 100_000 });
    await host.settle();
    expect(host.ledger()).toMatchObject({ balanced: true, inFlight: 0, problems: [] });
    await host.close();
  });
});
