/** What the page knows: what the server told it, and what to show of it. */
import { signal } from '@preact/signals';
import type { FlowReport, PastPoint, Setup, Tick } from '../src/protocol.ts';

export const setup = signal<Setup | undefined>(undefined);
export const tick = signal<Tick | undefined>(undefined);
export const history = signal<readonly PastPoint[]>([]);
export const connection = signal<'connecting' | 'open' | 'lost'>('connecting');
/** The CPU that somebody asks about. */
export const asked = signal<{ readonly cpu: number; readonly role: 'rx' | 'remote' } | undefined>(undefined);
export const report = signal<FlowReport | undefined>(undefined);
/** What the server said to the last thing that was tried, when it said no. */
export const refusal = signal<string | undefined>(undefined);

/** As the server keeps them. */
const POINTS = 600;
const HEADERS = { 'content-type': 'application/json', 'x-cpumap-dashboard': '1' };

const parse = <T>(event: MessageEvent<string>): T => JSON.parse(event.data) as T;

async function fetchHistory(): Promise<void> {
  const response = await fetch('api/history');
  if (!response.ok) return;
  const past = (await response.json()) as PastPoint[];
  const latest = past.at(-1)?.at ?? 0;
  history.value = [...past, ...history.value.filter(({ at }) => at > latest)].slice(-POINTS);
}

/** Listens until the run has ended; the browser itself connects again when the connection breaks. */
export function listen(): void {
  const events = new EventSource('api/events');
  events.addEventListener('open', () => {
    connection.value = 'open';
    void fetchHistory();
  });
  events.addEventListener('error', () => {
    connection.value = 'lost';
    if (setup.value?.finished !== null && setup.value !== undefined) events.close();
  });
  events.addEventListener('setup', (event) => {
    setup.value = parse<Setup>(event);
  });
  events.addEventListener('tick', (event) => {
    const next = parse<Tick>(event);
    if (history.value.at(-1)?.at !== next.point.at && tick.value !== undefined) {
      history.value = [...history.value, next.point].slice(-POINTS);
    }
    tick.value = next;
    if (asked.value !== undefined && setup.value?.sampler?.on) void ask(asked.value);
  });
}

async function post(path: string, value: unknown): Promise<void> {
  refusal.value = undefined;
  try {
    const response = await fetch(path, { method: 'POST', headers: HEADERS, body: JSON.stringify({ value }) });
    if (!response.ok) refusal.value = ((await response.json()) as { error: string }).error;
  } catch {
    refusal.value = 'the command does not answer';
  }
}

export const control = (name: string, value: unknown): Promise<void> => post(`api/controls/${name}`, value);

export async function sample(value: number | false): Promise<void> {
  await post('api/sampler', value);
  if (asked.value !== undefined) await ask(asked.value);
}

/** Asks why a CPU is hot. */
export async function ask(about: { readonly cpu: number; readonly role: 'rx' | 'remote' }): Promise<void> {
  if (asked.value?.cpu !== about.cpu || asked.value.role !== about.role) report.value = undefined;
  asked.value = about;
  if (setup.value?.sampler == null) return;
  try {
    const response = await fetch(`api/flows/${about.cpu}?role=${about.role}`);
    if (response.ok) report.value = (await response.json()) as FlowReport;
  } catch {
    // the connection's state says it
  }
}
