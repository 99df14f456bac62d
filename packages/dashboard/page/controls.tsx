/** What can be changed while it runs. Nothing is shown as done before the server says so. */
import { signal } from '@preact/signals';
import type { ControlState, Setup } from '../src/protocol.ts';
import { count, percent } from './format.ts';
import { control, refusal } from './state.ts';

/** What somebody writes, before it is sent: the page is drawn anew each second. */
const draft = signal<{ rate?: string; program?: string; qsize?: string; frame?: string }>({});

function Rate({ value }: { value: number | 'max' }) {
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        const text = draft.value.rate ?? String(value);
        void control('rate', text.trim() === 'max' ? 'max' : Number(text.replaceAll(/[,_\s]/g, '')));
        draft.value = { ...draft.value, rate: undefined };
      }}
    >
      <label for="rate">Rate, frames/s or max</label>
      <input
        id="rate"
        inputMode="numeric"
        value={draft.value.rate ?? (value === 'max' ? 'max' : count(value))}
        onInput={(event) => {
          draft.value = { ...draft.value, rate: event.currentTarget.value };
        }}
      />
      <button type="submit">Set</button>
    </form>
  );
}

/** With a button: arrow keys go through the list, and must not put each program that they pass in place. */
function Program({ program: { value, choices } }: { program: NonNullable<ControlState['program']> }) {
  const wanted = draft.value.program ?? value;
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        void control('program', wanted);
        draft.value = { ...draft.value, program: undefined };
      }}
    >
      <label for="program">Program</label>
      <select
        id="program"
        value={wanted}
        onChange={(event) => {
          draft.value = { ...draft.value, program: event.currentTarget.value };
        }}
      >
        {choices.map((choice) => (
          <option key={choice.value} value={choice.value}>
            {choice.value}
          </option>
        ))}
      </select>
      <button type="submit">Use</button>
      <span class="quiet">{choices.find((choice) => choice.value === wanted)?.text}</span>
    </form>
  );
}

function Qsize({ qsize: { value, min, max } }: { qsize: NonNullable<ControlState['qsize']> }) {
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        void control('qsize', Number(draft.value.qsize ?? value));
        draft.value = { ...draft.value, qsize: undefined };
      }}
    >
      <label for="qsize">Ring size, frames</label>
      <input
        id="qsize"
        type="number"
        min={min}
        max={max}
        value={draft.value.qsize ?? value}
        onInput={(event) => {
          draft.value = { ...draft.value, qsize: event.currentTarget.value };
        }}
      />
      <button type="submit">Replace entries</button>
    </form>
  );
}

function Replay({ frame, frames }: { frame: number; frames: number }) {
  const text = draft.value.frame ?? String(frame + 1);
  const at = Math.min(Math.max(Math.trunc(Number(text)) || 1, 1), frames) - 1;
  const write = (event: { currentTarget: HTMLInputElement }): void => {
    draft.value = { ...draft.value, frame: event.currentTarget.value };
  };
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        void control('position', at);
        draft.value = { ...draft.value, frame: undefined };
      }}
    >
      <label for="position">
        Replay, {percent((at + 1) / frames)} of {count(frames)} frames
      </label>
      <div class="replay">
        <input id="position" type="range" min={1} max={frames} value={at + 1} onInput={write} />
        <input type="number" aria-label="Frame to go on with" min={1} max={frames} value={text} onInput={write} />
      </div>
      <button type="submit">Go there</button>
    </form>
  );
}

function Cpus({ setup, note }: { setup: Setup; note: string | null }) {
  return (
    <fieldset class="cpus">
      <legend>Remote CPUs in use</legend>
      {setup.topology.remoteCpus.map(({ cpu, active }) => (
        <label key={cpu}>
          <input
            type="checkbox"
            checked={active}
            onClick={(event) => {
              event.preventDefault(); // the server decides
              void control('cpu', { cpu, active: !active });
            }}
          />
          CPU {cpu}
        </label>
      ))}
      {note !== null && <span class="quiet">{note}</span>}
    </fieldset>
  );
}

export function Controls({ setup }: { setup: Setup }) {
  const { controls, whyNoControls } = setup;
  return (
    <section aria-labelledby="controls">
      <h2 id="controls">Controls</h2>
      {controls === null ? (
        <p class="quiet" data-controls="none">
          Read only: {whyNoControls}.
        </p>
      ) : (
        <div class="controls">
          {controls.pause !== null && (
            <div class="field">
              <span>Frames</span>
              <button
                type="button"
                aria-pressed={controls.pause.paused}
                onClick={() => void control('paused', !controls.pause?.paused)}
              >
                {controls.pause.paused ? 'Resume' : 'Pause'}
              </button>
            </div>
          )}
          {controls.rate !== null && <Rate value={controls.rate.value} />}
          {controls.replay !== null && <Replay {...controls.replay} />}
          {controls.program !== null && <Program program={controls.program} />}
          {controls.qsize !== null && <Qsize qsize={controls.qsize} />}
          {controls.cpus !== null && <Cpus setup={setup} note={controls.cpus.note} />}
        </div>
      )}
      <p class="refusal" role="alert">
        {refusal.value !== undefined && `Refused: ${refusal.value}.`}
      </p>
    </section>
  );
}
