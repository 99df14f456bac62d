/** The path on the engine: real threads, frames of the built-in packet generator. */
import { ACCEPT_ALL, createHost, total } from '@cpumap/host';
import { parsePktgenSpec, pktgenSource } from '@cpumap/nic';
import { countsOf, createPath, type PathSpec, type Round, RX_CPU, roundOf } from './redirect-path.ts';

export interface Side {
  round(frames: number): Promise<Round>;
  close(): Promise<void>;
}

export async function engineSide(path: PathSpec): Promise<Side> {
  const host = await createHost({ cpus: 2 });
  const program = await createPath(host, path);
  const device = host.createDevice({ irqCpus: [RX_CPU] });
  await host.addHandler(ACCEPT_ALL);
  host.attachXdp(device.name, program);
  const delivered = (): number => total(host.statistics(), ({ cpumap }) => cpumap.delivered);
  return {
    async round(frames) {
      const before = countsOf(host.statistics());
      const deliveredBefore = delivered();
      const start = host.now();
      device.start(pktgenSource(parsePktgenSpec(''), frames));
      await host.settle();
      const seconds = (host.now() - start) / 1e9;
      const ledger = host.ledger();
      if (!ledger.balanced || ledger.inFlight !== 0) {
        throw new Error(`the ledger is not balanced after ${frames} frames: ${ledger.problems.join('; ')}`);
      }
      const round = roundOf(path, frames, seconds, before, countsOf(host.statistics()));
      const handed = delivered() - deliveredBefore;
      if (path.remote === 'stack' && handed !== round.taken) {
        throw new Error(`${handed} of ${round.taken} frames reached the handler`);
      }
      return round;
    },
    close: () => host.close(),
  };
}
