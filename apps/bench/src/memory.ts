/**
 * memory: what packets cost in JavaScript heap and garbage collections. The frames of `deliver` run in a process of their
 * own that reports each collection of each thread; those between the warm-up and the end are the packets'.
 */
import { spawn } from 'node:child_process';
import { createDeliverBench } from './deliver.ts';
import type { Suite } from './suite.ts';

const MARK = 'cpumap-bench:measuring';
const GC_LINE = /ms: (Scavenge|Mark-Compact)/;

/** What the child process does, started by `memory` through the hidden command `memory-child`. */
export async function memoryChild(frames: number): Promise<void> {
  const bench = await createDeliverBench();
  await bench.round(frames);
  const before = process.memoryUsage();
  process.stdout.write(`${MARK}\n`);
  for (let i = 0; i < 4; i++) await bench.round(frames / 4);
  const after = process.memoryUsage();
  process.stdout.write(
    `\n${MARK} ${JSON.stringify({ heap: after.heapUsed - before.heapUsed, rss: after.rss - before.rss })}\n`,
  );
  await bench.host.close();
}

export const memory: Suite = {
  name: 'memory',
  what: 'heap growth and garbage collections while the frames of `deliver` pass',
  async run({ smoke, frames = smoke ? 100_000 : 100_000_000 }) {
    const script = new URL('./cli.js', import.meta.url).pathname;
    const child = spawn(process.execPath, ['--trace-gc', script, 'memory-child', String(frames)]);
    let output = '';
    child.stdout.on('data', (chunk) => {
      output += chunk;
    });
    child.stderr.pipe(process.stderr);
    const code = await new Promise((resolve) => child.once('close', resolve));
    const [, during, end] = output.split(MARK);
    if (code !== 0 || during === undefined || end === undefined)
      throw new Error(`the measured process failed: ${output}`);
    const { heap, rss } = JSON.parse(end.slice(0, end.indexOf('}') + 1)) as { heap: number; rss: number };
    const collections = during.split('\n').filter((line) => GC_LINE.test(line)).length;
    const once = (name: string, unit: string, value: number) => ({ name, unit, min: value, median: value, max: value });
    return [
      once('frames', 'M', frames / 1e6),
      once('collections', 'of all threads', collections),
      once('heap growth', 'MB', heap / 1e6),
      once('resident growth', 'MB', rss / 1e6),
    ];
  },
};
