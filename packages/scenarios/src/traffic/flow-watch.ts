/** What the handlers of `watch-flows.ts` on all CPUs of a host have counted so far. */
import type { Host } from '@cpumap/host';
import { HANDLERS } from '../handler-module.ts';
import { TALLY_COLUMNS, type WatchFlowsOptions } from './watch-flows.ts';

export interface FlowWatch {
  /** Frames that the stack got on a CPU. */
  delivered(cpu: number): number;
  /** On all CPUs. */
  deliveredInAll(): number;
  /** Of these, frames that came out of order in their flow. */
  outOfOrder(): number;
}

export async function watchFlowsOf(host: Host, flows: number, cycle: number): Promise<FlowWatch> {
  const tally = new SharedArrayBuffer(host.possibleCpus * TALLY_COLUMNS * Float64Array.BYTES_PER_ELEMENT);
  const options: WatchFlowsOptions = {
    tally,
    flows: new SharedArrayBuffer(flows * Int32Array.BYTES_PER_ELEMENT),
    cycle,
  };
  await host.addHandler({ module: HANDLERS, export: 'watchFlows' }, { options });
  const counts = new Float64Array(tally);
  const column = (which: number): number =>
    counts.reduce((sum, n, at) => (at % TALLY_COLUMNS === which ? sum + n : sum), 0);
  return {
    delivered: (cpu) => counts[cpu * TALLY_COLUMNS]!,
    deliveredInAll: () => column(0),
    outOfOrder: () => column(1),
  };
}
