import { BPF_ATTACH_TYPE, BPF_MAP_TYPE, BPF_PROG_TYPE } from '@cpumap/uapi';
import { describe, expect, it } from 'vitest';
import {
  type BytecodeSpec,
  egressProgram,
  MAX_CPUS,
  MONITOR_EVENTS,
  monitorMaps,
  monitorProgram,
  remoteProgram,
  SAMPLE_PROGRAMS,
  sampleMaps,
  sampleProgram,
  txPortMap,
} from '../src/index.ts';

const all = [...sampleMaps(12), ...monitorMaps(12), txPortMap()];
const maps = Object.fromEntries(all.map(({ name }, i) => [name, { id: i + 1, pointer: 1000 + i }]));

/** The names in the code itself. */
const named = ({ code }: BytecodeSpec) => [...new Set(code.bytecode.mapReferences.map(({ target }) => target))].sort();

describe('SAMPLE_PROGRAMS', () => {
  it('has prognum 0 to 5 in order, then the additions of xdp-bench', () => {
    expect(SAMPLE_PROGRAMS.map(({ prognum }) => prognum)).toEqual([0, 1, 2, 3, 4, 5, undefined, undefined]);
    expect(SAMPLE_PROGRAMS.map(({ mode }) => mode)).toEqual(
      'no-touch touch round-robin l4-proto l4-filter l4-hash l4-sport l4-dport'.split(' '),
    );
  });
});

describe('sampleProgram', () => {
  it('finds a program by prognum, name and mode', () => {
    for (const { prognum, name, mode } of SAMPLE_PROGRAMS) {
      expect(sampleProgram(mode, { maps, nrCpus: 12 })).toEqual(sampleProgram(name, { maps, nrCpus: 12 }));
      if (prognum !== undefined) expect(sampleProgram(prognum, { maps, nrCpus: 12 }).name).toBe(name);
    }
  });

  it('is a spec for a device, without frags unless asked', () => {
    const spec = sampleProgram('round_robin', { maps, nrCpus: 4 });
    expect(spec).toMatchObject({
      name: 'round_robin',
      type: BPF_PROG_TYPE.XDP,
      expectedAttachType: BPF_ATTACH_TYPE.XDP,
      frags: false,
    });
    expect(sampleProgram(0, { maps, nrCpus: 4, frags: true }).frags).toBe(true);
  });

  it('is plain data, that another thread gets as it is', () => {
    const spec = sampleProgram('l4-hash', { maps, nrCpus: 4 });
    expect(structuredClone(spec)).toEqual(spec);
  });

  it('is given the maps that its code names, and no others', () => {
    for (const { name, maps: used } of SAMPLE_PROGRAMS) {
      const spec = sampleProgram(name, { maps, nrCpus: 4 });
      expect(Object.keys(spec.maps!)).toEqual(used);
      expect(named(spec)).toEqual([...used].sort());
    }
  });

  it('refuses an unknown program and says what there is', () => {
    expect(() => sampleProgram(6, { maps, nrCpus: 4 })).toThrow(/no sample program 6.*lb_hash_ip_pairs \(l4-hash\)/);
    expect(() => sampleProgram('undefined' as 'l4-hash', { maps, nrCpus: 4 })).toThrow(RangeError);
  });

  it('refuses to go without a map that the program needs', () => {
    const { cpus_count: _left, ...others } = maps;
    expect(() => sampleProgram(5, { maps: others, nrCpus: 4 })).toThrow("lb_hash_ip_pairs needs a map 'cpus_count'");
    expect(() => sampleProgram(0, { maps: others, nrCpus: 4 })).not.toThrow();
  });
});

describe('remoteProgram', () => {
  it.each(['pass', 'drop', 'redirect'] as const)('%s is a spec for a cpumap entry', (action) => {
    expect(remoteProgram(action, { maps })).toMatchObject({
      name: `cpumap_${action}`,
      type: BPF_PROG_TYPE.XDP,
      expectedAttachType: BPF_ATTACH_TYPE.XDP_CPUMAP,
      frags: false,
    });
    expect(remoteProgram(action, { frags: true, maps }).frags).toBe(true);
  });

  it('redirect needs tx_port, the others nothing', () => {
    expect(remoteProgram('redirect', { maps }).maps).toEqual({ tx_port: maps.tx_port });
    expect(remoteProgram('pass')).toMatchObject({ maps: {} });
    expect(() => remoteProgram('redirect')).toThrow("cpumap_redirect needs a map 'tx_port'");
  });
});

describe('egressProgram', () => {
  it('is a spec for a devmap entry', () => {
    expect(egressProgram(new Uint8Array(6), { frags: true })).toMatchObject({
      type: BPF_PROG_TYPE.XDP,
      expectedAttachType: BPF_ATTACH_TYPE.XDP_DEVMAP,
      frags: true,
    });
  });

  it('refuses what is no MAC address', () => {
    expect(() => egressProgram(new Uint8Array(8))).toThrow('a MAC address has 6 bytes, not 8');
  });
});

describe('monitorProgram', () => {
  it.each(MONITOR_EVENTS)('%s has a program for its tracepoint', (event) => {
    const spec = monitorProgram(event, { maps, nrCpus: 12 });
    expect(spec).toMatchObject({ name: `trace_${event}`, attachTo: event, type: BPF_PROG_TYPE.TRACEPOINT });
    expect(Object.keys(spec.maps!)).toEqual(named(spec));
    expect(() => monitorProgram(event, { maps: {}, nrCpus: 12 })).toThrow(`trace_${event} needs a map`);
  });
});

describe('the maps', () => {
  it('are those of the sample', () => {
    const { CPUMAP, DEVMAP, ARRAY, PERCPU_ARRAY } = BPF_MAP_TYPE;
    expect([...sampleMaps(MAX_CPUS), ...monitorMaps(MAX_CPUS), txPortMap()]).toEqual([
      { name: 'cpu_map', type: CPUMAP, keySize: 4, valueSize: 4, maxEntries: 12 },
      { name: 'rx_cnt', type: PERCPU_ARRAY, keySize: 4, valueSize: 24, maxEntries: 1 },
      { name: 'cpus_available', type: ARRAY, keySize: 4, valueSize: 4, maxEntries: 12 },
      { name: 'cpus_count', type: ARRAY, keySize: 4, valueSize: 4, maxEntries: 1 },
      { name: 'cpus_iterator', type: PERCPU_ARRAY, keySize: 4, valueSize: 4, maxEntries: 1 },
      { name: 'redirect_err_cnt', type: PERCPU_ARRAY, keySize: 4, valueSize: 24, maxEntries: 2 },
      { name: 'cpumap_enqueue_cnt', type: PERCPU_ARRAY, keySize: 4, valueSize: 24, maxEntries: 12 },
      { name: 'cpumap_kthread_cnt', type: PERCPU_ARRAY, keySize: 4, valueSize: 24, maxEntries: 1 },
      { name: 'exception_cnt', type: PERCPU_ARRAY, keySize: 4, valueSize: 24, maxEntries: 1 },
      { name: 'tx_port', type: DEVMAP, keySize: 4, valueSize: 8, maxEntries: 1 },
    ]);
    expect(sampleMaps(2, 8)[0]).toMatchObject({ valueSize: 8, maxEntries: 2 });
    expect(txPortMap(4).valueSize).toBe(4);
  });
});
