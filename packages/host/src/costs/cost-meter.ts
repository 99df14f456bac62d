/**
 * The virtual executor's clock by a cost set: after each turn it looks how far the CPU's counters moved. The data path
 * knows nothing of it.
 */
import { CPUMAP_COUNTERS } from '@cpumap/cpumap';
import { DEVMAP_COUNTERS } from '@cpumap/devmap';
import { STACK_COUNTERS } from '@cpumap/skb';
import { MEAN_VARIATION, type Memory, percpu, type VirtualCosts } from '@cpumap/smp';
import { ENQUEUE_AT, ENQUEUE_COUNTERS, TRACE_COUNTERS, traceCpu } from '@cpumap/tracepoints';
import { XDP_COUNTERS } from '@cpumap/xdp';
import type { Blueprint } from '../blueprint.ts';
import type { CostSet } from './cost-set.ts';

/** One term of a CPU's time: a counter that moved, times its weight. The same sums as those of stageCounts. */
interface Term {
  readonly at: number;
  readonly ns: number;
}

function termsOf(blueprint: Blueprint, cpu: number, { ns }: CostSet): Term[] {
  const xdp = percpu(blueprint.xdp.counters, cpu);
  const cpumap = percpu(blueprint.cpumap.counters, cpu);
  const trace = traceCpu(blueprint.trace, cpu).counters;
  const received = ns.driver + ns.program;
  return [
    { at: xdp + XDP_COUNTERS.aborted, ns: received },
    { at: xdp + XDP_COUNTERS.drop, ns: received },
    { at: xdp + XDP_COUNTERS.pass, ns: received + ns.skb },
    { at: xdp + XDP_COUNTERS.tx, ns: received },
    { at: xdp + XDP_COUNTERS.redirect, ns: received },
    { at: xdp + XDP_COUNTERS.redirect_err, ns: received },
    { at: cpumap + CPUMAP_COUNTERS.taken, ns: ns.enqueue },
    { at: cpumap + CPUMAP_COUNTERS.wakeups, ns: ns.wakeup },
    { at: cpumap + CPUMAP_COUNTERS.dequeued, ns: ns.dequeue + ns.skb },
    { at: cpumap + CPUMAP_COUNTERS.prog_drop, ns: -ns.skb },
    { at: cpumap + CPUMAP_COUNTERS.prog_redirect, ns: -ns.skb },
    { at: percpu(blueprint.devmap.counters, cpu) + DEVMAP_COUNTERS.enqueued, ns: ns.enqueue },
    { at: trace + TRACE_COUNTERS.kthread_xdp_pass, ns: ns.remoteProgram },
    { at: trace + TRACE_COUNTERS.kthread_xdp_drop, ns: ns.remoteProgram },
    { at: trace + TRACE_COUNTERS.kthread_xdp_redirect, ns: ns.remoteProgram },
    { at: percpu(blueprint.stackCounters, cpu) + STACK_COUNTERS.skbs, ns: ns.stack },
  ];
}

export function createCostMeter({ f64 }: Memory, blueprint: Blueprint, nrCpus: number, costs: CostSet): VirtualCosts {
  const { turn, wakeLatency } = costs;
  const cpus = Array.from({ length: nrCpus }, (_, cpu) => termsOf(blueprint, cpu, costs));
  const terms = cpus[0]!.length;
  const at = Int32Array.from(cpus.flatMap((own) => own.map((term) => term.at >> 3)));
  const weight = Float64Array.from(cpus[0]!, ({ ns }) => ns);
  const seen = new Float64Array(nrCpus * terms);
  const flushes = new Float64Array(nrCpus);
  const taken = cpus[0]!.findIndex((term) => term.at === percpu(blueprint.cpumap.counters, 0) + CPUMAP_COUNTERS.taken);
  const EVENTS = ENQUEUE_COUNTERS.events >> 3;
  const STRIDE = ENQUEUE_COUNTERS.sizeof >> 3;

  /** Enqueue events of a CPU, to all others. */
  function flushesOf(cpu: number): number {
    let place = ((traceCpu(blueprint.trace, cpu).counters + ENQUEUE_AT) >> 3) + EVENTS;
    let sum = 0;
    for (let to = 0; to < nrCpus; to++, place += STRIDE) sum += f64[place]!;
    return sum;
  }

  return {
    wake: wakeLatency,
    ofTurn(cpu, work) {
      let ns = turn;
      if (work > 0) {
        for (let term = 0, place = cpu * terms; term < terms; term++, place++) {
          const now = f64[at[place]!]!;
          const moved = now - seen[place]!;
          if (moved === 0) continue;
          seen[place] = now;
          ns += moved * weight[term]!;
          if (term === taken) {
            const events = flushesOf(cpu);
            ns += (events - flushes[cpu]!) * costs.ns.flush;
            flushes[cpu] = events;
          }
        }
      }
      return Math.max(1, Math.round(ns / MEAN_VARIATION));
    },
  };
}
