/** Frames of several buffers between real threads: all of them, whole, in the order of their flow, all buffers at home. */
import type { Host } from '@cpumap/host';
import { afterEach, expect, it } from 'vitest';
import { cpuMap, endClean, expectAccounted, load, loadRemote, threadsHost } from './support/machine.ts';
import { programCode, watchFlows } from './support/threads.ts';

let host: Host;
afterEach(() => endClean(host));

const FLOWS = 8;
const FRAMES = 480;
const ROUNDS = 10;
const lengthOf = (n: number): number => 60 + ((n * 1237) % 8941);

it.each([
  { mode: 'native', second: false },
  { mode: 'native', second: true },
  { mode: 'generic', second: false },
  { mode: 'generic', second: true },
] as const)('$mode mode, second program: $second', async ({ mode, second }) => {
  host = await threadsHost({ cpus: 3 });
  const nic = host.createDevice({ mtu: 9000, channels: 2, irqCpus: [0, 1], rxRing: 256, buffers: 2048 });
  const map = cpuMap(host);
  const flows = await watchFlows(host, FLOWS, FRAMES, lengthOf);
  const options = { map, constants: { first: 0, cpus: 3 }, frags: true };
  const program = await load(host, programCode('redirectByFlow'), options);
  const remote = await loadRemote(host, programCode('passEvenFlows'), { frags: true });
  for (let cpu = 0; cpu < 3; cpu++) map.set(cpu, { qsize: 8192, program: second ? remote.id : 0 });
  host.attachXdp('nic0', program, mode);
  nic.start(flows.source(ROUNDS));
  await host.settle();
  const { frames, damaged, strange, disordered } = flows.tally();
  const wanted = (ROUNDS * FRAMES) / (second ? 2 : 1);
  expect({ frames, damaged, strange, disordered }).toEqual({ frames: wanted, damaged: 0, strange: 0, disordered: 0 });
  expectAccounted(host);
});
