/** Code that CPUs on threads import, and what their handlers count in memory that all of them share. */
import type { ModuleCode } from '@cpumap/bpf';
import type { Host } from '@cpumap/host';
import type { FrameSource } from '@cpumap/nic';
import { numberedFrame } from './frames.ts';

const PROGRAMS = new URL('../programs/programs.js', import.meta.url).href;
const HANDLERS = new URL('../programs/handlers.js', import.meta.url).href;
const CPUS = 256;

export const programCode = (name: string): ModuleCode => ({ module: PROGRAMS, export: name });
export const handlerCode = (name: string): ModuleCode => ({ module: HANDLERS, export: name });

interface FlowTally {
  readonly frames: number;
  readonly byCpu: readonly number[];
  readonly disordered: number;
  readonly damaged: number;
  readonly strange: number;
}

export interface Flows {
  /** `frames` different ones, sent `rounds` times. */
  source(rounds: number): FrameSource;
  tally(): FlowTally;
}

/** `frames` numbered frames of `flows` flows in turn, and a handler that checks that each comes whole and in order. */
export async function watchFlows(
  host: Host,
  flows: number,
  frames: number,
  lengthOf = (n: number): number => 60 + ((n * 7) % 180),
): Promise<Flows> {
  if (frames % flows !== 0) throw new RangeError('the frames must be whole rounds of the flows');
  const lengths = Array.from({ length: frames }, (_, n) => lengthOf(n));
  const stride = Math.max(...lengths);
  const sent = new SharedArrayBuffer(frames * stride);
  const bytes = new Uint8Array(sent);
  const made = lengths.map((length, n) => {
    const frame = numberedFrame(n, n % flows, length);
    for (let i = 46; i < frame.length; i++) frame[i] = (n * 31 + i) & 0xff;
    bytes.set(frame, n * stride);
    return frame;
  });
  const tally = new SharedArrayBuffer((CPUS + 3) * 4);
  const words = new Int32Array(tally);
  const options = { flows, stride, count: frames, sent, tally };
  await host.addHandler(handlerCode('checkFlows'), { options });
  const order = Uint32Array.from(made, (_, n) => n);
  return {
    source: (rounds) => ({ frames: made, order, count: rounds * frames }),
    tally() {
      const byCpu = [...words.subarray(0, host.possibleCpus)];
      const frames = byCpu.reduce((sum, n) => sum + n, 0);
      return { frames, byCpu, disordered: words[CPUS]!, damaged: words[CPUS + 1]!, strange: words[CPUS + 2]! };
    },
  };
}
