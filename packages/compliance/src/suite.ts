/**
 * The suite: asks subjects the cases' questions, compares what they answer, and says in a table what came out.
 *
 * A question is equal, known to differ (known-differences.ts), or different. A case that one of the two cannot be asked is
 * skipped by name, with the reason.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Answer, Answers } from './answer.ts';
import { answersOf, type Case, nameOf } from './case.ts';
import { type KnownDifference, knownDifference } from './known-differences.ts';
import type { Subject } from './subject.ts';

/** By case: its answers, or why it was not asked. */
export type Protocol = ReadonlyMap<string, Answers | { readonly skipped: string }>;

const isSkipped = (entry: Answers | { readonly skipped: string }): entry is { readonly skipped: string } =>
  typeof entry.skipped === 'string' && Object.keys(entry).length === 1;

/** Asks a subject every case. @throws Error that names the case whose run failed */
export async function protocolOf(subject: Subject, cases: readonly Case[]): Promise<Protocol> {
  const protocol = new Map<string, Answers | { readonly skipped: string }>();
  for (const one of cases) {
    const name = nameOf(one);
    if (protocol.has(name)) throw new Error(`two cases are called "${name}"`);
    const reason = one.skip?.[subject.kind];
    try {
      protocol.set(
        name,
        reason === undefined ? await answersOf(subject, one) : { skipped: `${subject.kind}: ${reason}` },
      );
    } catch (cause) {
      throw new Error(`"${name}" failed on ${subject.name}: ${cause}`, { cause });
    }
  }
  return protocol;
}

export interface Difference {
  readonly case: string;
  readonly question: string;
  /** undefined where the subject was not asked. */
  readonly left: Answer | undefined;
  readonly right: Answer | undefined;
}

export interface GroupResult {
  readonly group: string;
  cases: number;
  questions: number;
  equal: number;
  known: number;
  different: number;
  readonly skipped: { readonly case: string; readonly reason: string }[];
}

export interface Comparison {
  readonly groups: readonly GroupResult[];
  /** Those that are in no table. */
  readonly differences: readonly Difference[];
  /** The known ones that were met. */
  readonly met: ReadonlySet<KnownDifference>;
}

/** Compares the answers of two subjects. */
export function compare(left: Protocol, right: Protocol): Comparison {
  const groups = new Map<string, GroupResult>();
  const differences: Difference[] = [];
  const met = new Set<KnownDifference>();
  for (const [name, ours] of left) {
    const group = name.slice(0, name.indexOf(':'));
    const result = groups.get(group) ?? {
      group,
      cases: 0,
      questions: 0,
      equal: 0,
      known: 0,
      different: 0,
      skipped: [],
    };
    groups.set(group, result);
    const theirs = right.get(name) ?? {};
    result.cases++;
    if (isSkipped(ours) || isSkipped(theirs)) {
      result.skipped.push({ case: name, reason: isSkipped(ours) ? ours.skipped : (theirs.skipped as string) });
      continue;
    }
    for (const question of new Set([...Object.keys(ours), ...Object.keys(theirs)])) {
      result.questions++;
      if (isDeepStrictEqual(ours[question], theirs[question])) {
        result.equal++;
        continue;
      }
      const known = knownDifference(name, question);
      if (known === undefined) {
        result.different++;
        differences.push({ case: name, question, left: ours[question], right: theirs[question] });
      } else {
        result.known++;
        met.add(known);
      }
    }
  }
  return { groups: [...groups.values()], differences, met };
}

/** The table of a comparison, and below it each skipped case with its reason. */
export function tableOf(title: string, { groups }: Comparison): string {
  const head = ['group', 'cases', 'questions', 'equal', 'known', 'different', 'skipped'];
  const numbers = groups.map((g) => [g.cases, g.questions, g.equal, g.known, g.different, g.skipped.length]);
  const sums = head.slice(1).map((_, i) => numbers.reduce((sum, row) => sum + row[i]!, 0));
  const rows = [
    head,
    ...groups.map(({ group }, i) => [group, ...numbers[i]!.map(String)]),
    ['all', ...sums.map(String)],
  ];
  const widths = head.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)));
  const line = (row: readonly string[]): string =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join('  ');
  const skipped = groups.flatMap((group) => group.skipped.map((one) => `skipped: ${one.case} (${one.reason})`));
  return [title, ...rows.map(line), ...skipped].join('\n');
}

/** One line for each difference. */
export function differencesText(differences: readonly Difference[], left: string, right: string): string {
  return differences
    .map((one) => {
      const [a, b] = [one.left, one.right].map((answer) => JSON.stringify(answer) ?? 'not asked');
      return `${one.case}: ${one.question}\n    ${left}: ${a}\n    ${right}: ${b}`;
    })
    .join('\n');
}
