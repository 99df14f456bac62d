/**
 * stages: where a frame's time goes, from the driver's ring to the handler. The virtual executor does all CPUs' work on
 * this thread while V8's profiler samples it; a sample belongs to the stage of the innermost function whose file says
 * what it does.
 *
 * What one thread cannot show is absent: waiting for another CPU's cache. The sum is that of both CPUs.
 */
import { Session } from 'node:inspector/promises';
import { ACCEPT_ALL, createHost } from '@cpumap/host';
import { parsePktgenSpec, pktgenSource } from '@cpumap/nic';
import { createPath, RX_CPU } from './redirect-path.ts';
import { spreadOf } from './stats.ts';
import type { Suite } from './suite.ts';

const STAGES = [
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
type Stage = (typeof STAGES)[number];

interface Place {
  readonly url: string;
  readonly functionName: string;
}

/** By package of the function's file, then by its name; the first that fits. */
const WHERE: readonly (readonly [Stage, RegExp, RegExp])[] = [
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

function stageOf({ url, functionName }: Place): Stage | undefined {
  return WHERE.find(([, file, name]) => file.test(url) && name.test(functionName))?.[0];
}

interface ProfileNode {
  readonly id: number;
  readonly callFrame: Place;
  readonly children?: readonly number[];
}

/** Samples by stage: of a function that no stage names, its caller's. */
function samplesByStage(nodes: readonly ProfileNode[], samples: readonly number[]): Map<Stage, number> {
  const stages = new Map<number, Stage>();
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const visit = (node: ProfileNode, inherited: Stage): void => {
    const stage = stageOf(node.callFrame) ?? inherited;
    stages.set(node.id, stage);
    for (const child of node.children ?? []) visit(byId.get(child)!, stage);
  };
  visit(nodes[0]!, 'other');
  const counts = new Map<Stage, number>();
  for (const sample of samples) {
    const stage = stages.get(sample) ?? 'other';
    counts.set(stage, (counts.get(stage) ?? 0) + 1);
  }
  return counts;
}

export const stages: Suite = {
  name: 'stages',
  what: 'nanoseconds of a frame by stage, both CPUs on one thread: no-touch -> cpumap -> sk_buff -> handler',
  async run({ smoke, frames = smoke ? 50_000 : 3_000_000, rounds = smoke ? 2 : 7 }) {
    const host = await createHost({ cpus: 2, executor: 'virtual' });
    const session = new Session();
    session.connect();
    const byStage = new Map<Stage, number[]>(STAGES.map((stage) => [stage, []]));
    const sums: number[] = [];
    try {
      const program = await createPath(host, { mode: 'no-touch', remote: 'stack', flows: 1, qsize: 2048 });
      const device = host.createDevice({ irqCpus: [RX_CPU] });
      await host.addHandler(ACCEPT_ALL);
      host.attachXdp(device.name, program);
      const run = async (): Promise<number> => {
        const begin = performance.now();
        device.start(pktgenSource(parsePktgenSpec(''), frames));
        await host.settle();
        const { balanced, inFlight, problems } = host.ledger();
        if (!balanced || inFlight !== 0) throw new Error(problems.join('; '));
        return ((performance.now() - begin) * 1e6) / frames;
      };
      await run();
      await session.post('Profiler.enable');
      await session.post('Profiler.setSamplingInterval', { interval: 200 });
      for (let i = 0; i < rounds; i++) {
        await session.post('Profiler.start');
        const ns = await run();
        const { profile } = await session.post('Profiler.stop');
        const samples = profile.samples ?? [];
        const counts = samplesByStage(profile.nodes, samples);
        for (const stage of STAGES) byStage.get(stage)!.push((ns * (counts.get(stage) ?? 0)) / samples.length);
        sums.push(ns);
      }
    } finally {
      session.disconnect();
      await host.close();
    }
    const figures = STAGES.map((name) => ({ name, unit: 'ns/frame', ...spreadOf(byStage.get(name)!) }));
    return { figures: [...figures, { name: 'sum', unit: 'ns/frame', ...spreadOf(sums) }] };
  },
};
