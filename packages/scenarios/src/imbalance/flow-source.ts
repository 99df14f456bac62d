/** Flows in bursts of one to eight frames, as a source: one cycle in which each flow sends the same number of frames. */
import type { FrameSource } from '@cpumap/nic';
import { randomFrom } from '../random.ts';
import { type Encapsulation, flowFrame, writeLabel } from './encapsulations.ts';

/** Frames of each flow in a cycle. */
export const CYCLE = 64;
const LONGEST_BURST = 8;

export interface FlowTraffic {
  /** The first `count` frames at `rate` frames per second; Infinity is as fast as they are taken. */
  source(count: number, rate: number): FrameSource;
}

export function createFlowTraffic(encapsulation: Encapsulation, flows: number, seed: number): FlowTraffic {
  const random = randomFrom(seed);
  const frames: Uint8Array[] = [];
  for (let flow = 0; flow < flows; flow++) {
    const first = flowFrame(encapsulation, flow, random);
    for (let number = 0; number < CYCLE; number++) {
      const frame = first.slice();
      writeLabel(frame, flow, number);
      frames.push(frame);
    }
  }
  const sent = new Uint32Array(flows);
  const unfinished = Array.from({ length: flows }, (_, flow) => flow);
  const order = new Uint32Array(flows * CYCLE);
  for (let at = 0; at < order.length; ) {
    const which = random(unfinished.length);
    const flow = unfinished[which]!;
    for (let n = 1 + random(LONGEST_BURST); n > 0 && sent[flow]! < CYCLE; n--) order[at++] = flow * CYCLE + sent[flow]!++;
    if (sent[flow] === CYCLE) {
      unfinished[which] = unfinished.at(-1)!;
      unfinished.pop();
    }
  }
  return {
    source(count, rate) {
      if (rate === Number.POSITIVE_INFINITY) return { frames, order, count };
      const gap = 1e9 / rate;
      return { frames, order, count, dueNs: Float64Array.from(order, (_, at) => at * gap), cycleNs: order.length * gap };
    },
  };
}
