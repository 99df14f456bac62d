/** The whole page, from top to bottom. */
import { Controls } from './controls.tsx';
import { CpuTable } from './cpu-table.tsx';
import { FlowPicture } from './flow-picture.tsx';
import { Headline } from './headline.tsx';
import { Overview } from './overview.tsx';
import { Plots } from './plots.tsx';
import { setup, tick } from './state.ts';
import { Totals } from './totals.tsx';
import { Why } from './why.tsx';

export function App() {
  if (setup.value === undefined || tick.value === undefined) return <p class="waiting">Waiting for the command…</p>;
  return (
    <>
      <Headline setup={setup.value} />
      <main>
        <Overview tick={tick.value} />
        <FlowPicture topology={setup.value.topology} point={tick.value.point} />
        <CpuTable topology={setup.value.topology} tick={tick.value} />
        <Why setup={setup.value} />
        <Controls setup={setup.value} />
        <Plots topology={setup.value.topology} />
        <Totals totals={tick.value.totals} />
      </main>
    </>
  );
}
