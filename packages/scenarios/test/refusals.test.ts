/** What is refused, with which words; and a run that is stopped. */

import {
  runAutoscale,
  runAutoscaleOnLinux,
  runDdos,
  runDdosOnLinux,
  runImbalance,
  runImbalanceOnLinux,
} from '@cpumap/scenarios';
import { KernelError } from '@cpumap/uapi';
import { describe, expect, it } from 'vitest';
import { CAPTURE, captureOf, UDP_ONLY } from './support/captures.ts';

describe('refused before anything is built', () => {
  it.each<[string, () => Promise<unknown>, string]>([
    ['rate 0', () => runDdos({ capture: CAPTURE, rate: 0 }), 'rate is 0: it takes a number above 0'],
    ['a rate without end', () => runImbalance({ rate: Number.POSITIVE_INFINITY }), 'rate is Infinity'],
    ['no time', () => runAutoscale({ seconds: 0 }), 'seconds is 0'],
    [
      'too many CPUs',
      () => runDdos({ capture: CAPTURE, cpus: 257 }),
      'cpus is 257: it takes a whole number from 2 to 256',
    ],
    ['one CPU', () => runAutoscale({ cpus: 1 }), 'cpus is 1'],
    ['half a CPU', () => runImbalance({ cpus: 4.5 }), 'cpus is 4.5'],
    ['no CPU left', () => runDdos({ capture: CAPTURE, cpus: 2, rxQueues: [2] }), 'none is left to redirect to'],
    ['no run', () => runDdos({ capture: CAPTURE, rxQueues: [] }), 'rxQueues is empty'],
    ['no queue', () => runDdos({ capture: CAPTURE, rxQueues: [0] }), 'rxQueues is 0'],
    ['a capture without TCP', () => runDdos({ capture: UDP_ONLY }), 'hold no TCP'],
    ['an empty capture', () => runDdos({ capture: captureOf([]) }), 'hold no TCP'],
    [
      'an unknown encapsulation',
      () => runImbalance({ encapsulations: ['l2tp' as 'gre'] }),
      "no encapsulation 'l2tp': there are pppoe",
    ],
    ['no encapsulation', () => runImbalance({ encapsulations: [] }), 'encapsulations is empty'],
    ['no encapsulation on Linux', () => runImbalanceOnLinux({ encapsulations: [] }), 'encapsulations is empty'],
    ['an unknown load on Linux', () => runAutoscaleOnLinux({ load: 'weekly' as 'daily' }), "no load 'weekly'"],
    ['a capture without TCP on Linux', () => runDdosOnLinux({ capture: UDP_ONLY }), 'hold no TCP'],
    ['no flow', () => runImbalance({ flows: 0 }), 'flows is 0'],
    [
      'an unknown load',
      () => runAutoscale({ load: 'weekly' as 'daily' }),
      "no load 'weekly': there are daily, spike, ramp",
    ],
    ['a load that is too long', () => runAutoscale({ rate: 1e9, seconds: 1 }), 'a run takes 1 to 40000000'],
  ])('%s', async (_, act, hint) => {
    const error = await act().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(KernelError);
    expect(error).toMatchObject({ code: 'EINVAL', hint: expect.stringContaining(hint) });
  });
});

it('a machine that 2 GiB do not hold', async () => {
  await expect(runDdos({ capture: CAPTURE, cpus: 256, rxQueues: [128] })).rejects.toMatchObject({ code: 'ENOMEM' });
});

it('a run that is stopped has no results', async () => {
  const stop = new AbortController();
  const running = runDdos({ capture: CAPTURE, seconds: 5, signal: stop.signal });
  setTimeout(() => stop.abort(), 50);
  await expect(running).rejects.toMatchObject({ code: 'EINTR' });
});
