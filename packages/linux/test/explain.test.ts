/** Hints for kernels other than the one that runs: the feature table says which release is needed. */
import { BPF_ATTACH_TYPE, BPF_MAP_TYPE, BPF_PROG_TYPE, featuresOf } from '@cpumap/uapi';
import { describe, expect, it } from 'vitest';
import { explainMapCreate, explainProgramLoad, explainXdpAttach, type KernelFacts } from '../src/explain.ts';
import { loadLibc } from '../src/libc.ts';
import { missingCapabilities, rightsHint } from '../src/rights.ts';

const kernel = (release: string): KernelFacts => ({
  release,
  features: featuresOf(release),
  nrCpus: 64,
  possible: [0, 1],
  rights: () => 'the rights',
});
const program = {
  id: 7,
  name: 'main',
  type: BPF_PROG_TYPE.XDP,
  expectedAttachType: BPF_ATTACH_TYPE.XDP,
  attachTo: undefined,
  frags: false,
  mapIds: [],
};
const attempt = {
  device: 'eth7',
  mode: 'generic',
  program,
  attached: { mode: 'none', progId: 0 },
  attachedName: undefined,
  linkId: undefined,
  usesCpumap: true,
} as const;
const spec = { name: 'main', code: { factory: () => () => 2 } };
const values = (valueSize: number) => ({ type: BPF_MAP_TYPE.CPUMAP, keySize: 4, valueSize, maxEntries: 2 });

describe('a kernel that is too old', () => {
  it.each([
    ['second programs', explainMapCreate('EINVAL', values(8), kernel('5.4')), 'this is Linux 5.4, 5.9 is needed'],
    [
      'programs for entries',
      explainProgramLoad(
        'EINVAL',
        { ...spec, expectedAttachType: BPF_ATTACH_TYPE.XDP_CPUMAP },
        undefined,
        kernel('5.4'),
      ),
      'this is Linux 5.4, 5.9 is needed',
    ],
    ['frags', explainProgramLoad('EINVAL', { ...spec, frags: true }, undefined, kernel('5.15')), '5.18 is needed'],
    ['generic cpumap', explainXdpAttach('EINVAL', attempt, kernel('5.10')), '5.15 is needed: cpumap in generic'],
    ['links', explainXdpAttach('EINVAL', attempt, kernel('5.4')), 'links of XDP programs need 5.9'],
  ])('for %s', (_, hint, expected) => {
    expect(hint).toContain(expected);
  });

  it('is not blamed for what it has', () => {
    expect(explainMapCreate('EINVAL', values(8), kernel('6.18'))).toBeUndefined();
    expect(explainProgramLoad('EINVAL', { ...spec, frags: true }, undefined, kernel('6.18'))).toBeUndefined();
    expect(explainXdpAttach('EINVAL', attempt, kernel('6.18'))).toBeUndefined();
  });
});

describe('rights', () => {
  it.each([
    ['0', '6.18', ['CAP_BPF', 'CAP_NET_ADMIN', 'CAP_PERFMON']],
    ['0', '5.4', ['CAP_SYS_ADMIN', 'CAP_NET_ADMIN']],
    ['8000000000', '6.18', ['CAP_NET_ADMIN', 'CAP_PERFMON']],
    ['c000001000', '6.18', []],
    ['200000', '5.4', ['CAP_NET_ADMIN']],
    ['1ffffffffff', '5.4', []],
  ])('CapEff %s on %s lacks %j', (effective, release, missing) => {
    expect(missingCapabilities(effective, featuresOf(release))).toEqual(missing);
  });

  it('that are all there leave other causes', () => {
    expect(rightsHint('1ffffffffff', featuresOf('6.18'))).toContain('a security module, lockdown or a container');
  });

  it('are asked for where the kernel says EPERM', () => {
    expect(explainXdpAttach('EPERM', attempt, kernel('6.18'))).toBe('the rights');
    expect(explainMapCreate('EPERM', values(8), kernel('6.18'))).toBe('the rights');
  });
});

describe('where there is no bpf(2)', () => {
  const missing = (): never => {
    throw new Error('Cannot find module koffi');
  };
  it.each([
    ['darwin', 'arm64', 'the kernel of darwin has no bpf(2): the engine works here, the linux backend does not'],
    ['linux', 'mips', 'the number of bpf(2) on mips is not known here'],
    ['linux', 'arm64', 'the optional dependency koffi is not installed: npm install koffi'],
  ])('on %s %s the first call says: %s', (system, machine, hint) => {
    expect(() => loadLibc(system, machine, missing)).toThrow(expect.objectContaining({ code: 'ENOSYS', hint }));
  });
});
