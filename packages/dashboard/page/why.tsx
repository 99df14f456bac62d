/** Why a CPU is hot: its state in words, its largest flows, and what the program looked at to choose it. */
import { signal } from '@preact/signals';
import type { FlowReport, Setup } from '../src/protocol.ts';
import { count, percent } from './format.ts';
import { asked, report, sample, tick } from './state.ts';

/** What somebody wrote, before it is sent. */
const draft = signal<string | undefined>(undefined);

function Sampling({ setup: { sampler, whyNoSampler } }: { setup: Setup }) {
  if (sampler === null) return <p class="quiet">Frames are not sampled: {whyNoSampler}.</p>;
  const every = sampler.on ? String(sampler.every) : (draft.value ?? String(sampler.every));
  return (
    <div class="sampling">
      <label>
        Look at about every{' '}
        <input
          type="number"
          min={1}
          max={1_000_000}
          value={every}
          disabled={sampler.on}
          onInput={(event) => {
            draft.value = event.currentTarget.value;
          }}
        />
        <span>th frame that an RX CPU redirects</span>
      </label>
      <button
        type="button"
        class="sampler"
        aria-pressed={sampler.on}
        onClick={() => void sample(sampler.on ? false : Number(every))}
      >
        {sampler.on ? 'Stop sampling' : 'Start sampling'}
      </button>
      <span class="quiet">{sampler.cost}</span>
    </div>
  );
}

function Flows({ flows: { flows, flowCount, samples, steering, conclusions, seconds, lost } }: { flows: FlowReport }) {
  return (
    <>
      <ul class="conclusions">
        {conclusions.map((line) => (
          <li key={line}>{line}</li>
        ))}
      </ul>
      <p class="quiet">The program's choice: {steering}.</p>
      {flows.length > 0 && (
        /* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls sideways must be reachable by keyboard */
        <section class="scroll" tabIndex={0} aria-label="Largest flows">
          <table class="flows">
            <thead>
              <tr>
                <th scope="col" class="number">
                  share
                </th>
                <th scope="col">flow</th>
                <th scope="col">inside</th>
                <th scope="col">what the program saw of it</th>
              </tr>
            </thead>
            <tbody>
              {flows.map((flow) => (
                <tr key={`${flow.encapsulation} ${flow.flow}`}>
                  <td class="number">
                    <meter min={0} max={1} value={flow.share} aria-hidden="true" /> {percent(flow.share)}
                  </td>
                  <td>{flow.flow}</td>
                  <td>{flow.encapsulation || '–'}</td>
                  <td>{flow.steeredBy}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      )}
      <p class="quiet small-print">
        {count(samples)} samples of the last {Math.max(Math.round(seconds), 1)} s
        {flowCount > flows.length && `, the largest ${flows.length} of ${count(flowCount)} flows`}
        {lost > 0 && `; ${count(lost)} samples were lost`}.
      </p>
    </>
  );
}

export function Why({ setup }: { setup: Setup }) {
  const about = asked.value;
  const cpu = about && tick.value?.point.cpus.find((each) => each.cpu === about.cpu);
  return (
    <section aria-labelledby="why" class="why">
      <h2 id="why">{about === undefined ? 'Why is a CPU hot?' : `Why is CPU ${about.cpu} hot?`}</h2>
      <div aria-live="polite">
        {cpu === undefined ? (
          <p class="quiet">Ask about a CPU in the table.</p>
        ) : (
          <p>
            <span class={`level ${cpu.level}`}>{cpu.level}</span> CPU {cpu.cpu}: {cpu.reason}.
          </p>
        )}
      </div>
      <Sampling setup={setup} />
      {(setup.sampler?.on || setup.finished !== null) && report.value !== undefined && <Flows flows={report.value} />}
    </section>
  );
}
