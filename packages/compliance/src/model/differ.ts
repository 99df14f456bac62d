/** Two subjects must have answered the same. */
import { isDeepStrictEqual } from 'node:util';
import type { Answer } from '../answer.ts';
import type { Subject } from '../subject.ts';

type Two<T> = readonly [T, T];

/** @throws Error that names the operation, and shows both answers */
export function differ(what: string, [left, right]: Two<Answer>, [a, b]: Two<{ readonly subject: Subject }>): void {
  if (isDeepStrictEqual(left, right)) return;
  const lines = [`${a.subject.name}: ${JSON.stringify(left)}`, `${b.subject.name}: ${JSON.stringify(right)}`];
  throw new Error(`${what}\n  ${lines.join('\n  ')}`);
}
