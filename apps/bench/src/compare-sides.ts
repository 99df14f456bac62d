/** Engine and kernel in turn (A B A B): on a noisy machine the ratio of neighbours is what counts. */
import { engineSide } from './engine-side.ts';
import { kernelSide } from './kernel/kernel-side.ts';
import type { PathSpec, Round } from './redirect-path.ts';
import { spreadOf } from './stats.ts';
import type { Figure, Measured, Plot, PlotSeries, SuiteOptions } from './suite.ts';
import { xdpToolsRate } from './xdp-tools.ts';

/** The kernel's frames cost more, so a round of it has fewer. */
const KERNEL_SHARE = 0.4;

const takenRate = ({ taken, seconds }: Round): number => taken / seconds / 1e6;

/** Frames taken over per second by the remote CPU, and received, of both. */
export async function compareSides(
  { name, title }: Pick<Plot, 'name' | 'title'>,
  path: PathSpec,
  { smoke, frames = smoke ? 100_000 : 10_000_000, rounds = smoke ? 2 : 11 }: SuiteOptions,
): Promise<Measured> {
  const engine = await engineSide(path);
  const kernel = await kernelSide(path);
  const linux = typeof kernel === 'string' ? undefined : kernel;
  const taken: number[] = [];
  const received: number[] = [];
  const theirs: number[] = [];
  const ratios: number[] = [];
  try {
    const theirFrames = Math.ceil(frames * KERNEL_SHARE);
    await engine.round(frames); // warm-up
    await linux?.round(theirFrames);
    for (let i = 0; i < rounds; i++) {
      const ours = await engine.round(frames);
      taken.push(takenRate(ours));
      received.push(ours.frames / ours.seconds / 1e6);
      if (linux === undefined) continue;
      theirs.push(takenRate(await linux.round(theirFrames)));
      ratios.push(taken.at(-1)! / theirs.at(-1)!);
    }
  } finally {
    await engine.close();
    await linux?.close();
  }
  const rate = (figure: string, values: readonly number[]): Figure => ({
    name: figure,
    unit: 'M frames/s',
    ...spreadOf(values),
  });
  const figures = [rate('received', received), rate('taken over', taken)];
  if (linux !== undefined) {
    figures.push(rate('  the kernel', theirs));
    figures.push({ name: '  ratio', unit: 'engine / kernel', ...spreadOf(ratios) });
  }
  const points = (x: string, values: readonly number[]): PlotSeries['points'] => [{ x, ...spreadOf(values) }];
  const plot: Plot = {
    name,
    title,
    kind: 'bars',
    xName: `${path.mode}, ${path.remote === 'drop' ? 'second program drops' : 'delivered'}`,
    unit: 'M frames/s',
    series: [
      { name: 'engine', points: [...points('taken over', taken), ...points('received', received)] },
      ...(linux === undefined ? [] : [{ name: 'kernel', points: points('taken over', theirs) }]),
    ],
  };
  const skipped: string[] = [];
  if (typeof kernel === 'string') skipped.push(`the kernel: ${kernel}`);
  else {
    const tools = await xdpToolsRate(path, smoke ? 1 : 5);
    if (typeof tools === 'string') skipped.push(`xdp-bench with xdp-trafficgen: ${tools}`);
    else figures.push(rate('xdp-bench', [tools]));
  }
  return { figures, plots: [plot], skipped };
}
