import type { ProgramFactory } from '@cpumap/bpf';
import { DATAREC, ETH_P, IPPROTO, XDP_ABORTED, XDP_DROP, XDP_PASS, XDP_REDIRECT } from '@cpumap/uapi';
import { describe, expect, it } from 'vitest';
import * as sample from '../src/sample.ts';
import { load } from './support/harness.ts';
import { ethernet, frame, ipv4, udp, udpFrame } from './support/packets.ts';

const { remoteDrop, remotePass, ...receiving } = sample;
const RECEIVING = Object.entries(receiving);
const PARSING = RECEIVING.filter(([name]) => !['noTouch', 'touchData', 'roundRobin'].includes(name));
const NONE = { processed: 0n, dropped: 0n, issue: 0n };

describe('rx_cnt', () => {
  it.each(RECEIVING)('%s counts a redirected packet as processed', (_name, factory) => {
    const { bench, send } = load(factory);
    expect(send(udpFrame()).verdict).toBe(XDP_REDIRECT);
    expect(bench.counters()).toEqual({ ...NONE, processed: 1n });
  });

  it.each(RECEIVING)('%s asks for cpu_map, without flags', (_name, factory) => {
    const { bench, send } = load(factory, { cpusAvailable: [7, 7, 7, 7] });
    send(udpFrame());
    expect(bench.redirects).toEqual([[bench.env.maps.cpu_map, 7, 0]]);
  });

  it.each(RECEIVING)('%s hands on what bpf_redirect_map answers, without counting it', (_name, factory) => {
    const { bench, send } = load(factory);
    bench.redirectAnswer = XDP_ABORTED; // an empty slot, since 5.13
    expect(send(udpFrame()).verdict).toBe(XDP_ABORTED);
    expect(bench.counters()).toEqual({ ...NONE, processed: 1n });
  });

  // user space fills cpus_available with the number of CPUs, which is none, before it adds any
  it.each(RECEIVING)('%s aborts and counts an issue while no CPU is configured', (_name, factory) => {
    const { bench, send } = load(factory, { cpusAvailable: [], cpusCount: 4 });
    for (let i = 0; i < 5; i++) expect(send(udpFrame())).toEqual({ verdict: XDP_ABORTED, cpu: undefined });
    expect(bench.counters()).toEqual({ ...NONE, processed: 5n, issue: 5n });
    expect(bench.redirects).toEqual([]);
  });

  it.each([
    [11, XDP_REDIRECT],
    [12, XDP_ABORTED],
    [0xffff_ffff, XDP_ABORTED],
  ])('CPU %i of 12 gives verdict %i', (cpu, verdict) => {
    expect(load(sample.noTouch, { cpusAvailable: [cpu] }).send(udpFrame()).verdict).toBe(verdict);
  });

  it('takes the bound of the sample when no constant gives one', () => {
    const { bench, send } = load(
      (env) => sample.noTouch({ ...env, constants: {} }),
      { nrCpus: 64, cpusAvailable: [11] }, //
    );
    expect(send(udpFrame()).verdict).toBe(XDP_REDIRECT);
    bench.setAvailable([12]);
    expect(send(udpFrame()).verdict).toBe(XDP_ABORTED);
  });

  it('belongs to the CPU that runs the program', () => {
    const { bench, send } = load(sample.noTouch, { cpu: 2 });
    send(udpFrame());
    expect([bench.counters(0), bench.counters(1), bench.counters(2)]).toEqual([NONE, NONE, { ...NONE, processed: 1n }]);
  });

  it.each(['processed', 'dropped', 'issue'] as const)('%s counts on beyond 32 bits', (counter) => {
    const [factory, packet, cpusAvailable]: [ProgramFactory, Uint8Array, number[]] = {
      processed: [sample.noTouch, udpFrame(), [0]] as [ProgramFactory, Uint8Array, number[]],
      dropped: [sample.touchData, frame(ethernet(0x100)), [0]] as [ProgramFactory, Uint8Array, number[]],
      issue: [sample.noTouch, udpFrame(), []] as [ProgramFactory, Uint8Array, number[]],
    }[counter];
    const { bench, send } = load(factory, { cpusAvailable });
    const at = bench.env.helpers.mapLookupElem(bench.env.maps.rx_cnt!, 0) + DATAREC[counter];
    bench.memory.u32[at >> 2] = 0xffff_fffe;
    bench.memory.u32[(at >> 2) + 1] = 7;
    const counts = [0, 1, 2].map(() => {
      send(packet);
      return bench.counters()[counter];
    });
    expect(counts).toEqual([0x7_ffff_ffffn, 0x8_0000_0000n, 0x8_0000_0001n]);
  });

  it('has a dropped frame as processed, too', () => {
    const { bench, send } = load(sample.touchData);
    expect(send(frame(ethernet(0x5ff))).verdict).toBe(XDP_DROP);
    expect(send(frame(ethernet(0x600))).verdict).toBe(XDP_REDIRECT);
    expect(bench.counters()).toEqual({ ...NONE, processed: 2n, dropped: 1n });
  });

  it('does not have a frame that touch_data finds too short', () => {
    const { bench, send } = load(sample.touchData);
    expect(send(frame(ethernet(ETH_P.IP)).subarray(0, 13)).verdict).toBe(XDP_ABORTED);
    expect(bench.counters()).toEqual(NONE);
  });

  it('of no_touch has even an empty frame', () => {
    const { bench, send } = load(sample.noTouch);
    expect(send(new Uint8Array(0)).verdict).toBe(XDP_REDIRECT);
    expect(bench.counters()).toEqual({ ...NONE, processed: 1n });
  });

  it.each(PARSING)('of %s has a frame that passes because it cannot be parsed', (_name, factory) => {
    const { bench, send } = load(factory);
    expect(send(frame(ethernet(0x5ff))).verdict).toBe(XDP_PASS);
    expect(send(new Uint8Array(0)).verdict).toBe(XDP_PASS);
    expect(bench.counters()).toEqual({ ...NONE, processed: 2n });
  });

  it('has the flood that the filter drops as processed and dropped', () => {
    const { bench, send } = load(sample.ddosFilterPktgen);
    expect(send(frame(ethernet(ETH_P.IP), ipv4(IPPROTO.UDP), udp(9, 9)))).toEqual({
      verdict: XDP_DROP,
      cpu: undefined,
    });
    expect(bench.counters()).toEqual({ ...NONE, processed: 1n, dropped: 1n });
  });
});

describe('remote programs', () => {
  it('pass and drop everything, and need no maps', () => {
    const { bench } = load(sample.noTouch);
    const env = { ...bench.env, maps: {}, constants: {} };
    expect(remotePass(env)(0)).toBe(XDP_PASS);
    expect(remoteDrop(env)(0)).toBe(XDP_DROP);
  });
});

describe('a program that was not given what it needs', () => {
  it('says which map is missing, when it is instantiated', () => {
    const { bench } = load(sample.noTouch);
    const { rx_cnt: _left, ...maps } = bench.env.maps as { rx_cnt: number };
    expect(() => sample.noTouch({ ...bench.env, maps })).toThrow("needs a map 'rx_cnt'");
  });

  it('says which map is of the wrong type', () => {
    const { bench } = load(sample.noTouch);
    const maps = { ...bench.env.maps, cpus_count: bench.env.maps.cpu_map! };
    expect(() => sample.lbHashIpPairs({ ...bench.env, maps })).toThrow("map 'cpus_count' has no element 0");
  });
});
