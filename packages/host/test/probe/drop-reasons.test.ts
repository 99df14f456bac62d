/** Each reason of a drop, and that the probe shows the frame as it was then. */
import type { ProgramFactory } from '@cpumap/bpf';
import { ACCEPT_ALL, COST_SETS, DROP_REASONS, type Host, type ProbeRecord } from '@cpumap/host';
import {
  BPF_ATTACH_TYPE,
  BPF_MAP_TYPE,
  NET_RX_DROP,
  XDP_ABORTED,
  XDP_DROP,
  XDP_MD,
  XDP_PASS,
  XDP_TX,
} from '@cpumap/uapi';
import { afterEach, describe, expect, it } from 'vitest';
import { burst, numberedFrame, numberOf, sourceOf } from '../support/frames.ts';
import { cpuMap, device, endClean, load, loadRemote, redirectBy, send, virtualHost } from '../support/machine.ts';

/** A CPU that is woken sleeps on for a millisecond. */
const SLOW_WAKE = { ...COST_SETS['published-2017'], wakeLatency: 1_000_000 };

let host: Host;
afterEach(() => endClean(host));

async function machine(): Promise<void> {
  host = await virtualHost({ cpus: 3, probes: true });
  device(host);
}

async function dropsOf(frames: number): Promise<readonly ProbeRecord[]> {
  const probe = host.createProbe({ hooks: ['drop'] });
  await send(host, host.devices[0]!, burst(frames));
  return probe.read().records;
}

const always =
  (verdict: number): ProgramFactory =>
  () =>
  () =>
    verdict;

/** A program of an entry for CPU 1, to which every frame is redirected. */
async function withEntryProgram(factory: ProgramFactory): Promise<number> {
  await machine();
  const map = cpuMap(host);
  const program = await loadRemote(host, factory);
  map.set(1, { qsize: 64, program: program.id });
  await host.addHandler(ACCEPT_ALL);
  host.attachXdp(
    'nic0',
    await load(
      host,
      redirectBy(() => 1),
      { map },
    ),
  );
  return program.id;
}

const seen = new Set<string>();
function expectDrops(drops: readonly ProbeRecord[], wanted: Partial<ProbeRecord>): void {
  expect(drops).toMatchObject([wanted, wanted]);
  expect(drops.map(({ bytes }) => numberOf(bytes))).toEqual([0, 1]);
  seen.add(wanted.reason!);
}

describe("of a device's program", () => {
  it.each([
    ['xdp_drop', XDP_DROP],
    ['xdp_aborted', XDP_ABORTED],
    ['xdp_aborted', 17],
  ])('%s for verdict %i', async (reason, verdict) => {
    await machine();
    host.attachXdp('nic0', await load(host, always(verdict)));
    expectDrops(await dropsOf(2), { reason, verdict, cpu: 0, ifindex: 2, queue: 0 });
  });

  it('xdp_aborted for one that throws', async () => {
    await machine();
    const throws: ProgramFactory = () => () => {
      throw new Error('no');
    };
    host.attachXdp('nic0', await load(host, throws));
    expectDrops(await dropsOf(2), { reason: 'xdp_aborted', verdict: XDP_ABORTED });
  });
});

describe("of an entry's program", () => {
  it.each([
    ['prog_drop', XDP_DROP],
    ['prog_aborted', XDP_ABORTED],
    ['prog_aborted', XDP_TX],
  ])('%s for verdict %i', async (reason, verdict) => {
    const program = await withEntryProgram(always(verdict));
    expectDrops(await dropsOf(2), { reason, verdict, program, cpu: 1 });
  });

  it('no_headroom for one that leaves none', async () => {
    // helpers refuse this; a JavaScript program has all of the memory
    await withEntryProgram(({ memory }) => (ctx) => {
      memory.u32[(ctx + XDP_MD.data) >> 2]! -= 230;
      memory.u32[(ctx + XDP_MD.data_meta) >> 2]! -= 230;
      return XDP_PASS;
    });
    const probe = host.createProbe({ hooks: ['drop'] });
    await send(host, host.devices[0]!, burst(2));
    const { records } = probe.read();
    expect(records).toMatchObject([
      { reason: 'no_headroom', length: 290 },
      { reason: 'no_headroom', length: 290 },
    ]);
    seen.add('no_headroom');
  });
});

it('of a devmap’s program: devmap_prog_drop', async () => {
  await machine();
  host.createDevice({ name: 'out', rxRing: 8, buffers: 64 });
  const map = host.createMap({ type: BPF_MAP_TYPE.DEVMAP, keySize: 4, valueSize: 8, maxEntries: 1 });
  const program = await load(host, always(XDP_DROP), { expectedAttachType: BPF_ATTACH_TYPE.XDP_DEVMAP });
  map.update(0, new Uint8Array(Uint32Array.of(3, program.id).buffer));
  const first: ProgramFactory = ({ helpers, maps }) => {
    return () => helpers.redirectMap(maps.devices!, 0, 0);
  };
  host.attachXdp('nic0', await load(host, first, { maps: { devices: map } }));
  expectDrops(await dropsOf(2), { reason: 'devmap_prog_drop', verdict: XDP_DROP, program: program.id });
});

describe('of the stack', () => {
  it('no_handler', async () => {
    await machine();
    host.attachXdp('nic0', await load(host, always(XDP_PASS)));
    expectDrops(await dropsOf(2), { reason: 'no_handler', queue: 0 });
  });

  it('handler_drop', async () => {
    await machine();
    await host.addHandler({ factory: () => ({ receive: () => NET_RX_DROP }) });
    host.attachXdp('nic0', await load(host, always(XDP_PASS)));
    expectDrops(await dropsOf(2), { reason: 'handler_drop' });
  });

  it('handler_threw', async () => {
    await machine();
    const receive = (): number => {
      throw new Error('no');
    };
    await host.addHandler({ factory: () => ({ receive }) });
    host.attachXdp('nic0', await load(host, always(XDP_PASS)));
    expectDrops(await dropsOf(2), { reason: 'handler_threw' });
  });

  it('cpu_backlog, when RPS finds it full', async () => {
    host = await virtualHost({ cpus: 3, probes: true, costs: SLOW_WAKE });
    const nic = device(host, { rpsCpus: [2], buffers: 8192 });
    const map = cpuMap(host);
    map.set(1, { qsize: 8192 });
    await host.addHandler(ACCEPT_ALL);
    host.attachXdp(
      'nic0',
      await load(
        host,
        redirectBy(() => 1),
        { map },
      ),
    );
    const probe = host.createProbe({ hooks: ['drop'], snaplen: 64, ringBytes: 2 ** 23 });
    await send(host, nic, burst(8000));
    const dropped = host.statistics().cpus.reduce((sum, { stack }) => sum + stack.backlog_dropped, 0);
    const { records } = probe.read();
    expect(records.length).toBe(dropped);
    expect(records.every(({ reason, cpu }) => reason === 'cpu_backlog' && cpu === 1)).toBe(true);
    expect(dropped).toBeGreaterThan(0);
    seen.add('cpu_backlog');
  });
});

it('of generic XDP that finds no buffer for the whole frame: no_memory', async () => {
  host = await virtualHost({ probes: true, costs: SLOW_WAKE });
  // 72 large buffers, all of them in the ring of a CPU that sleeps on
  const nic = device(host, { mtu: 9000, rxRing: 64, buffers: 8 });
  const map = cpuMap(host);
  map.set(1, { qsize: 512 });
  await host.addHandler(ACCEPT_ALL);
  host.attachXdp(
    'nic0',
    await load(
      host,
      redirectBy(() => 1),
      { map },
    ),
    'generic',
  );
  const probe = host.createProbe({ hooks: ['drop'], ringBytes: 2 ** 22 });
  await send(host, nic, sourceOf(Array.from({ length: 100 }, (_, n) => numberedFrame(n, 0, 9000))));
  const { records } = probe.read();
  expect(records.length).toBe(host.statistics().cpus[0]!.xdp.drop);
  expect(records.length).toBeGreaterThan(0);
  expect(
    records.every(({ reason, length, bytes }) => reason === 'no_memory' && length === 9000 && bytes.length === 9000),
  ).toBe(true);
  seen.add('no_memory');
});

it('every reason is shown', () => {
  const inAnotherFile = 'ring_full';
  expect([...seen, inAnotherFile].sort()).toEqual(Object.keys(DROP_REASONS).sort());
});
