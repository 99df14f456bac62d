import { DATAREC, ETH_P, IPPROTO, XDP_ABORTED, XDP_DROP, XDP_PASS, XDP_REDIRECT } from '@cpumap/uapi';
import { describe, expect, it } from 'vitest';
import { SAMPLE_PROGRAMS, type SampleProgramName } from '../src/index.ts';
import { ENGINES, load } from './support/harness.ts';
import { ethernet, frame, ipv4, udp, udpFrame } from './support/packets.ts';

const RECEIVING = SAMPLE_PROGRAMS.map(({ name }) => name);
const PARSING = RECEIVING.filter((name) => !['no_touch', 'touch_data', 'round_robin'].includes(name));
const NONE = { processed: 0n, dropped: 0n, issue: 0n };

describe.each(ENGINES)('rx_cnt (%s)', (engine) => {
  it.each(RECEIVING)('%s counts a redirected packet as processed', (name) => {
    const { bench, send } = load(engine, name);
    expect(send(udpFrame()).verdict).toBe(XDP_REDIRECT);
    expect(bench.counters()).toEqual({ ...NONE, processed: 1n });
  });

  it.each(RECEIVING)('%s asks for cpu_map, without flags', (name) => {
    const { bench, send } = load(engine, name, { cpusAvailable: [7, 7, 7, 7] });
    send(udpFrame());
    expect(bench.redirects).toEqual([[bench.env.maps.cpu_map, 7, 0]]);
  });

  it.each(RECEIVING)('%s hands on what bpf_redirect_map answers, without counting it', (name) => {
    const { bench, send } = load(engine, name);
    bench.redirectAnswer = XDP_ABORTED; // an empty slot, since 5.13
    expect(send(udpFrame()).verdict).toBe(XDP_ABORTED);
    expect(bench.counters()).toEqual({ ...NONE, processed: 1n });
  });

  // user space fills cpus_available with the number of CPUs, which is none, before it adds any
  it.each(RECEIVING)('%s aborts and counts an issue while no CPU is configured', (name) => {
    const { bench, send } = load(engine, name, { cpusAvailable: [], cpusCount: 4 });
    for (let i = 0; i < 5; i++) expect(send(udpFrame())).toEqual({ verdict: XDP_ABORTED, cpu: undefined });
    expect(bench.counters()).toEqual({ ...NONE, processed: 5n, issue: 5n });
    expect(bench.redirects).toEqual([]);
  });

  it.each([
    [11, XDP_REDIRECT],
    [12, XDP_ABORTED],
    [0xffff_ffff, XDP_ABORTED],
  ])('CPU %i of 12 gives verdict %i', (cpu, verdict) => {
    expect(load(engine, 'no_touch', { cpusAvailable: [cpu] }).send(udpFrame()).verdict).toBe(verdict);
  });

  it('belongs to the CPU that runs the program', () => {
    const { bench, send } = load(engine, 'no_touch', { cpu: 2 });
    send(udpFrame());
    expect([bench.counters(0), bench.counters(1), bench.counters(2)]).toEqual([NONE, NONE, { ...NONE, processed: 1n }]);
  });

  it.each(['processed', 'dropped', 'issue'] as const)('%s counts on beyond 32 bits', (counter) => {
    const [name, packet, cpusAvailable] = (
      {
        processed: ['no_touch', udpFrame(), [0]],
        dropped: ['touch_data', frame(ethernet(0x100)), [0]],
        issue: ['no_touch', udpFrame(), []],
      } as const satisfies Record<string, [SampleProgramName, Uint8Array, number[]]>
    )[counter];
    const { bench, send } = load(engine, name, { cpusAvailable });
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
    const { bench, send } = load(engine, 'touch_data');
    expect(send(frame(ethernet(0x5ff))).verdict).toBe(XDP_DROP);
    expect(send(frame(ethernet(0x600))).verdict).toBe(XDP_REDIRECT);
    expect(bench.counters()).toEqual({ ...NONE, processed: 2n, dropped: 1n });
  });

  it('does not have a frame that touch_data finds too short', () => {
    const { bench, send } = load(engine, 'touch_data');
    expect(send(frame(ethernet(ETH_P.IP)).subarray(0, 13)).verdict).toBe(XDP_ABORTED);
    expect(bench.counters()).toEqual(NONE);
  });

  it('of no_touch has even an empty frame', () => {
    const { bench, send } = load(engine, 'no_touch');
    expect(send(new Uint8Array(0)).verdict).toBe(XDP_REDIRECT);
    expect(bench.counters()).toEqual({ ...NONE, processed: 1n });
  });

  it.each(PARSING)('of %s has a frame that passes because it cannot be parsed', (name) => {
    const { bench, send } = load(engine, name);
    expect(send(frame(ethernet(0x5ff))).verdict).toBe(XDP_PASS);
    expect(send(new Uint8Array(0)).verdict).toBe(XDP_PASS);
    expect(bench.counters()).toEqual({ ...NONE, processed: 2n });
  });

  it('has the flood that the filter drops as processed and dropped', () => {
    const { bench, send } = load(engine, 'ddos_filter_pktgen');
    expect(send(frame(ethernet(ETH_P.IP), ipv4(IPPROTO.UDP), udp(9, 9)))).toEqual({
      verdict: XDP_DROP,
      cpu: undefined,
    });
    expect(bench.counters()).toEqual({ ...NONE, processed: 1n, dropped: 1n });
  });
});
