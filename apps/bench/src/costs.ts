/** costs: the cost set `this-machine`, which virtual machines and the tables of CPU time by stage take their figures from. */
import { type CostSet, measureCosts, STAGES } from '@cpumap/host';
import { spreadOf } from './stats.ts';
import type { Suite } from './suite.ts';

export const costs: Suite = {
  name: 'costs',
  what: 'the cost set this-machine: nanoseconds of each stage of a frame, of a turn and of a wake-up',
  async run({ smoke, frames = smoke ? 50_000 : 1_500_000, rounds = smoke ? 2 : 5 }) {
    const sets: CostSet[] = [];
    for (let i = 0; i < rounds; i++) sets.push(await measureCosts({ frames, rounds: 3 }));
    const figure = (name: string, values: readonly number[]) => ({ name, unit: 'ns', ...spreadOf(values) });
    return {
      figures: [
        ...STAGES.map((stage) =>
          figure(
            stage,
            sets.map(({ ns }) => ns[stage]),
          ),
        ),
        figure(
          'turn',
          sets.map(({ turn }) => turn),
        ),
        figure(
          'wake latency',
          sets.map(({ wakeLatency }) => wakeLatency),
        ),
      ],
    };
  },
};
