/** The steering programs on the running kernel: its verifier takes each, with and without frags, and it runs. */
import { STEERING_PROGRAMS, sampleMaps, steeringProgram } from '@cpumap/programs';
import { XDP_REDIRECT } from '@cpumap/uapi';
import { expect, it } from 'vitest';
import { createLinuxMap } from '../src/linux-map.ts';
import { loadLinuxProgram } from '../src/linux-program.ts';
import { describeOnLinux } from './support/kernel.ts';

const FRAME = new Uint8Array(60);

describeOnLinux('a steering program of the kernel', () => {
  const variants = STEERING_PROGRAMS.flatMap(({ name }) => [false, true].map((frags) => ({ name, frags })));

  it.each(variants)('$name is accepted with frags: $frags', async ({ name, frags }) => {
    const maps = Object.fromEntries(sampleMaps(2, 8).map((spec) => [spec.name, createLinuxMap(spec)]));
    const program = loadLinuxProgram(steeringProgram(name, { maps, nrCpus: 2, frags }), { maps });
    expect((await program.testRun({ data: FRAME })).retval).not.toBe(XDP_REDIRECT); // 802.3 length 0: passes
    program.close();
    for (const map of Object.values(maps)) map.close();
  });
});
