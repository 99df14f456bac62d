/** Redirects to devices by bytecode: what leaves, which program it meets, what is counted and traced, what is refused. */
import { assembleProgram, type BpfEngine, type BpfMap, type BpfProgram } from '@cpumap/bpf';
import { type CpuMap, cpuMapOf, type Host, total } from '@cpumap/host';
import type { NicDevice } from '@cpumap/nic';
import { copyMacFrame } from '@cpumap/skb';
import { BPF_ATTACH_TYPE, BPF_FUNC, BPF_MAP_TYPE, ERRNO, NET_RX_SUCCESS } from '@cpumap/uapi';
import { describe, expect, it } from 'vitest';
import { burst, numberedFrame, sourceOf } from '../support/frames.ts';
import { device, endClean, send, virtualHost } from '../support/machine.ts';

const LOOPBACK = 1;
const MAC = Uint8Array.of(2, 0xaa, 0xbb, 0xcc, 0xdd, 0xee);

const throughMap = (key: number): string => `
    r1 = map(tx_port) ll
    r2 = ${key}
    r3 = 0
    call ${BPF_FUNC.redirect_map}
    exit`;

const toDevice = (ifindex: number): string => `
    r1 = ${ifindex}
    r2 = 0
    call ${BPF_FUNC.redirect}
    exit`;

const always = (verdict: number): string => `
    r0 = ${verdict}
    exit`;

/** r2 = the frame, or the verdict is XDP_DROP. */
const header = `
    r0 = 1
    r2 = *(u32 *)(r1 + 0)
    r3 = *(u32 *)(r1 + 4)
    r4 = r2
    r4 += 14
    if r4 > r3 goto out`;

const view = new DataView(MAC.buffer);
const writesSource = `
    ${header}
    *(u32 *)(r2 + 6) = ${view.getInt32(0, true)}
    *(u16 *)(r2 + 10) = ${view.getInt16(4, true)}
    r0 = 2
  out:
    exit`;

const swapsAndRedirects = `
    ${header}
    r6 = *(u32 *)(r2 + 0)
    r7 = *(u16 *)(r2 + 4)
    r8 = *(u32 *)(r2 + 6)
    r9 = *(u16 *)(r2 + 10)
    *(u32 *)(r2 + 0) = r8
    *(u16 *)(r2 + 4) = r9
    *(u32 *)(r2 + 6) = r6
    *(u16 *)(r2 + 10) = r7
    ${throughMap(0).replace('exit', '')}
  out:
    exit`;

/** The bytes of all frames that devices send, with the device. */
async function tap(host: Host): Promise<{ frame: Uint8Array }[]> {
  const sent: { frame: Uint8Array }[] = [];
  await host.addHandler(
    {
      factory: ({ memory }) => ({
        receive(skb) {
          sent.push({ frame: copyMacFrame(memory, skb) });
          return NET_RX_SUCCESS;
        },
      }),
    },
    { direction: 'out' },
  );
  return sent;
}

function load(host: Host, text: string, maps: Record<string, BpfMap> = {}, attachType?: number): Promise<BpfProgram> {
  return host.loadProgram({
    name: 'redirect',
    code: { bytecode: assembleProgram(text), license: 'GPL' },
    maps,
    ...(attachType === undefined ? {} : { expectedAttachType: attachType }),
  });
}

/** A devmap of the type with one entry at key 0. */
function txPort(host: Host, type: number, ifindex: number, program = 0): BpfMap {
  const map = host.createMap({ name: 'tx_port', type, keySize: 4, valueSize: 8, maxEntries: 4 });
  map.update(0, new Uint8Array(Uint32Array.of(ifindex, program).buffer));
  return map;
}

const sentBy = (nic: NicDevice) => {
  const { tx_packets: packets, tx_bytes: bytes } = nic.statistics();
  return { packets, bytes };
};

const errnos = (host: Host): Record<number, number> =>
  Object.fromEntries(host.statistics().cpus.flatMap(({ trace }) => [...trace.errnos]));

describe.each<BpfEngine>(['jit', 'interp'])('%s', (bpfEngine) => {
  async function machine() {
    const host = await virtualHost({ bpfEngine });
    const [from, to] = [device(host), device(host)] as const;
    return { host, from, to };
  }

  describe.each(['native', 'generic'] as const)('%s', (mode) => {
    it.each([
      ['DEVMAP', BPF_MAP_TYPE.DEVMAP],
      ['DEVMAP_HASH', BPF_MAP_TYPE.DEVMAP_HASH],
      ['no map', 0],
    ])('through %s, byte for byte', async (_name, type) => {
      const { host, from, to } = await machine();
      const sent = await tap(host);
      const maps: Record<string, BpfMap> = type === 0 ? {} : { tx_port: txPort(host, type, to.ifindex) };
      const program = await load(host, type === 0 ? toDevice(to.ifindex) : throughMap(0), maps);
      host.attachXdp(from.name, program, mode);
      const frames = Array.from({ length: 100 }, (_, n) => numberedFrame(n, n % 7, 60 + n));
      await send(host, from, sourceOf(frames));
      expect(sent.map(({ frame }) => frame)).toEqual(frames);
      expect(sentBy(to)).toEqual({ packets: 100, bytes: frames.reduce((sum, { length }) => sum + length, 0) });
      expect(sentBy(from)).toEqual({ packets: 0, bytes: 0 });
      await endClean(host);
    });

    it.each([
      ['no such device', 999, ERRNO.EINVAL],
      ['the loopback device', LOOPBACK, ERRNO.EOPNOTSUPP],
    ])('%s', async (_name, ifindex, errno) => {
      const { host, from } = await machine();
      host.attachXdp(from.name, await load(host, toDevice(ifindex)), mode);
      await send(host, from, burst(5));
      expect(errnos(host)).toEqual({ [errno]: 5 });
      expect(total(host.statistics(), ({ xdp }) => xdp.redirect_err)).toBe(5);
      await endClean(host);
    });

    it('a frame that is too long for the other device', async () => {
      const { host, from } = await machine();
      const small = device(host, { mtu: 100 });
      const sent = await tap(host);
      host.attachXdp(from.name, await load(host, toDevice(small.ifindex)), mode);
      // its MTU, the Ethernet header, and one VLAN tag
      const frames = [117, 118, 119, 500].map((length, n) => numberedFrame(n, 0, length));
      await send(host, from, sourceOf(frames));
      expect(sent.map(({ frame }) => frame.length)).toEqual([117, 118]);
      expect(errnos(host)).toEqual({ [ERRNO.EMSGSIZE]: 2 });
      await endClean(host);
    });
  });

  // Linux 6.18: for a target of a devmap the event names the device and the index, for one of a cpumap the index alone
  it.each(['native', 'generic'] as const)('%s: the event names the device that a map gave', async (mode) => {
    const { host, from, to } = await machine();
    const map = txPort(host, BPF_MAP_TYPE.DEVMAP, to.ifindex);
    map.update(1, new Uint8Array(Uint32Array.of(LOOPBACK, 0).buffer));
    const fields: unknown[] = [];
    for (const key of [0, 1]) {
      const link = host.attachXdp(from.name, await load(host, throughMap(key), { tx_port: map }), mode);
      const subscription = host.trace.subscribe(['xdp_redirect', 'xdp_redirect_err']);
      await send(host, from, burst(1));
      for (const { event, fields: all } of subscription.read().records) {
        fields.push([event, all.to_ifindex, all.map_id, all.map_index, all.err]);
      }
      subscription.close();
      link.detach();
    }
    expect(fields).toEqual([
      ['xdp_redirect', to.ifindex, map.id, 0, 0],
      ['xdp_redirect_err', LOOPBACK, map.id, 1, -ERRNO.EOPNOTSUPP],
    ]);
    await endClean(host);
  });

  it('a slot that is empty is the verdict of the flags', async () => {
    const { host, from, to } = await machine();
    host.attachXdp(
      from.name,
      await load(host, throughMap(1), { tx_port: txPort(host, BPF_MAP_TYPE.DEVMAP, to.ifindex) }),
    );
    await send(host, from, burst(5));
    expect(total(host.statistics(), ({ xdp }) => xdp.aborted)).toBe(5);
    await endClean(host);
  });

  it('the program of the entry writes the source address', async () => {
    const { host, from, to } = await machine();
    const sent = await tap(host);
    const egress = await load(host, writesSource, {}, BPF_ATTACH_TYPE.XDP_DEVMAP);
    const map = txPort(host, BPF_MAP_TYPE.DEVMAP, to.ifindex, egress.id);
    host.attachXdp(from.name, await load(host, throughMap(0), { tx_port: map }));
    const frames = Array.from({ length: 20 }, (_, n) => numberedFrame(n));
    await send(host, from, sourceOf(frames));
    for (const frame of frames) frame.set(MAC, 6);
    expect(sent.map(({ frame }) => frame)).toEqual(frames);
    await endClean(host);
  });

  it.each([
    ['drops', 1, 0],
    ['aborts', 0, 20],
    ['asks for a redirect', 4, 20],
  ])('a program of the entry that %s', async (_name, verdict, exceptions) => {
    const { host, from, to } = await machine();
    const drop = await load(host, always(verdict), {}, BPF_ATTACH_TYPE.XDP_DEVMAP);
    const map = txPort(host, BPF_MAP_TYPE.DEVMAP_HASH, to.ifindex, drop.id);
    host.attachXdp(from.name, await load(host, throughMap(0), { tx_port: map }));
    await send(host, from, burst(20));
    const statistics = host.statistics();
    expect(sentBy(to)).toEqual({ packets: 0, bytes: 0 });
    expect(total(statistics, ({ devmap }) => devmap.prog_drop)).toBe(20);
    expect(total(statistics, ({ trace }) => trace.exception)).toBe(exceptions);
    await endClean(host);
  });

  it('bulks of sixteen, and one event for each', async () => {
    const { host, from, to } = await machine();
    const map = txPort(host, BPF_MAP_TYPE.DEVMAP, to.ifindex);
    host.attachXdp(from.name, await load(host, throughMap(0), { tx_port: map }));
    const reader = host.trace.subscribe(['xdp_devmap_xmit']);
    await send(host, from, burst(40));
    const events = reader.read().records.map(({ fields }) => fields);
    const common = { act: 4, from_ifindex: from.ifindex, to_ifindex: to.ifindex, drops: 0, err: 0 };
    expect(events).toMatchObject([16, 16, 8].map((sent) => ({ ...common, sent })));
    reader.close();
    await endClean(host);
  });

  it('from a cpumap entry, by its second program', async () => {
    const { host, from, to } = await machine();
    const sent = await tap(host);
    const map = txPort(host, BPF_MAP_TYPE.DEVMAP, to.ifindex);
    const remote = await load(host, swapsAndRedirects, { tx_port: map }, BPF_ATTACH_TYPE.XDP_CPUMAP);
    const cpus: CpuMap = cpuMapOf(
      host.createMap({ type: BPF_MAP_TYPE.CPUMAP, keySize: 4, valueSize: 8, maxEntries: 2 }),
    );
    cpus.set(1, { qsize: 256, program: remote.id });
    const text = throughMap(1).replace('tx_port', 'cpu_map');
    host.attachXdp(from.name, await load(host, text, { cpu_map: cpus.map }));
    const frames = Array.from({ length: 50 }, (_, n) => numberedFrame(n));
    await send(host, from, sourceOf(frames));
    const swapped = frames.map((frame) =>
      Uint8Array.of(...frame.subarray(6, 12), ...frame.subarray(0, 6), ...frame.subarray(12)),
    );
    expect(sent.map(({ frame }) => frame)).toEqual(swapped);
    expect(host.statistics().cpus[1]!.cpumap.prog_redirect).toBe(50);
    await endClean(host);
  });
});

it('4.15 sends through no map at once, and traces the same', async () => {
  const host = await virtualHost({ release: '4.15' });
  const [from, to] = [device(host), device(host)] as const;
  const sent = await tap(host);
  host.attachXdp(from.name, await load(host, toDevice(to.ifindex)));
  await send(host, from, burst(10));
  expect(sent).toHaveLength(10);
  expect(sentBy(to).packets).toBe(10);
  await endClean(host);
});
