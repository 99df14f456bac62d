import { importFunction, type ModuleCode } from '@cpumap/bpf';
import * as built from '@cpumap/programs';
import { BPF_ATTACH_TYPE, BPF_MAP_TYPE } from '@cpumap/uapi';
import { describe, expect, it } from 'vitest';
import { MAX_CPUS, remoteProgram, SAMPLE_PROGRAMS, sampleMaps, sampleProgram } from '../src/index.ts';
import * as sample from '../src/sample.ts';

const maps = Object.fromEntries(sampleMaps(12).map(({ name }, i) => [name, { id: i + 1, pointer: 1000 + i }]));

describe('SAMPLE_PROGRAMS', () => {
  it('has prognum 0 to 5 in order, then the additions of xdp-bench', () => {
    expect(SAMPLE_PROGRAMS.map(({ prognum }) => prognum)).toEqual([0, 1, 2, 3, 4, 5, undefined, undefined]);
    expect(SAMPLE_PROGRAMS.map(({ mode }) => mode)).toEqual(
      'no-touch touch round-robin l4-proto l4-filter l4-hash l4-sport l4-dport'.split(' '),
    );
  });

  it('names factories that exist, each once', () => {
    const names = SAMPLE_PROGRAMS.map((program) => program.export);
    expect([...names, 'remotePass', 'remoteDrop'].sort()).toEqual(Object.keys(sample).sort());
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
      expectedAttachType: BPF_ATTACH_TYPE.XDP,
      frags: false,
      constants: { nr_cpus: 4 },
      maps,
    });
    expect(sampleProgram(0, { maps, nrCpus: 4, frags: true }).frags).toBe(true);
  });

  it('names only the maps that the program uses', () => {
    expect(Object.keys(sampleProgram(0, { maps, nrCpus: 4 }).maps!)).toEqual(['cpu_map', 'rx_cnt', 'cpus_available']);
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
  it.each(['pass', 'drop'] as const)('%s is a spec for a cpumap entry', (action) => {
    expect(remoteProgram(action)).toMatchObject({
      name: `cpumap_${action}`,
      expectedAttachType: BPF_ATTACH_TYPE.XDP_CPUMAP,
      frags: false,
    });
    expect(remoteProgram(action, { frags: true }).frags).toBe(true);
  });
});

describe('sampleMaps', () => {
  it('are those of the sample', () => {
    const { CPUMAP, ARRAY, PERCPU_ARRAY } = BPF_MAP_TYPE;
    expect(sampleMaps(MAX_CPUS)).toEqual([
      { name: 'cpu_map', type: CPUMAP, keySize: 4, valueSize: 4, maxEntries: 12 },
      { name: 'rx_cnt', type: PERCPU_ARRAY, keySize: 4, valueSize: 24, maxEntries: 1 },
      { name: 'cpus_available', type: ARRAY, keySize: 4, valueSize: 4, maxEntries: 12 },
      { name: 'cpus_count', type: ARRAY, keySize: 4, valueSize: 4, maxEntries: 1 },
      { name: 'cpus_iterator', type: PERCPU_ARRAY, keySize: 4, valueSize: 4, maxEntries: 1 },
    ]);
    expect(sampleMaps(2, 8)[0]).toMatchObject({ valueSize: 8, maxEntries: 2 });
  });
});

describe('the built package', () => {
  it('names a module that a thread can import, and that exports the program', async () => {
    const specs = [
      ...SAMPLE_PROGRAMS.map(({ name }) => built.sampleProgram(name, { maps, nrCpus: 4 })),
      built.remoteProgram('pass'),
      built.remoteProgram('drop'),
    ];
    for (const { code } of specs) expect(await importFunction(code as ModuleCode)).toBeTypeOf('function');
  });
});
