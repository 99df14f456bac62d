/** What is running, whether the numbers are fresh, and light or dark. */
import type { Setup } from '../src/protocol.ts';
import { connection } from './state.ts';
import { choose, type Theme, theme } from './theme.ts';

const THEMES: readonly { readonly value: Theme; readonly text: string }[] = [
  { value: 'auto', text: 'System' },
  { value: 'light', text: 'Light' },
  { value: 'dark', text: 'Dark' },
];

function status({ finished, input }: Setup): { text: string; kind: string } {
  if (finished !== null) return { text: finished, kind: 'over' };
  if (connection.value === 'lost') return { text: 'connection lost, trying again', kind: 'lost' };
  if (input === 'paused') return { text: 'paused', kind: 'over' };
  if (input === 'ended') return { text: 'all frames were sent', kind: 'over' };
  return { text: 'live', kind: 'live' };
}

export function Headline({ setup }: { setup: Setup }) {
  const { topology } = setup;
  const { text, kind } = status(setup);
  return (
    <header>
      <div>
        <h1>
          {topology.device} <span class="arrow">→</span> {topology.program}
        </h1>
        <p class="quiet">
          {topology.backend === 'engine' ? 'engine' : 'running kernel'}, Linux {topology.release}
          {topology.backend === 'engine' && ' behaviour'} · {topology.input}
          {topology.remoteProgram !== null && ` · second program: ${topology.remoteProgram}`}
        </p>
      </div>
      <div class="corner">
        <span class={`status ${kind}`} role="status" data-status={kind}>
          {text}
        </span>
        <label class="theme">
          <span class="unseen">Colours</span>
          <select value={theme.value} onChange={(event) => choose(event.currentTarget.value as Theme)}>
            {THEMES.map(({ value, text }) => (
              <option key={value} value={value}>
                {text}
              </option>
            ))}
          </select>
        </label>
      </div>
    </header>
  );
}
