/** What probes say of a frame, which frames they take, and what happens when nobody reads them. */
import { ACCEPT_ALL, type CpuMap, createHost, HOOKS, type Hook, type Host, type ProbeFilter } from '@cpumap/host';
import { buildFrame, type FrameSpec } from '@cpumap/nic';
import { RELEASES, XDP_DROP, XDP_PASS, XDP_REDIRECT } from '@cpumap/uapi';
import { afterEach, describe, expect, it } from 'vitest';
import { burst, numberOf, sourceOf } from '../support/frames.ts';
import { cpuMap, device, endClean, load, redirectBy, send, threadsHost, virtualHost } from '../support/machine.ts';
import { programCode, watchFlows } from '../support/threads.ts';

let host: Host;
let map: CpuMap;
afterEach(() => endClean(host));

const WIDE = 2 ** 22;

async function machine(release: '4.15' | '6.18' = '6.18', qsize = 64): Promise<void> {
  host = await virtualHost({ release, probes: true });
  device(host);
  map = cpuMap(host);
  map.set(1, { qsize });
  await host.addHandler(ACCEPT_ALL);
}

async function redirectAll(): Promise<number> {
  const program = await load(
    host,
    redirectBy(() => 1),
    { map },
  );
  host.attachXdp('nic0', program);
  return program.id;
}

describe.each(RELEASES)('on %s, ten frames to CPU 1', (release) => {
  it('show where each is in its bulk, in the ring and in the batch', async () => {
    await machine(release);
    const program = await redirectAll();
    const probe = host.createProbe({ hooks: HOOKS });
    await send(host, host.devices[0]!, burst(10));
    const { records } = probe.read();
    const of = (hook: Hook) => records.filter((record) => record.hook === hook);
    expect(of('drop')).toEqual([]);
    const mapId = map.map.id;
    expect(of('xdp-in')[9]).toMatchObject({ cpu: 0, ifindex: 2, queue: 0, program, verdict: XDP_REDIRECT, frames: 1 });
    expect(of('redirect').map(({ position }) => position)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 1, 2]);
    expect(of('redirect')[8]).toMatchObject({ cpu: 0, program, to: 1, mapId });
    expect(of('enqueue').map(({ position, of, slot, to }) => [position, of, slot, to])).toEqual([
      ...[1, 2, 3, 4, 5, 6, 7, 8].map((n) => [n, 8, n - 1, 1]),
      [1, 2, 8, 1],
      [2, 2, 9, 1],
    ]);
    const batch = release === '4.15' ? 1 : 8; // 4.15 takes them one by one
    expect(of('remote').map(({ cpu, position, slot }) => [cpu, position, slot])).toEqual(
      Array.from({ length: 10 }, (_, n) => [1, (n % batch) + 1, n]),
    );
    expect(of('deliver').map(({ cpu, bytes }) => [cpu, numberOf(bytes)])).toEqual(
      Array.from({ length: 10 }, (_, n) => [1, n]),
    );
    const addresses = (hook: Hook): number[] => of(hook).map(({ frame }) => frame);
    for (const hook of ['redirect', 'enqueue', 'remote', 'deliver'] as const) {
      expect(addresses(hook)).toEqual(addresses('xdp-in'));
    }
  });

  it('that do not fit are dropped, with the place in the bulk that they had', async () => {
    await machine(release, 9);
    await redirectAll();
    const probe = host.createProbe({ hooks: ['enqueue-drop', 'drop'] });
    await send(host, host.devices[0]!, burst(10));
    const { records } = probe.read();
    expect(records).toMatchObject([
      { hook: 'enqueue-drop', reason: 'ring_full', position: 2, of: 2, to: 1 },
      { hook: 'drop', reason: 'ring_full', position: 2, of: 2, to: 1 },
    ]);
    expect(records.map(({ bytes }) => numberOf(bytes))).toEqual([9, 9]);
  });

  it('that nobody takes there are dropped with the errno', async () => {
    await machine(release);
    host.attachXdp(
      'nic0',
      await load(
        host,
        ({ helpers, maps }) =>
          () => {
            helpers.redirectMap(maps.cpu_map!, 0, 0);
            return XDP_REDIRECT;
          },
        { map },
      ),
    );
    const probe = host.createProbe({ hooks: ['redirect', 'drop'] });
    await send(host, host.devices[0]!, burst(1));
    expect(probe.read().records).toMatchObject([{ hook: 'drop', reason: 'redirect_einval', verdict: XDP_REDIRECT }]);
  });
});

const udp4: FrameSpec = {
  network: { version: 4, source: '10.1.2.3', destination: '192.0.2.1' },
  transport: { protocol: 'udp', sourcePort: 1000, destinationPort: 9 },
};
const tcp6: FrameSpec = {
  network: { version: 6, source: '2001:db8::5', destination: '2001:db8:1::1' },
  transport: { protocol: 'tcp', sourcePort: 1000, destinationPort: 443 },
};
const tagged: FrameSpec = { ...udp4, vlans: [{ id: 7 }, { id: 8 }] };
const MIX = [udp4, tcp6, tagged];

/** A filter, and which of the mix it takes. The program drops tcp6 and redirects the others. */
const FILTERS: [ProbeFilter, number[]][] = [
  [{}, [0, 1, 2]],
  [{ protocol: 17 }, [0, 2]],
  [{ protocol: 6 }, [1]],
  [{ etherType: 0x86dd }, [1]],
  [{ vlan: 7 }, [2]],
  [{ vlan: 8 }, []],
  [{ sport: 1000 }, [0, 1, 2]],
  [{ dport: 9 }, [0, 2]],
  [{ dport: 9, protocol: 6 }, []],
  [{ src: { bytes: [10, 0, 0, 0], prefix: 8 } }, [0, 2]],
  [{ src: { bytes: [10, 1, 3, 0], prefix: 23 } }, [0, 2]],
  [{ src: { bytes: [10, 1, 3, 0], prefix: 24 } }, []],
  [{ dst: { bytes: [0x20, 1, 0xd, 0xb8, ...new Array(12).fill(0)], prefix: 32 } }, [1]],
  [{ dst: { bytes: new Array(16).fill(0), prefix: 0 } }, [1]],
  [{ ifindex: 2 }, [0, 1, 2]],
  [{ ifindex: 3 }, []],
  [{ cpu: 0 }, [0, 1, 2]],
  [{ cpu: 1 }, []],
  [{ verdict: XDP_DROP }, [1]],
  [{ verdict: XDP_REDIRECT, vlan: 7 }, [2]],
];

describe('filters', () => {
  it.each(FILTERS)('%j takes %j at xdp-in', async (filter, taken) => {
    await machine();
    const dropsIpv6 = ({ helpers, maps, memory }: Parameters<ReturnType<typeof redirectBy>>[0]) => {
      return (ctx: number) => {
        const data = memory.u32[ctx >> 2]!;
        return memory.u8[data + 12] === 0x86 ? XDP_DROP : helpers.redirectMap(maps.cpu_map!, 1, 0);
      };
    };
    host.attachXdp('nic0', await load(host, dropsIpv6, { map }));
    const probe = host.createProbe({ hooks: ['xdp-in'], filter });
    const frames = MIX.map((spec) => buildFrame(spec));
    await send(host, host.devices[0]!, sourceOf(frames));
    expect(probe.read().records.map(({ bytes }) => bytes)).toEqual(taken.map((index) => frames[index]));
  });

  it.each([
    [{ to: 1 }, 10],
    [{ to: 0 }, 0],
  ] as const)('%j takes %i of ten redirects to CPU 1', async (filter, taken) => {
    await machine();
    await redirectAll();
    const probe = host.createProbe({ hooks: ['redirect'], filter });
    await send(host, host.devices[0]!, burst(10));
    expect(probe.read().records.length).toBe(taken);
  });

  it.each([
    ['xdp_drop', 4],
    ['no_handler', 0],
    ['redirect_enospc', 0],
  ])('reason %s takes %i of four dropped frames', async (reason, taken) => {
    await machine();
    host.attachXdp('nic0', await load(host, () => () => XDP_DROP));
    const probe = host.createProbe({ hooks: ['drop'], filter: { reason } });
    await send(host, host.devices[0]!, burst(4));
    expect(probe.read().records.length).toBe(taken);
  });
});

describe('a probe', () => {
  it('keeps every third frame of those that it takes, the first one included', async () => {
    await machine();
    await redirectAll();
    const probe = host.createProbe({ hooks: ['xdp-in', 'deliver'], every: 3, snaplen: 50 });
    await send(host, host.devices[0]!, burst(10));
    const { records } = probe.read();
    for (const hook of ['xdp-in', 'deliver']) {
      const kept = records.filter((record) => record.hook === hook);
      expect(kept.map(({ bytes, length }) => [numberOf(bytes), bytes.length, length])).toEqual(
        [0, 3, 6, 9].map((n) => [n, 50, 60]),
      );
    }
  });

  it('counts what passed the hook, not what was tried there', async () => {
    await machine('6.18', 9);
    const everyOther: ReturnType<typeof redirectBy> = ({ helpers, maps }) => {
      let turn = 0;
      return () => {
        helpers.redirectMap(maps.cpu_map!, turn++ & 1, 0); // CPU 0 has no entry
        return XDP_REDIRECT;
      };
    };
    host.attachXdp('nic0', await load(host, everyOther, { map }));
    const every = 3;
    const probes = (['redirect', 'enqueue'] as const).map((hook) => host.createProbe({ hooks: [hook], every }));
    await send(host, host.devices[0]!, burst(60));
    const kept = probes.map((probe) => probe.read().records.map(({ bytes }) => numberOf(bytes)));
    // every third of the thirty redirects that succeeded; every third of the nine that the ring took
    expect(kept).toEqual([Array.from({ length: 10 }, (_, n) => 6 * n + 1), [1, 7, 13]]);
  });

  it('counts what finds no room, keeps what came first, and goes on when it was read', async () => {
    await machine();
    await redirectAll();
    const probe = host.createProbe({ hooks: ['xdp-in'], ringBytes: 4096 });
    const FIT = Math.floor(4096 / (80 + 64));
    let lostBefore = 0;
    for (let round = 0; round < 5; round++) {
      await send(host, host.devices[0]!, burst(64));
      const { records, lost } = probe.read();
      // the end of the ring may be too short for a record
      expect(records.length).toBeGreaterThanOrEqual(FIT - 1);
      expect(records.length + lost).toBe(64);
      expect(records.map((record) => record.lostBefore)).toEqual(records.map((_, n) => (n === 0 ? lostBefore : 0)));
      lostBefore = lost;
      expect(records.map(({ bytes }) => numberOf(bytes))).toEqual(records.map((_, n) => n));
    }
  });

  it('comes and goes while others stay', async () => {
    await machine();
    await redirectAll();
    const all = host.createProbe({ hooks: ['xdp-in'] });
    const some = host.createProbe({ hooks: ['xdp-in'], every: 4 });
    await send(host, host.devices[0]!, burst(6));
    const late = host.createProbe({ hooks: ['xdp-in'] });
    await send(host, host.devices[0]!, burst(5));
    const counts = [all, some, late].map((probe) => probe.read().records.length);
    expect(counts).toEqual([11, 3, 5]);
    all.close();
    all.close();
    await send(host, host.devices[0]!, burst(2));
    expect([all, some, late].map((probe) => probe.read().records.length)).toEqual([0, 1, 2]);
    some.close();
    late.close();
  });

  it('sees frames of several buffers in one piece', async () => {
    host = await virtualHost({ probes: true });
    device(host, { mtu: 9000 });
    await host.addHandler(ACCEPT_ALL);
    host.attachXdp('nic0', await load(host, () => () => XDP_PASS, { frags: true }));
    const probe = host.createProbe({ hooks: ['xdp-in', 'deliver'] });
    const frame = buildFrame({ ...udp4, length: 9000 }).map((byte, i) => (i < 42 ? byte : i & 0xff));
    await send(host, host.devices[0]!, sourceOf([frame]));
    expect(probe.read().records.map(({ hook, bytes }) => [hook, bytes])).toEqual([
      ['xdp-in', frame],
      ['deliver', frame],
    ]);
  });

  it('sees what GRO merged as one, and says how many frames it is', async () => {
    host = await virtualHost({ probes: true });
    device(host, { gro: true });
    map = cpuMap(host);
    map.set(1, { qsize: 64 });
    await host.addHandler(ACCEPT_ALL);
    await redirectAll();
    const probe = host.createProbe({ hooks: ['remote', 'deliver'] });
    const segments = Array.from({ length: 8 }, (_, n) =>
      buildFrame({
        network: { version: 4, source: '10.0.0.1', destination: '10.1.0.1', identification: n },
        transport: { protocol: 'tcp', sourcePort: 1, destinationPort: 80, sequence: 1 + n * 100 },
        length: 154,
      }),
    );
    await send(host, host.devices[0]!, sourceOf(segments));
    const { records } = probe.read();
    const merged = records.filter(({ hook }) => hook === 'deliver');
    expect(records.length - merged.length).toBe(8);
    expect(merged).toMatchObject([{ frames: 8, length: 54 + 800 }]);
    expect(merged[0]!.bytes.length).toBe(854);
  });

  it('works on threads, and may be closed while frames flow', async () => {
    host = await threadsHost({ probes: true });
    host.createDevice({ irqCpus: [0], rxRing: 512, buffers: 1024 });
    map = cpuMap(host);
    map.set(1, { qsize: 2048 });
    const flows = await watchFlows(host, 8, 800);
    const program = await load(host, programCode('redirectByFlow'), { map, constants: { first: 1, cpus: 1 } });
    host.attachXdp('nic0', program);
    const probe = host.createProbe({ hooks: ['xdp-in', 'remote', 'deliver'], ringBytes: WIDE });
    const passing = host.createProbe({ hooks: HOOKS, ringBytes: 4096 });
    host.devices[0]!.start(flows.source(5));
    passing.close();
    await host.settle();
    const { records, lost } = probe.read();
    const seen = (hook: Hook): number => records.filter((record) => record.hook === hook).length;
    expect([seen('xdp-in'), seen('remote'), seen('deliver'), lost]).toEqual([4000, 4000, 4000, 0]);
    expect(records.every(({ bytes, length }) => bytes.length === length)).toBe(true);
    expect(flows.tally()).toMatchObject({ frames: 4000, damaged: 0, disordered: 0 });
    probe.close();
  });

  it.each([
    [{ hooks: [] }, 'no hook: there is xdp-in, '],
    [{ hooks: ['xdp_in'] }, 'no hook xdp_in: there is xdp-in, '],
    [{ hooks: ['drop'], every: 0 }, 'every is 0'],
    [{ hooks: ['drop'], every: 1.5 }, 'every is 1.5'],
    [{ hooks: ['drop'], snaplen: 0 }, 'snaplen is 0'],
    [{ hooks: ['drop'], snaplen: 65_536 }, 'snaplen is 65536'],
    [{ hooks: ['drop'], ringBytes: 5000 }, 'ringBytes is 5000'],
    [{ hooks: ['drop'], filter: { reason: 'bad luck' } }, 'no drop reason bad luck'],
  ])('%j is EINVAL: %s', async (options, hint) => {
    await machine();
    const create = () => host.createProbe(options as never);
    expect(create).toThrow(expect.objectContaining({ code: 'EINVAL' }));
    expect(create).toThrow(hint);
  });

  it('needs a host that was made for probes', async () => {
    host = await createHost({ cpus: 1, executor: 'virtual' });
    expect(() => host.createProbe({ hooks: ['drop'] })).toThrow(
      expect.objectContaining({ code: 'EOPNOTSUPP', hint: expect.stringContaining('probes: true') }),
    );
  });
});
