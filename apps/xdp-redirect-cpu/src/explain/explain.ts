/**
 * `explain`: what becomes of one frame, step by step, with the kernel's names for each step.
 *
 * All frames before it go through the same virtual machine first, and those after it as well, so that its queue, the
 * program's maps, its place in the bulk and its ring slot are those that it has in a run on the virtual executor.
 */
import { createRssHasher, INDIRECTION_ENTRIES, type NicDevice } from '@cpumap/nic';
import { BPF_MAP_TYPE, ETH_HLEN } from '@cpumap/uapi';
import { CommandError, EXIT, type ExitCode } from '../exit-codes.ts';
import { type Input, readInput } from '../input.ts';
import { buildMachine, type SampleMachine } from '../machine.ts';
import type { RunOutputs } from '../screen.ts';
import type { Settings } from '../settings.ts';
import type { ExplainOptions } from './explain-options.ts';
import { createFollower, type Follower } from './follow.ts';
import { describePacket } from './packet.ts';
import { explanationLines } from './render.ts';
import { type Explanation, type Step, stepsOf } from './steps.ts';

/** Generated frames that follow, for each queue: more than a poll, so that none ends early. */
const FRAMES_AFTER = 128;

/** Where a frame of the input goes, by the device's own rules. */
function createSorter(device: NicDevice) {
  const { indir, key } = device.rxfh();
  const hash = createRssHasher(key);
  return (frame: Uint8Array) => {
    const rss = hash(frame, 0, frame.length);
    const entry = rss & (INDIRECTION_ENTRIES - 1);
    const isTaken = frame.length >= ETH_HLEN && frame.length <= device.maxFrame;
    return { rss, entry, queue: indir[entry]!, isTaken };
  };
}

function checkFrame(frame: number, { source, problem }: Input): void {
  if (frame <= source.count) return;
  const broken = problem === undefined ? '' : ` (${problem.message})`;
  throw new CommandError(EXIT.OPTION, `--frame ${frame}: there are ${source.count} frames${broken}`);
}

function wireSteps(sorted: ReturnType<ReturnType<typeof createSorter>>, device: NicDevice, length: number): Step[] {
  if (!sorted.isTaken) {
    return [
      {
        step: 'device',
        kernel: [],
        values: { length, shortest: ETH_HLEN, longest: device.maxFrame },
        note: 'the device takes no frame of that length: it counts a length error, and nobody sees the frame',
      },
    ];
  }
  const hash = `0x${sorted.rss.toString(16).padStart(8, '0')}`;
  const irq = device.irqAffinity(sorted.queue);
  return [
    {
      step: 'queue',
      kernel: ['__napi_poll'],
      values: { 'RSS hash': hash, 'indirection entry': sorted.entry, 'RX queue': sorted.queue, CPU: irq },
    },
  ];
}

async function pass(machine: SampleMachine, input: Input, frame: number, follower: Follower): Promise<void> {
  const { host, device } = machine;
  const { frames, order, count } = input.source;
  const all = Number.isFinite(count) ? count : frame + FRAMES_AFTER * device.channels();
  const wire = device.start({ frames, order, count: all });
  await host.advance(Number.POSITIVE_INFINITY, () => {
    follower.drain();
    return host.failures.length > 0 || (wire.done && host.ledger().inFlight === 0);
  });
  await host.settle();
  follower.drain();
}

async function follow(
  machine: SampleMachine,
  { settings, input, frame }: { settings: Settings; input: Input; frame: number },
  follower: Follower,
): Promise<Pick<Explanation, 'steps' | 'end'>> {
  const { host, device, maps } = machine;
  const { frames, order } = input.source;
  const sort = createSorter(device);
  const sorted = frames.map(sort);
  const at = (number: number) => order[(number - 1) % order.length]!;
  const own = sorted[at(frame)]!;
  const first = wireSteps(own, device, frames[at(frame)]!.length);
  if (!own.isTaken) return { steps: first, end: 'refused' };

  let before = 0;
  for (let number = 1; number < frame; number++) {
    const other = sorted[at(number)]!;
    if (other.isTaken && other.queue === own.queue) before++;
  }
  const wanted = { queue: own.queue, before, deviceProgram: machine.programId };
  await follower.begin(host, { memory: host.memory, maps }, wanted);
  await pass(machine, input, frame, follower);
  const { steps, end } = stepsOf(follower.seen(), {
    release: settings.release,
    isGeneric: settings.generic,
    deviceProgram: machine.programName,
    canFollow: typeof settings.program === 'string' || 'object' in settings.program,
    deviceName: (ifindex) => host.devices.find((candidate) => candidate.ifindex === ifindex)?.name,
    mapName: (id) => Object.entries(maps).find(([, map]) => map.id === id)?.[0] ?? `${id}`,
    isCpuMap: (id) => Object.values(maps).find((map) => map.id === id)?.type === BPF_MAP_TYPE.CPUMAP,
    reports: host.reports,
    qsize: settings.qsize,
  });
  return { steps: [...first, ...steps], end };
}

/** @throws CommandError for a frame that is not there, and what building a machine throws */
export async function explainFrame({ settings, frame }: Omit<ExplainOptions, 'json'>): Promise<Explanation> {
  const input = readInput(settings);
  checkFrame(frame, input);
  const follower = createFollower();
  const machine = await buildMachine(settings, input, { probes: true, onStep: follower.onStep });
  try {
    const { frames, order, count } = input.source;
    const bytes = frames[order[(frame - 1) % order.length]!]!;
    return {
      frame,
      ...(Number.isFinite(count) ? { of: count } : {}),
      length: bytes.length,
      packet: describePacket(bytes),
      input: input.description,
      release: settings.release,
      ...(input.problem === undefined ? {} : { problem: input.problem.message }),
      ...(await follow(machine, { settings, input, frame }, follower)),
    };
  } finally {
    await machine.close();
  }
}

export async function explain(options: ExplainOptions, { out, err }: RunOutputs): Promise<ExitCode> {
  const explanation = await explainFrame(options);
  const { problem } = explanation;
  out.write(options.json ? `${JSON.stringify(explanation)}\n` : `${explanationLines(explanation).join('\n')}\n`);
  if (problem === undefined) return EXIT.OK;
  err.write(`xdp-redirect-cpu: --input ${options.settings.input}: ${problem}; the frames before it are used\n`);
  return EXIT.FAIL;
}
