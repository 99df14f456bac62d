/** What the largest flows of a CPU say about why it is hot, in plain sentences. */

export interface CountedFlow {
  readonly flow: string;
  readonly encapsulation: string;
  /** What the program looked at. */
  readonly key: string;
  samples: number;
}

export interface Evidence {
  readonly cpu: number;
  readonly role: 'rx' | 'remote';
  /** Whether it is sampled at all. */
  readonly on: boolean;
  /** Largest first. */
  readonly flows: readonly CountedFlow[];
  /** The CPU's, and of all CPUs. */
  readonly samples: number;
  readonly all: number;
  readonly program: string;
  /** Whether the program spreads by a hash of what is in the packet. */
  readonly hashes: boolean;
}

/** A flow this large decides alone how loaded its CPU is. */
const ELEPHANT = 0.4;
/** Fewer samples than this say nothing certain. */
const ENOUGH = 50;
const percent = (share: number): string => `${Math.round(share * 100)} %`;
const many = (count: number, one: string): string => `${count} ${one}${count === 1 ? '' : 's'}`;

export function conclude({ cpu, role, on, flows, samples, all, program, hashes }: Evidence): string[] {
  const what = role === 'rx' ? 'received' : 'got';
  if (samples === 0 && !on) return ['Sampling is off.'];
  if (samples === 0) return [`No sampled frame was ${role === 'rx' ? 'received by' : 'redirected to'} CPU ${cpu}.`];
  const lines = [
    `CPU ${cpu} ${what} ${percent(samples / all)} of all sampled frames, of ${many(flows.length, 'flow')}.`,
  ];
  if (samples < ENOUGH) lines.push(`These are ${many(samples, 'sample')}: too few to be sure.`);

  const keys = new Map<string, CountedFlow[]>();
  for (const flow of flows) keys.set(flow.key, [...(keys.get(flow.key) ?? []), flow]);
  const [first] = flows;
  const share = first!.samples / samples;
  const [largest] = [...keys.values()].sort((a, b) => b.length - a.length);

  if (role === 'rx') {
    if (share >= ELEPHANT) {
      lines.push(
        `One flow is ${percent(share)} of what its queues brought: RSS gives a flow to one queue, and cannot split it.`,
      );
    }
    return lines;
  }
  if (program === 'no_touch' || program === 'touch_data') {
    lines.push(
      `${program} sends everything to the first CPU: a program that looks at packets spreads them, as l4-hash does.`,
    );
  } else if (program === 'proto_separate' || program === 'ddos_filter_pktgen') {
    lines.push(`All ${largest![0]!.key} goes to one CPU: this program does not spread one protocol, l4-hash does.`);
  } else if (program === 'round_robin') {
    lines.push('It gets its turn like the others: the frames of a flow meet several CPUs, out of order.');
  } else if (hashes) {
    if (share >= ELEPHANT) lines.push(`One flow is ${percent(share)} of this CPU's frames: no hash can split it.`);
    if (largest!.length > 1) {
      lines.push(
        `${largest!.length} of ${flows.length} flows are one to this program: they share "${largest![0]!.key}".`,
      );
      const wrapped = largest!.filter(({ encapsulation }) => encapsulation !== '').length;
      if (wrapped * 2 > largest!.length && !program.startsWith('steer_')) {
        lines.push('They differ inside their encapsulation: the program auto hashes what is inside.');
      }
    } else if (share < ELEPHANT && flows.length > 1) {
      lines.push('Its flows differ in what the program hashes: another hash or more CPUs would spread them.');
    }
  }
  return lines;
}
