/** What reaches a collector is what the machine counted. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { METRICS, otlpUrl, startOtlpExport } from '@cpumap/metrics';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { busyHost } from './support/machine.ts';

interface DataPoint {
  readonly attributes: readonly { readonly key: string; readonly value: { readonly stringValue: string } }[];
  readonly asDouble?: number;
  readonly asInt?: number;
}

interface Exported {
  readonly resourceMetrics: readonly {
    readonly resource: { readonly attributes: readonly { readonly key: string; readonly value: unknown }[] };
    readonly scopeMetrics: readonly {
      readonly metrics: readonly {
        readonly name: string;
        readonly unit: string;
        readonly sum?: { readonly isMonotonic: boolean; readonly dataPoints: readonly DataPoint[] };
        readonly gauge?: { readonly dataPoints: readonly DataPoint[] };
      }[];
    }[];
  }[];
}

/** A collector on loopback that answers `status`. */
async function collector(status = 200): Promise<{ server: Server; url: string; bodies: Exported[]; paths: string[] }> {
  const bodies: Exported[] = [];
  const paths: string[] = [];
  const server = createServer((request, response) => {
    let text = '';
    request.setEncoding('utf8').on('data', (part: string) => {
      text += part;
    });
    request.on('end', () => {
      bodies.push(JSON.parse(text));
      paths.push(request.url!);
      response.writeHead(status, { 'content-type': 'application/json' }).end('{}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, bodies, paths };
}

let host: Awaited<ReturnType<typeof busyHost>>;
beforeAll(async () => {
  host = await busyHost();
});
afterAll(() => host.close());

const read = () => ({ statistics: host.statistics(), depths: host.queueDepths() });

describe('an export', () => {
  it('has each sample of the catalogue, with its attributes', async () => {
    const { server, url, bodies, paths } = await collector();
    const exporting = await startOtlpExport({
      endpoint: url,
      read,
      info: () => ({ backend: 'engine' }),
      intervalMs: 60_000,
    });
    await exporting.close();
    server.close();
    expect(paths).toEqual(['/v1/metrics']);
    const [{ resource, scopeMetrics }] = bodies[0]!.resourceMetrics as [Exported['resourceMetrics'][number]];
    expect(resource.attributes).toContainEqual({ key: 'service.name', value: { stringValue: 'cpumap' } });
    const about = scopeMetrics[0]!.metrics.find(({ name }) => name === 'cpumap.info')!.gauge!.dataPoints;
    expect(about.map(({ attributes }) => attributes)).toEqual([[{ key: 'backend', value: { stringValue: 'engine' } }]]);
    const snapshot = read();
    const sent = new Map(scopeMetrics[0]!.metrics.map((metric) => [metric.name, metric]));
    for (const metric of METRICS) {
      const samples = metric.read(snapshot);
      const name = metric.name.replace('cpumap_', 'cpumap.').replace(/_total$/, '');
      const points = sent.get(name)?.sum?.dataPoints ?? sent.get(name)?.gauge?.dataPoints ?? [];
      if (samples.length > 0)
        expect(sent.get(name)?.sum?.isMonotonic ?? 'gauge').toBe(metric.kind === 'counter' || 'gauge');
      const plain = points.map(({ attributes, asDouble, asInt }) => ({
        labels: Object.fromEntries(attributes.map(({ key, value }) => [key, value.stringValue])),
        value: asDouble ?? asInt,
      }));
      expect(plain, metric.name).toEqual(samples);
    }
  });

  it('tells why it failed, and ends nevertheless', async () => {
    const { server, url } = await collector(400);
    const problems: string[] = [];
    const exporting = await startOtlpExport({
      endpoint: `${url}/v1/metrics`,
      read,
      info: () => ({}),
      intervalMs: 60_000,
      onProblem: (message) => problems.push(message),
    });
    await exporting.close();
    server.close();
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(`metrics did not reach ${url}/v1/metrics`);
  });
});

describe('endpoints', () => {
  it.each([
    ['http://localhost:4318', 'http://localhost:4318/v1/metrics'],
    ['https://collector.example/', 'https://collector.example/v1/metrics'],
    ['http://127.0.0.1:9090/api/v1/otlp/v1/metrics', 'http://127.0.0.1:9090/api/v1/otlp/v1/metrics'],
  ])('%s', (endpoint, url) => expect(otlpUrl(endpoint)).toBe(url));

  it.each(['localhost', 'ftp://localhost', ''])('refuses %j', (endpoint) => {
    expect(() => otlpUrl(endpoint)).toThrow(TypeError);
  });
});
