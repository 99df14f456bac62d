/** Flows whose order can be checked: traffic in which they take irregular turns, and how often a handler saw one late. */
import { assembleProgram, type BpfProgram } from '@cpumap/bpf';
import type { Backend, Host } from '@cpumap/host';
import { buildFrame, type FrameSource } from '@cpumap/nic';
import { BPF_FUNC } from '@cpumap/uapi';
import type { Steering } from '../../src/index.ts';
import { FLOW } from '../../src/steering-programs.ts';

const HANDLERS = new URL('../programs/order.js', import.meta.url).href;
const PAYLOAD = 42;

/** Numbers from a seed (mulberry32). */
export function randomFrom(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

function flowFrame(flow: number, number: number, count: number): Uint8Array {
  const frame = buildFrame({
    network: { version: 4, source: `10.0.${flow >> 8}.${flow & 0xff}`, destination: '10.1.0.1' },
    transport: { protocol: 'udp', sourcePort: 1024 + flow, destinationPort: 9 },
    length: 60,
  });
  const view = new DataView(frame.buffer, frame.byteOffset);
  for (const [i, word] of [flow, number, count].entries()) view.setUint32(PAYLOAD + 4 * i, word);
  return frame;
}

/** One cycle of `length` frames: bursts of 1 to 8 of a flow that is drawn each time, numbered within the flow. */
export function flowSource(flows: number, length: number, count: number, seed: number): FrameSource {
  const random = randomFrom(seed);
  const turns: number[] = [];
  while (turns.length < length) {
    const flow = random(flows);
    for (let n = 1 + random(8); n > 0 && turns.length < length; n--) turns.push(flow);
  }
  const counts = new Array<number>(flows).fill(0);
  for (const flow of turns) counts[flow]!++;
  const next = new Array<number>(flows).fill(0);
  const frames = turns.map((flow) => flowFrame(flow, next[flow]!++, counts[flow]!));
  return { frames, order: Uint32Array.from(frames, (_, i) => i), count };
}

export interface Tally {
  readonly frames: number;
  readonly disordered: number;
}

/** @returns what handlers have seen so far */
export async function watchOrder(host: Host, flows: number): Promise<() => Tally> {
  const tally = new SharedArrayBuffer((2 + flows) * 4);
  await host.addHandler({ module: HANDLERS, export: 'inOrder' }, { options: { tally } });
  const words = new Int32Array(tally);
  return () => ({ frames: Atomics.load(words, 0), disordered: Atomics.load(words, 1) });
}

/** Sends each frame where its slot says, whatever is still on its way: by the low byte of the IPv4 source address. */
export function naiveProgram(backend: Backend, { maps: { cpu_map, slots } }: Steering): Promise<BpfProgram> {
  const text = `
    r2 = *(u32 *)(r1 + 0)
    r3 = *(u32 *)(r1 + 4)
    r4 = r2
    r4 += 34
    r0 = 1
    if r4 > r3 goto out
    r2 = *(u8 *)(r2 + 29)
    *(u32 *)(r10 - 4) = r2
    r1 = map(slots) ll
    r2 = r10
    r2 += -4
    call ${BPF_FUNC.map_lookup_elem}
    if r0 == 0 goto out
    r2 = *(u32 *)(r0 + 0)
    r1 = map(cpu_map) ll
    r3 = 0
    call ${BPF_FUNC.redirect_map}
  out:
    exit`;
  return backend.loadProgram({ name: 'naive', code: { bytecode: assembleProgram(text) }, maps: { cpu_map, slots } });
}

/** The CPU of each bucket of flows, for one RX CPU after the other; undefined where there was no frame yet. */
export function bucketCpus({ maps: { flows } }: Steering): (number | undefined)[] {
  const found: (number | undefined)[] = [];
  for (const [, value] of flows.entries()) {
    const words = new Uint32Array(value.slice().buffer);
    for (let i = 0; i < words.length; i += FLOW.sizeof / 4) found.push(words[i]! > 0 ? words[i]! - 1 : undefined);
  }
  return found;
}

/** The CPUs to which any RX CPU sends flows. */
export function cpusWithFlows(steering: Steering): number[] {
  return [...new Set(bucketCpus(steering))].filter((cpu) => cpu !== undefined).sort();
}

/** Some of `cpus`, at least one. */
export function someOf(cpus: readonly number[], random: (below: number) => number): number[] {
  const some = cpus.filter(() => random(2) === 1);
  return some.length > 0 ? some : [cpus[random(cpus.length)]!];
}
