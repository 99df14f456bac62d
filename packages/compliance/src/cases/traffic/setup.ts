/** What traffic cases are made of: cpumaps, and programs by what they do. */
import { BPF_ATTACH_TYPE, BPF_MAP_TYPE } from '@cpumap/uapi';
import type { Subject, SubjectMap, SubjectProgram } from '../../subject.ts';
import { createFeeder, type Feeder, feed, type Plan, pattern, redirectTo } from '../../traffic/frames.ts';
import type { Burst, Seen, Traffic } from '../../traffic/traffic.ts';
import { words } from '../bytes.ts';

export function cpuMap(subject: Subject, name: string, maxEntries = 4): SubjectMap {
  return subject.createMap({ name, type: BPF_MAP_TYPE.CPUMAP, keySize: 4, valueSize: 8, maxEntries });
}

/** A program for entries of cpumaps. */
export function second(
  subject: Subject,
  text: string,
  maps: Readonly<Record<string, SubjectMap>> = {},
): Promise<SubjectProgram> {
  return subject.loadProgram({ name: 'second', text, maps, expectedAttachType: BPF_ATTACH_TYPE.XDP_CPUMAP });
}

/** Sets an entry. */
export function setEntry(map: SubjectMap, cpu: number, qsize: number, program?: SubjectProgram): void {
  map.update(cpu, words(qsize, program?.handle ?? 0));
}

export interface Bench {
  readonly traffic: Traffic;
  readonly feeder: Feeder;
  /** The maps that `body` and the programs of `main` name. */
  main(body: string, maps?: Readonly<Record<string, SubjectMap>>): Promise<SubjectProgram>;
  /** The frames of the plans, through a program. */
  send(program: SubjectProgram, plans: readonly Plan[], more?: Partial<Burst>): Promise<Seen>;
}

export async function bench(subject: Subject): Promise<Bench> {
  const traffic = await subject.traffic();
  const feeder = createFeeder(subject);
  return {
    traffic,
    feeder,
    main: (body, maps = {}) =>
      subject.loadProgram({ name: 'main', text: feed(body), maps: { ...feeder.maps, ...maps } }),
    send(program, plans, more = {}) {
      feeder.set(plans);
      const data = pattern(Math.max(...plans.map(({ length }) => length)));
      return traffic.burst({ program, data, repeat: plans.length, ...more });
    },
  };
}

/** `count` frames that differ in their numbers alone. */
export const same = (count: number, plan: Partial<Plan> = {}): Plan[] =>
  Array.from({ length: count }, () => ({ length: 60, ...plan }));

/** Redirects every frame to its key of the map `target`. */
export const toTarget = redirectTo('target');

/** Some of what was seen; what is empty is left out. */
export function part(seen: Seen, ...fields: readonly (keyof Seen)[]): Partial<Seen> {
  const kept = fields.filter((field) => Object.keys(seen[field]).length > 0);
  return Object.fromEntries(kept.map((field) => [field, seen[field]]));
}

/** Everything but sums: for bursts whose kthreads run on the CPU that receives. */
export const whole = (seen: Seen): Partial<Seen> => part(seen, 'events', 'onward', 'xmit', 'batches', 'delivered');

/** The enqueue events alone, and how many redirects there were. */
export function enqueues({ events }: Seen): readonly string[] {
  const lines = events.filter((line) => line.startsWith('cpumap_enqueue'));
  return [`${events.length - lines.length} redirects`, ...lines];
}
