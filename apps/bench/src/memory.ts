/**
 * memory: what packets cost in JavaScript heap and garbage collections. The frames of `deliver` run in a process of their
 * own that reports each collection of each thread; those between the warm-up and the end are the packets'.
 */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { engineSide } from './engine-side.ts';
import type { Suite } from './suite.ts';

export const MEMORY_CHILD = 'memory-child';
const MARK = 'cpumap-bench:measuring';
/** A line of --trace-gc: process and isolate, time, kind. */
const GC_LINE = /^\[\d+:(0x[0-9a-f]+)\].*ms: (?:Scavenge|Mark-Compact)/;
const ROUNDS = 4;

/** The isolates that collected, one for each collection, in order. */
function collectors(output: string): string[] {
  return output.split('\n').flatMap((line) => GC_LINE.exec(line)?.[1] ?? []);
}

/** What the child process does, started by `memory` through the hidden command `memory-child`. */
export async function memoryChild(frames: number): Promise<void> {
  // litter first, so that the first isolate to collect is this thread's
  if (Array.from({ length: 500_000 }, (_, i) => ({ i })).length === 0) throw new Error('nothing was allocated');
  const bench = await engineSide({ mode: 'no-touch', remote: 'stack', flows: 1, qsize: 2048 });
  await bench.round(frames / ROUNDS);
  globalThis.gc?.();
  const before = process.memoryUsage();
  process.stdout.write(`${MARK}\n`);
  for (let i = 0; i < ROUNDS; i++) await bench.round(frames / ROUNDS);
  process.stdout.write(`\n${MARK}\n`);
  globalThis.gc?.();
  const after = process.memoryUsage();
  process.stdout.write(`${JSON.stringify({ heap: after.heapUsed - before.heapUsed, rss: after.rss - before.rss })}\n`);
  await bench.close();
}

export const memory: Suite = {
  name: 'memory',
  what: 'heap growth and garbage collections while the frames of `deliver` pass',
  async run({ smoke, frames = smoke ? 100_000 : 100_000_000 }) {
    const script = fileURLToPath(new URL('./cli.js', import.meta.url));
    const child = spawn(process.execPath, ['--trace-gc', '--expose-gc', script, MEMORY_CHILD, String(frames)]);
    let output = '';
    child.stdout.on('data', (chunk) => {
      output += chunk;
    });
    child.stderr.pipe(process.stderr);
    const code = await new Promise((resolve) => child.once('close', resolve));
    const [before = '', during = '', end] = output.split(MARK);
    if (code !== 0 || end === undefined) throw new Error(`the measured process failed: ${output}`);
    const { heap, rss } = JSON.parse(end.slice(end.indexOf('{'), end.indexOf('}') + 1)) as {
      heap: number;
      rss: number;
    };
    const [host] = collectors(before);
    const collections = collectors(during);
    const byHost = collections.filter((isolate) => isolate === host).length;
    const once = (name: string, unit: string, value: number) => ({ name, unit, min: value, median: value, max: value });
    return {
      figures: [
        once('frames', 'M', frames / 1e6),
        once('collections', 'on the CPUs', collections.length - byHost),
        once('collections', 'on the host thread, which polls for the end', byHost),
        once('heap growth', 'MB', heap / 1e6),
        once('resident growth', 'MB', rss / 1e6),
      ],
    };
  },
};
