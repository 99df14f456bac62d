import { describe, expect, it } from 'vitest';
import {
  DEFAULT_RELEASE,
  FEATURES,
  type Feature,
  type FeatureName,
  featuresOf,
  isRelease,
  RELEASES,
} from '../src/releases.ts';

/** All releases from 4.0 to 6.19, in the order in which they came out. */
const HISTORY = [
  ...Array.from({ length: 21 }, (_, minor) => `4.${minor}`),
  ...Array.from({ length: 20 }, (_, minor) => `5.${minor}`),
  ...Array.from({ length: 20 }, (_, minor) => `6.${minor}`),
];

// from the kernel's history: the first release with the change, and whether it brought the feature or took it away
const CHANGES: [FeatureName, string, 'came' | 'went'][] = [
  ['cpumap', '4.15', 'came'],
  ['headroomReserved', '4.18', 'came'],
  ['frameReturnByMemType', '4.18', 'came'],
  ['mapOwnerCheck', '4.19', 'went'],
  ['skbCoversDescriptor', '5.1', 'came'],
  ['batchDequeue', '5.2', 'came'],
  ['perCpuFlushList', '5.6', 'came'],
  ['redirectMapEvents', '5.6', 'went'],
  ['frameSize', '5.8', 'came'],
  ['capBpf', '5.8', 'came'],
  ['cpumapProgram', '5.9', 'came'],
  ['memlock', '5.11', 'went'],
  ['emptySlotAtRedirect', '5.13', 'went'],
  ['redirectMissVerdict', '5.13', 'came'],
  ['listDelivery', '5.13', 'came'],
  ['genericCpumap', '5.15', 'came'],
  ['frags', '5.18', 'came'],
  ['maxEntriesFirst', '6.2', 'came'],
  ['kthreadStartedFirst', '6.5', 'came'],
  ['rcuWorkTeardown', '6.6', 'came'],
  ['traceBeforeDelivery', '6.12', 'came'],
  ['cpumapGro', '6.15', 'came'],
  ['redirectMapEventsDefined', '6.17', 'went'],
];

function expectChange(name: FeatureName, release: string, how: 'came' | 'went'): void {
  const at = HISTORY.indexOf(release);
  expect(at, `${release} is a release`).toBeGreaterThan(0);
  for (const [i, version] of HISTORY.entries()) {
    expect(featuresOf(version)[name], `${name} in ${version}`).toBe(how === 'came' ? i >= at : i < at);
  }
}

describe('featuresOf', () => {
  it.each(CHANGES)('%s changes in %s: it %s', expectChange);

  it('changes every feature of the table where the table says, and nowhere else', () => {
    for (const [name, { since, until }] of Object.entries(FEATURES) as [FeatureName, Feature][]) {
      expect(since === undefined, `${name} has one of since and until`).toBe(until !== undefined);
      expectChange(name, (since ?? until)!, since === undefined ? 'went' : 'came');
    }
  });

  it('of 4.15: the series as merged', () => {
    const has = Object.entries(featuresOf('4.15')).filter(([, yes]) => yes);
    expect(has.map(([name]) => name).sort()).toEqual([
      'cpumap',
      'emptySlotAtRedirect',
      'mapOwnerCheck',
      'memlock',
      'redirectMapEvents',
      'redirectMapEventsDefined',
    ]);
  });

  it.each(['6.18.44-generic', '6.18.44-x', '6.18.0', '6.18-rc3', '6.18+'])('takes uname -r: %s is 6.18', (text) => {
    expect(featuresOf(text)).toEqual(featuresOf('6.18'));
  });

  it('compares numbers, not text', () => {
    expect(featuresOf('5.2').cpumapProgram).toBe(false);
    expect(featuresOf('5.10').cpumapProgram).toBe(true);
    expect(featuresOf('10.0').cpumapGro).toBe(true);
  });

  it.each(['', '6', '6.', '.18', 'v6.18', 'linux-6.18', ' 6.18', 'six.eighteen'])("refuses '%s'", (text) => {
    expect(() => featuresOf(text)).toThrow(new RangeError(`not a kernel release: '${text}'`));
  });
});

describe('releases', () => {
  it('are those that an implementation shows; the newest is the default', () => {
    expect(RELEASES).toEqual(['4.15', '6.18']);
    expect(DEFAULT_RELEASE).toBe('6.18');
    expect(RELEASES.every(isRelease)).toBe(true);
    expect(['4.16', '6.18.44', '', '6.1'].some(isRelease)).toBe(false);
  });
});
