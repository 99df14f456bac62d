/** A run's counters at /metrics and at a collector are those of its summary. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import { runCommand, start, summaryOf } from './support/command.ts';

const RUN = ['--pktgen', 'rate=200k,flows=16', '--cpu', '1', '--cpu', '2', '--program-mode', 'l4-hash', '--json'];

it('/metrics has what the table counts, and grows', async () => {
  const run = start([...RUN, '--web', '0', '--duration', '20', '--sec', '0.2']);
  const printed = await run.printed('"type":"interval"');
  const { web } = JSON.parse(printed.split('\n')[0]!) as { web: string };
  const scrape = async (): Promise<{ type: string | null; packets: number; text: string }> => {
    const response = await fetch(new URL('/metrics', web));
    const text = await response.text();
    const packets = Number(/^cpumap_rx_packets_total\{device="nic0"\} (\d+)$/m.exec(text)![1]);
    return { type: response.headers.get('content-type'), packets, text };
  };
  const first = await scrape();
  expect(first.type).toContain('text/plain; version=0.0.4');
  expect(first.text).toContain('cpumap_info{backend="engine",release="6.18",program="lb_hash_ip_pairs"} 1');
  expect(first.text).toMatch(/^cpumap_enqueue_frames_total\{from_cpu="0",to_cpu="2"\} [1-9]\d*$/m);
  let second = first;
  while (second.packets === first.packets) second = await scrape(); // or the test's time is over
  const changed = await fetch(new URL('/api/controls/program', web), {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-cpumap-dashboard': '1' },
    body: JSON.stringify({ value: 'round-robin' }),
  });
  expect(changed.status).toBe(200);
  expect((await scrape()).text).toContain('program="round_robin"');
  run.child.kill('SIGINT');
  const finished = await run.finished;
  expect(finished.code).toBe(0);
  expect(summaryOf(finished).rx.packets).toBeGreaterThanOrEqual(second.packets);
});

it('--otlp sends the last counters when the run ends', async () => {
  const bodies: string[] = [];
  const server = createServer((request, response) => {
    let text = '';
    request.setEncoding('utf8').on('data', (part: string) => {
      text += part;
    });
    request.on('end', () => {
      bodies.push(text);
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const finished = await runCommand([...RUN, '--count', '5000', '--otlp', `http://127.0.0.1:${port}`]);
  server.close();
  expect(finished.code).toBe(0);
  const last = JSON.parse(bodies.at(-1)!);
  const metrics: { name: string; sum?: { dataPoints: { asDouble: number }[] } }[] =
    last.resourceMetrics[0].scopeMetrics[0].metrics;
  const sum = (name: string): number =>
    metrics
      .find((metric) => metric.name === name)!
      .sum!.dataPoints.reduce((total, { asDouble }) => total + asDouble, 0);
  const summary = summaryOf(finished);
  expect(sum('cpumap.rx_packets')).toBe(summary.rx.packets);
  expect(sum('cpumap.kthread_frames')).toBe(summary.kthread.reduce((total, { processed }) => total + processed, 0));
});

it('a collector that does not answer is told of, and changes nothing else', async () => {
  const finished = await runCommand([...RUN, '--count', '1000', '--otlp', 'http://127.0.0.1:9']);
  expect(finished.code).toBe(0);
  expect(finished.stderr).toContain('--otlp: metrics did not reach http://127.0.0.1:9/v1/metrics');
  expect(summaryOf(finished).ledger.balanced).toBe(true);
});

it.each(['localhost:4318', 'ftp://localhost', ''])('refuses --otlp %j', async (url) => {
  const { code, stderr } = await runCommand([...RUN, '--otlp', url]);
  expect(code).toBe(2);
  expect(stderr).toContain('Give an http URL');
});
