/**
 * deliver: 64-byte frames received on CPU 0, redirected by the sample's no_touch program, made sk_buffs on CPU 1 and
 * handed to a handler that takes them. The rate counts frames that the handler got; what the ring could not take is
 * not among them.
 */
import { ACCEPT_ALL, cpuMapOf, createHost, type Host, total } from '@cpumap/host';
import { parsePktgenSpec, pktgenSource } from '@cpumap/nic';
import { sampleMaps, sampleProgram } from '@cpumap/programs';
import { spreadOf } from './stats.ts';
import type { Suite } from './suite.ts';

const CPUS = 2;
const QSIZE = 2048;

export interface DeliverBench {
  readonly host: Host;
  /** Sends that many frames and returns what became of them, per second. */
  round(frames: number): Promise<{ receivedPerSecond: number; deliveredPerSecond: number }>;
}

/** Builds the machine once; rounds run on it, warm. */
export async function createDeliverBench(): Promise<DeliverBench> {
  const host = await createHost({ cpus: CPUS });
  const maps = Object.fromEntries(sampleMaps(CPUS, 8).map((spec) => [spec.name, host.createMap(spec)]));
  cpuMapOf(maps.cpu_map!).set(1, { qsize: QSIZE });
  const device = host.createDevice({ irqCpus: [0] });
  const program = await host.loadProgram(sampleProgram('no_touch', { maps, nrCpus: CPUS }));
  maps.cpus_available!.update(0, new Uint8Array(Uint32Array.of(1).buffer));
  await host.addHandler(ACCEPT_ALL);
  host.attachXdp(device.name, program);
  const delivered = (): number => total(host.statistics(), ({ cpumap }) => cpumap.delivered);

  return {
    host,
    async round(frames) {
      const before = delivered();
      const start = host.now();
      device.start(pktgenSource(parsePktgenSpec(''), frames));
      await host.settle();
      const seconds = (host.now() - start) / 1e9;
      const ledger = host.ledger();
      if (!ledger.balanced || ledger.inFlight !== 0) {
        throw new Error(`the ledger is not balanced after ${frames} frames: ${ledger.problems.join('; ')}`);
      }
      return { receivedPerSecond: frames / seconds, deliveredPerSecond: (delivered() - before) / seconds };
    },
  };
}

export const deliver: Suite = {
  name: 'deliver',
  what: 'pktgen 64 bytes -> CPU 0, no_touch -> cpumap (2048) -> CPU 1, sk_buff -> counting handler',
  async run({ smoke, frames = smoke ? 100_000 : 10_000_000, rounds = smoke ? 2 : 10 }) {
    const bench = await createDeliverBench();
    try {
      await bench.round(frames); // warm-up
      const received: number[] = [];
      const delivered: number[] = [];
      for (let i = 0; i < rounds; i++) {
        const rates = await bench.round(frames);
        received.push(rates.receivedPerSecond / 1e6);
        delivered.push(rates.deliveredPerSecond / 1e6);
      }
      return [
        { name: 'received', unit: 'M frames/s', ...spreadOf(received) },
        { name: 'delivered', unit: 'M frames/s', ...spreadOf(delivered) },
      ];
    } finally {
      await bench.host.close();
    }
  },
};
