import { createServer } from 'node:http';
import { createHost } from '@cpumap/host';
import { createPrometheusMetrics } from '@cpumap/metrics';

const host = await createHost({ cpus: 2, executor: 'virtual' });
host.createDevice();

const metrics = createPrometheusMetrics({
  read: () => ({ statistics: host.statistics(), depths: host.queueDepths() }),
  info: () => ({ backend: host.kind, release: host.release }),
});
const server = createServer(async (_, response) => {
  response.setHeader('content-type', metrics.contentType).end(await metrics.scrape());
});
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));

const { port } = server.address() as { port: number };
const scrape = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
console.log(
  scrape
    .split('\n')
    .filter((line) => /^cpumap_(info|rx_packets)/.test(line))
    .join('\n'),
);
server.close();
await host.close();
