/**
 * Where a frame's time goes, from the driver's ring to the handler: the virtual executor does all CPUs' work on this thread
 * while V8's profiler samples it; a sample belongs to the step of the innermost function whose file says what it does.
 *
 * What one thread cannot show is absent: waiting for another CPU's cache. The sum is that of both CPUs.
 */
import { Session } from 'node:inspector/promises';

/** Finer than the stages of a cost set, and as the code is divided; `other` is the loop, and what nothing names. */
export const PROFILE_STEPS = [
  'source',
  'driver',
  'program',
  'redirect',
  'enqueue',
  'ring',
  'dequeue',
  'build',
  'deliver',
  'return',
  'other',
] as const;
export type ProfileStep = (typeof PROFILE_STEPS)[number];

interface Place {
  readonly url: string;
  readonly functionName: string;
}

/** By package of the function's file, then by its name; the first that fits. */
const WHERE: readonly (readonly [ProfileStep, RegExp, RegExp])[] = [
  ['program', /^wasm:/, /./],
  ['return', /skb\/dist/, /^(put|putMany|flush|takeFresh|allocBulk)$/],
  ['build', /skb\/dist/, /^(fill|fromFrame\w*|fromFrames|protocol|pktType)$/],
  ['deliver', /skb\/dist/, /^(receiveList|receive|deliver|toHandlers|frameLength)$/],
  ['deliver', /cpumap\/dist/, /^deliverList$/], // what the stack does is mostly inlined there
  ['deliver', /host\/dist/, /^receive$/],
  ['redirect', /skb\/dist/, /^fromBuff$/],
  ['redirect', /xdp\/dist/, /./],
  ['ring', /smp\/dist/, /^(produceBulk|consumeBatched|clearConsumed|lock|unlock|spinLock|spinUnlock|isEmpty)$/],
  ['dequeue', /cpumap\/dist/, /^(prefetch|splitTagged|stepBatched|step|poll|fallAsleep)$/],
  ['enqueue', /cpumap\/dist/, /./],
  ['source', /nic\/dist/, /^(copy\w*|fill\w*|receive\w*|dma\w*|place)$/],
  ['driver', /nic\/dist/, /./],
];

function stepOf({ url, functionName }: Place): ProfileStep | undefined {
  return WHERE.find(([, file, name]) => file.test(url) && name.test(functionName))?.[0];
}

interface ProfileNode {
  readonly id: number;
  readonly callFrame: Place;
  readonly children?: readonly number[];
}

/** Samples by step: of a function that no step names, its caller's. */
function samplesByStep(nodes: readonly ProfileNode[], samples: readonly number[]): Map<ProfileStep, number> {
  const steps = new Map<number, ProfileStep>();
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const visit = (node: ProfileNode, inherited: ProfileStep): void => {
    const step = stepOf(node.callFrame) ?? inherited;
    steps.set(node.id, step);
    for (const child of node.children ?? []) visit(byId.get(child)!, step);
  };
  visit(nodes[0]!, 'other');
  const counts = new Map<ProfileStep, number>();
  for (const sample of samples) {
    const step = steps.get(sample) ?? 'other';
    counts.set(step, (counts.get(step) ?? 0) + 1);
  }
  return counts;
}

export interface StageProfile {
  /** Nanoseconds per frame of the whole run. */
  readonly ns: number;
  /** The same, divided by samples. */
  readonly steps: Readonly<Record<ProfileStep, number>>;
}

/** Profiles `run`, which sends `frames` frames and resolves when all have ended; once for each round. */
export async function profileStages(rounds: number, frames: number, run: () => Promise<void>): Promise<StageProfile[]> {
  const session = new Session();
  session.connect();
  try {
    await session.post('Profiler.enable');
    await session.post('Profiler.setSamplingInterval', { interval: 200 });
    const profiles: StageProfile[] = [];
    for (let i = 0; i < rounds; i++) {
      await session.post('Profiler.start');
      const begin = performance.now();
      await run();
      const ns = ((performance.now() - begin) * 1e6) / frames;
      const { profile } = await session.post('Profiler.stop');
      const samples = profile.samples ?? [];
      const counts = samplesByStep(profile.nodes, samples);
      const share = (step: ProfileStep): number => (counts.get(step) ?? 0) / Math.max(samples.length, 1);
      const steps = Object.fromEntries(PROFILE_STEPS.map((step) => [step, ns * share(step)]));
      profiles.push({ ns, steps: steps as StageProfile['steps'] });
    }
    return profiles;
  } finally {
    session.disconnect();
  }
}
