/** Loads that go up and down: what part of the peak is offered at which part of the run, and the frames of it. */
import type { FrameSource } from '@cpumap/nic';
import { randomFrom } from '../random.ts';
import { labelledFrames, plainFrame, type Random } from '../traffic/labelled-flows.ts';

/** At `x`, 0 at the start and below 1 at the end: a number above 0, 1 at the peak. */
type Curve = (x: number) => number;

const NIGHT = 0.1;
const QUIET = 0.15;
const SPIKE = { from: 0.4, to: 0.6 };

export const LOADS = {
  /** A day in which the night is quiet. */
  daily: (x) => NIGHT + (1 - NIGHT) * ((1 - Math.cos(2 * Math.PI * x)) / 2) ** 1.5,
  /** From little to everything and back, at once. */
  spike: (x) => (x >= SPIKE.from && x < SPIKE.to ? 1 : QUIET),
  /** Slowly up, slowly down. */
  ramp: (x) => NIGHT + (1 - NIGHT) * (1 - Math.abs(2 * x - 1)),
} as const satisfies Record<string, Curve>;

export type LoadName = keyof typeof LOADS;

export const FLOWS = 128;
/** Frames of each flow before its numbers begin again: more than a flow loses while a busy machine takes a thread's processor away. */
export const CYCLE = 4096;
/** Flows that send at a time, and the most frames of each before it pauses and another one begins. */
const TALKING = 32;
const LONGEST_TALK = 200;
/** Points between which a load counts as constant. */
const STEPS = 1000;

/** Frames in each of the equal steps of a load. */
function framesBySteps(load: LoadName, peak: number, seconds: number): number[] {
  let exact = 0;
  let whole = 0;
  return Array.from({ length: STEPS }, (_, step) => {
    exact += (LOADS[load]((step + 0.5) / STEPS) * peak * seconds) / STEPS;
    const frames = Math.round(exact) - whole;
    whole += frames;
    return frames;
  });
}

/** Frames that a load offers in all. */
export const framesOfLoad = (load: LoadName, peak: number, seconds: number): number =>
  framesBySteps(load, peak, seconds).reduce((sum, frames) => sum + frames, 0);

/** Whose turn it is, endlessly: of the flows that talk each time another one; who has said all that it had to say pauses. */
export function createTalk(random: Random): () => number {
  const pausing = Array.from({ length: FLOWS }, (_, flow) => flow);
  const begin = (): { flow: number; left: number } => {
    const which = random(pausing.length);
    const flow = pausing[which]!;
    pausing[which] = pausing.at(-1)!;
    pausing.pop();
    return { flow, left: 1 + random(LONGEST_TALK) };
  };
  const talking = Array.from({ length: TALKING }, begin);
  return () => {
    const which = random(TALKING);
    const one = talking[which]!;
    if (--one.left === 0) {
      talking[which] = begin();
      pausing.push(one.flow);
    }
    return one.flow;
  };
}

/** The load once: plain UDP flows that talk and pause. */
export function loadSource(load: LoadName, peak: number, seconds: number, seed: number): FrameSource {
  const random = randomFrom(seed);
  const steps = framesBySteps(load, peak, seconds);
  const count = steps.reduce((sum, frames) => sum + frames, 0);
  const order = new Uint32Array(count);
  const dueNs = new Float64Array(count);
  const sent = new Uint32Array(FLOWS);
  const talk = createTalk(random);
  const stepNs = (seconds * 1e9) / STEPS;
  let at = 0;
  for (const [step, frames] of steps.entries()) {
    for (let n = 0; n < frames; n++, at++) {
      const flow = talk();
      order[at] = flow * CYCLE + (sent[flow]!++ % CYCLE);
      dueNs[at] = (step + n / frames) * stepNs;
    }
  }
  return {
    frames: labelledFrames(FLOWS, CYCLE, (flow) => plainFrame(flow, random)),
    order,
    dueNs,
    cycleNs: seconds * 1e9,
    count,
  };
}

/** `count` frames of the same flows, as fast as they are taken. */
export function fullSource(count: number, seed: number): FrameSource {
  const { frames } = loadSource('ramp', 1, 1, seed);
  const order = Uint32Array.from(frames, (_, at) => (at % FLOWS) * CYCLE + Math.floor(at / FLOWS));
  return { frames, order, count };
}
