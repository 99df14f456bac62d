/**
 * stages: where a frame's time goes, from the driver's ring to the handler, by samples of V8's profiler. The virtual executor
 * does all CPUs' work on this thread; the sum is that of both CPUs.
 */
import { ACCEPT_ALL, createHost, PROFILE_STEPS, profileStages } from '@cpumap/host';
import { parsePktgenSpec, pktgenSource } from '@cpumap/nic';
import { createPath, RX_CPU } from './redirect-path.ts';
import { spreadOf } from './stats.ts';
import type { Suite } from './suite.ts';

export const stages: Suite = {
  name: 'stages',
  what: 'nanoseconds of a frame by stage, both CPUs on one thread: no-touch -> cpumap -> sk_buff -> handler',
  async run({ smoke, frames = smoke ? 50_000 : 3_000_000, rounds = smoke ? 2 : 7 }) {
    const host = await createHost({ cpus: 2, executor: 'virtual' });
    try {
      const program = await createPath(host, { mode: 'no-touch', remote: 'stack', flows: 1, qsize: 2048 });
      const device = host.createDevice({ irqCpus: [RX_CPU] });
      await host.addHandler(ACCEPT_ALL);
      host.attachXdp(device.name, program);
      const run = async (): Promise<void> => {
        device.start(pktgenSource(parsePktgenSpec(''), frames));
        await host.settle();
        const { balanced, inFlight, problems } = host.ledger();
        if (!balanced || inFlight !== 0) throw new Error(problems.join('; '));
      };
      await run();
      const profiles = await profileStages(rounds, frames, run);
      const figures = PROFILE_STEPS.map((name) => ({
        name,
        unit: 'ns/frame',
        ...spreadOf(profiles.map(({ steps }) => steps[name])),
      }));
      return { figures: [...figures, { name: 'sum', unit: 'ns/frame', ...spreadOf(profiles.map(({ ns }) => ns)) }] };
    } finally {
      await host.close();
    }
  },
};
