/** What can be changed while it runs. Nothing is shown as done before the server says so. */
import { signal } from '@preact/signals';
import type { ControlState, Setup } from '../src/protocol.ts';
import { count, percent } from './format.ts';
import { control, refusal } from './state.ts';

const draft = signal<{ rate?: string; qsize?: string; frame?: number }>({});

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

function Program({ program: { value, choices } }: { program: NonNullable<ControlState['program']> }) {
  const chosen = choices.find((choice) => choice.value === value);
  return (
    <div class="field">
      <label for="program">Program</label>
      <select id="program" value={value} onChange={(event) => void control('program', event.currentTarget.value)}>
        {choices.map((choice) => (
          <option key={choice.value} value={choice.value}>
            {choice.value}
          </option>
        ))}
      </select>
      <span class="quiet">{chosen?.text}</span>
    </div>
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
  const at = draft.value.frame ?? frame;
  const move = (to: number): void => {
    draft.value = { ...draft.value, frame: Math.min(Math.max(Math.trunc(to) || 0, 0), frames - 1) };
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
        <input
          id="position"
          type="range"
          min={0}
          max={frames - 1}
          value={at}
          onInput={(event) => move(Number(event.currentTarget.value))}
        />
        <input
          type="number"
          aria-label="Frame to go on with"
          min={1}
          max={frames}
          value={at + 1}
          onChange={(event) => move(Number(event.currentTarget.value) - 1)}
        />
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
