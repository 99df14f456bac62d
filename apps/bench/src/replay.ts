/**
 * replay: the bundled capture from its file to delivery: read, decoded, and played again and again through l4-hash and a
 * cpumap to a handler. The file's reading and decoding are in the time.
 */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { ACCEPT_ALL, createHost, total } from '@cpumap/host';
import { captureSource, decodeCapture } from '@cpumap/nic';
import { createPath, RX_CPU } from './redirect-path.ts';
import { spreadOf } from './stats.ts';
import type { Suite } from './suite.ts';

const require = createRequire(import.meta.url);

function bundledCapture(): string {
  return join(dirname(require.resolve('xdp-redirect-cpu/package.json')), 'captures', 'everyday.pcapng');
}

export const replay: Suite = {
  name: 'replay',
  what: 'the bundled capture, pcapng file -> l4-hash -> cpumap -> CPU 1, sk_buff -> handler',
  async run({ smoke, frames = smoke ? 50_000 : 5_000_000, rounds = smoke ? 2 : 9 }) {
    const host = await createHost({ cpus: 2 });
    const rates: number[] = [];
    let bytes = 0;
    try {
      const program = await createPath(host, { mode: 'l4-hash', remote: 'stack', flows: 1, qsize: 2048 });
      const device = host.createDevice({ irqCpus: [RX_CPU] });
      await host.addHandler(ACCEPT_ALL);
      host.attachXdp(device.name, program);
      const delivered = (): number => total(host.statistics(), ({ cpumap }) => cpumap.delivered);
      const round = async (): Promise<number> => {
        const before = delivered();
        const begin = performance.now();
        const capture = decodeCapture(await readFile(bundledCapture()));
        bytes = capture.frames.reduce((sum, { data }) => sum + data.length, 0) / capture.frames.length;
        device.start(captureSource(capture, { loop: true, count: frames }));
        await host.settle();
        const seconds = (performance.now() - begin) / 1e3;
        const { balanced, inFlight, problems } = host.ledger();
        if (!balanced || inFlight !== 0) throw new Error(problems.join('; '));
        return (delivered() - before) / seconds / 1e6;
      };
      await round();
      for (let i = 0; i < rounds; i++) rates.push(await round());
    } finally {
      await host.close();
    }
    return {
      figures: [
        { name: 'delivered', unit: 'M frames/s', ...spreadOf(rates) },
        { name: 'mean frame', unit: 'bytes', min: bytes, median: bytes, max: bytes },
      ],
    };
  },
};
