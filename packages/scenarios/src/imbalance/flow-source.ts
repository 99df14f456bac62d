/**
 * Flows in bursts of one or two frames, as a source. In each round all flows have a turn, in another order each time; so
 * also where most frames are missed, something of each flow arrives in each cycle.
 */
import { type FrameSource, pacedSource } from '@cpumap/nic';
import { randomFrom } from '../random.ts';
import { labelledFrames, plainFrame, type Random } from '../traffic/labelled-flows.ts';
import type { Encapsulation } from './encapsulations.ts';

/** Frames in a cycle, of all flows together: the more, the later numbers begin again. */
const CYCLE_FRAMES = 131_072;
const LONGEST_BURST = 2;

function shuffle(list: number[], random: Random): void {
  for (let at = list.length - 1; at > 0; at--) {
    const other = random(at + 1);
    [list[at], list[other]] = [list[other]!, list[at]!];
  }
}

export interface FlowTraffic {
  /** Frames of each flow in a cycle. */
  readonly cycle: number;
  /** The first `count` frames at `rate` frames per second; Infinity is as fast as they are taken. */
  source(count: number, rate: number): FrameSource;
}

export function createFlowTraffic(encapsulation: Encapsulation, flows: number, seed: number): FlowTraffic {
  const random = randomFrom(seed);
  const cycle = Math.floor(CYCLE_FRAMES / flows);
  const frames = labelledFrames(flows, cycle, (flow) => {
    const inner = plainFrame(flow, random);
    return encapsulation.wrap({ flow, id: random(0x1_0000), inner });
  });
  const order = new Uint32Array(flows * cycle);
  const turns = Array.from({ length: flows }, (_, flow) => flow);
  for (let at = 0, sent = 0; sent < cycle; ) {
    const burst = Math.min(1 + random(LONGEST_BURST), cycle - sent);
    shuffle(turns, random);
    for (const flow of turns) for (let n = 0; n < burst; n++) order[at++] = flow * cycle + sent + n;
    sent += burst;
  }
  return {
    cycle,
    source: (count, rate) => pacedSource({ frames, order, count }, rate),
  };
}
