/**
 * The largest flows of each CPU, from samples: switched on by a person, summed up in windows, so that what is shown is what
 * happened lately. What is kept has bounds.
 *
 * The distance of samples is a prime: traffic that takes its flows in turn, as generators do, would otherwise show the same
 * few of them again and again.
 */
import type { FlowReport, SamplerState, Topology } from '../protocol.ts';
import { ControlRefused, type FlowSampler } from '../source.ts';
import { type CountedFlow, conclude } from './conclude.ts';
import { readPacket } from './read-packet.ts';
import { flowText, type Steering, steeringOf } from './steering-words.ts';

export interface FlowWatch {
  state(): SamplerState;
  /** `false` for off, or N for about every Nth frame. @throws ControlRefused */
  set(value: unknown): Promise<void>;
  /** Takes what was sampled. */
  gather(): void;
  report(cpu: number, role: 'rx' | 'remote', topology: Topology): FlowReport;
  close(): Promise<void>;
}

interface Window {
  readonly began: number;
  readonly frames: { readonly cpu: number; readonly to: number | undefined; readonly bytes: Uint8Array }[];
  lost: number;
}

const EVERY_DEFAULT = 997;
const EVERY_MOST = 1_000_000;
/** Samples that are looked at; a report is made of those of the last seconds. */
const MOST_SAMPLES = 20_000;
const WINDOW_MS = 10_000;
const SHOWN = 12;

/** The smallest prime from `n` on; 1 for 1, which is every frame. */
export function primeFrom(n: number): number {
  if (n <= 2) return n;
  for (let candidate = n; ; candidate++) {
    let divisor = 2;
    while (divisor * divisor <= candidate && candidate % divisor !== 0) divisor++;
    if (divisor * divisor > candidate) return candidate;
  }
}

export function createFlowWatch(sampler: FlowSampler): FlowWatch {
  let on = false;
  let every = EVERY_DEFAULT;
  let windows: Window[] = [];
  let last = 0; // when samples were taken before

  function gather(): void {
    if (!on) return;
    const now = Date.now();
    const { frames, lost } = sampler.read();
    windows.push({ began: last, frames: frames.slice(-MOST_SAMPLES), lost });
    last = now;
    windows = windows.filter(({ began }) => began > now - WINDOW_MS);
    for (let kept = 0, at = windows.length - 1; at >= 0; at--) {
      kept += windows[at]!.frames.length;
      if (kept > MOST_SAMPLES) windows = windows.slice(at + 1);
    }
  }

  function countFlows(of: readonly Window['frames'][number][], steering: Steering): CountedFlow[] {
    const flows = new Map<string, CountedFlow>();
    for (const { bytes } of of) {
      const packet = readPacket(bytes);
      const flow = packet === undefined ? 'too short for Ethernet' : flowText(packet);
      const encapsulation = packet?.encapsulation.join(', ') ?? '';
      const id = `${encapsulation}|${flow}`;
      const known = flows.get(id);
      if (known === undefined) {
        flows.set(id, { flow, encapsulation, key: steering.key(bytes), samples: 1 });
      } else known.samples++;
    }
    return [...flows.values()].sort((a, b) => b.samples - a.samples);
  }

  return {
    state: () => ({ on, every, cost: sampler.cost }),
    async set(value) {
      if (value === false) {
        on = false;
        await sampler.stop();
        return;
      }
      if (!(typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= EVERY_MOST)) {
        throw new ControlRefused(
          400,
          `sampling takes false, or a whole number from 1 to ${EVERY_MOST}: every Nth frame`,
        );
      }
      if (on) await sampler.stop();
      windows = [];
      last = Date.now();
      every = primeFrom(value);
      await sampler.start(every);
      on = true;
    },
    gather,
    report(cpu, role, { program }) {
      gather();
      const all = windows.flatMap(({ frames }) => frames);
      const own = all.filter((frame) => (role === 'rx' ? frame.cpu : frame.to) === cpu);
      const steering = steeringOf(program);
      const flows = countFlows(own, steering);
      const began = windows[0]?.began ?? Date.now();
      return {
        cpu,
        role,
        samples: own.length,
        share: all.length === 0 ? 0 : own.length / all.length,
        lost: windows.reduce((sum, { lost }) => sum + lost, 0),
        seconds: (Date.now() - began) / 1000,
        flows: flows.slice(0, SHOWN).map(({ key, ...flow }) => ({
          ...flow,
          steeredBy: key,
          share: flow.samples / own.length,
        })),
        flowCount: flows.length,
        steering: steering.words,
        conclusions: conclude({
          cpu,
          role,
          on,
          flows,
          samples: own.length,
          all: all.length,
          program,
          hashes: steering.hashes,
        }),
      };
    },
    async close() {
      if (!on) return;
      on = false;
      await sampler.stop();
    },
  };
}
