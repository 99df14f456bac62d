/** Tail calls where programs are attached, and test runs with live frames: every frame is accounted for. */
import { assembleProgram, type BpfEngine, type BpfMap, bytesOfU32 } from '@cpumap/bpf';
import { cpuMapOf, total } from '@cpumap/host';
import { BPF_ATTACH_TYPE, BPF_MAP_TYPE } from '@cpumap/uapi';
import { describe, expect, it } from 'vitest';
import { collect } from '../support/collect.ts';
import { burst, numberedFrame } from '../support/frames.ts';
import { device, endClean, send, virtualHost } from '../support/machine.ts';
import { call } from './support/fragments.ts';

const PROGS = { type: BPF_MAP_TYPE.PROG_ARRAY, keySize: 4, valueSize: 4, maxEntries: 2 };
const CPUS = { type: BPF_MAP_TYPE.CPUMAP, keySize: 4, valueSize: 8, maxEntries: 2 };

const tailCall = (verdict: number): string => `
    r2 = map(progs) ll
    r3 = 1
    ${call('tail_call')}
    r0 = ${verdict}
    exit`;
const redirect = `
    r1 = map(cpus) ll
    r2 = 1
    r3 = 0
    ${call('redirect_map')}
    exit`;
const always = (verdict: number): string => `
    r0 = ${verdict}
    exit`;

describe.each<BpfEngine>(['jit', 'interp'])('%s', (bpfEngine) => {
  it('the program of a device tail calls one that redirects, that of the entry one that drops', async () => {
    const host = await virtualHost({ bpfEngine });
    const nic = device(host);
    const [progs, remotes] = [host.createMap(PROGS), host.createMap(PROGS)];
    const cpus = cpuMapOf(host.createMap(CPUS));
    const load = (text: string, maps: object, expectedAttachType: number) =>
      host.loadProgram({
        name: 'test',
        code: { bytecode: assembleProgram(text) },
        maps: { ...maps },
        expectedAttachType,
      });

    const { XDP, XDP_CPUMAP } = BPF_ATTACH_TYPE;
    const entry = await load(tailCall(2), { progs: remotes }, XDP_CPUMAP);
    const drops = await load(always(1), {}, XDP_CPUMAP);
    const first = await load(tailCall(2), { progs }, XDP);
    const redirects = await load(redirect, { cpus: cpus.map }, XDP);
    cpus.set(1, { qsize: 192, program: entry.id });
    host.attachXdp(nic.name, first);

    await send(host, nic, burst(30)); // both slots are empty
    expect(total(host.statistics(), ({ xdp }) => xdp.pass)).toBe(30);
    progs.update(1, bytesOfU32(redirects.id));
    await send(host, nic, burst(40));
    expect(total(host.statistics(), ({ cpumap }) => cpumap.delivered + cpumap.refused)).toBe(40);
    remotes.update(1, bytesOfU32(drops.id));
    await send(host, nic, burst(50));
    expect(total(host.statistics(), ({ cpumap }) => cpumap.prog_drop)).toBe(50);
    await endClean(host);
  });

  it.each([
    ['drop', always(1), 'drop'],
    ['pass', always(2), 'pass'],
    ['abort', always(0), 'aborted'],
    ['redirect', redirect, 'redirect'],
  ] as const)('live frames that %s', async (_name, text, counter) => {
    const host = await virtualHost({ bpfEngine });
    const cpus = cpuMapOf(host.createMap(CPUS));
    cpus.set(1, { qsize: 192 });
    const maps: Record<string, BpfMap> = text === redirect ? { cpus: cpus.map } : {};
    const program = await host.loadProgram({ name: 'live', code: { bytecode: assembleProgram(text) }, maps });
    const result = await program.testRun({ data: numberedFrame(0), repeat: 1000, liveFrames: true });
    expect(result).toMatchObject({ retval: 0, data: new Uint8Array() });
    await host.settle();
    const statistics = host.statistics();
    expect(total(statistics, ({ xdp }) => xdp[counter])).toBe(1000);
    expect(total(statistics, ({ trace }) => trace.exception)).toBe(counter === 'aborted' ? 1000 : 0);
    await endClean(host);
  });

  // Linux 6.18: a live frame shares its page with 112 bytes of notes on it
  it('live frames of every length that a page has room for', async () => {
    const host = await virtualHost({ bpfEngine });
    const program = await host.loadProgram({ name: 'live', code: { bytecode: assembleProgram(always(2)) } });
    const delivered = await collect(host);
    const lengths = [14, 60, 1522, 1523, 2048, 3408];
    for (const length of lengths) await program.testRun({ data: new Uint8Array(length), liveFrames: true });
    expect(delivered.map(({ frame }) => frame.length)).toEqual(lengths);
    await endClean(host);
  });

  it.each([
    ['a frame of 3409 bytes', { data: new Uint8Array(3409) }, 'EINVAL'],
    ['a frame of 13 bytes', { data: new Uint8Array(13) }, 'EINVAL'],
    ['a device that is not there', { ctx: { ingress_ifindex: 9999 } }, 'ENODEV'],
    ['a queue without a device', { ctx: { rx_queue_index: 1 } }, 'EINVAL'],
    ['a queue that the device has not', { ctx: { ingress_ifindex: 1, rx_queue_index: 1 } }, 'EINVAL'],
  ])('live frames are refused for %s', async (_name, options, code) => {
    const host = await virtualHost({ bpfEngine });
    const program = await host.loadProgram({ name: 'live', code: { bytecode: assembleProgram(always(2)) } });
    const run = program.testRun({ data: new Uint8Array(60), ...options, liveFrames: true });
    await expect(run).rejects.toMatchObject({ code });
    await endClean(host);
  });
});
