/** One of the two subjects of a random sequence: its map, and what may be put into maps, under names that both know. */

import { innerMaps } from '../cases/inner-maps.ts';
import { type Kinds, programKinds } from '../cases/program-kinds.ts';
import { NOTHING, type Subject, type SubjectMap } from '../subject.ts';

/** What stays from sequence to sequence. */
export interface SideParts {
  readonly subject: Subject;
  readonly programs: Kinds;
  readonly inner: Readonly<Record<string, SubjectMap>>;
}

export interface Side extends SideParts {
  readonly map: SubjectMap;
}

/** Inner maps that values name; the first is what outer maps are made for. */
export const INNER_KINDS = ['array', 'array, longer', 'array, wider', 'hash', 'cpumap', 'nothing'] as const;

export async function sideParts(subject: Subject): Promise<SideParts> {
  const programs = await programKinds(subject);
  const inner = innerMaps(subject);
  subject.keep();
  return { subject, programs, inner };
}

/** The number that stands for a program or an inner map on this side. */
export function handleOfKind({ programs, inner }: SideParts, kind: string): number {
  return inner[kind]?.handle ?? programs.handles.get(kind) ?? NOTHING;
}

/** The name of a program or an inner map by the id that user space reads. */
export function kindOfId({ programs, inner }: SideParts, id: number): string {
  return Object.entries(inner).find(([, map]) => map.id === id)?.[0] ?? programs.nameOf(id);
}
