/**
 * Cases are data: a name, a group, and how to ask. A case's answer is a table of questions and answers, so that a
 * difference names the question and not only the case.
 */
import { type Answers, answerOf, answerOfAsync } from './answer.ts';
import type { Subject } from './subject.ts';

export interface Ask {
  (question: string, act: () => unknown): void;
  later(question: string, act: () => Promise<unknown>): Promise<void>;
}

export interface Case {
  readonly group: string;
  readonly name: string;
  /** Why a subject cannot be asked this. */
  readonly skip?: Partial<Readonly<Record<Subject['kind'], string>>>;
  run(subject: Subject, ask: Ask): void | Promise<void>;
}

export const nameOf = ({ group, name }: Case): string => `${group}: ${name}`;

/** Runs a case; what it made is closed afterwards. @throws what is no refusal of a kernel */
export async function answersOf(subject: Subject, { run }: Case): Promise<Answers> {
  const answers: Answers = {};
  const once = (question: string): void => {
    if (question in answers) throw new Error(`the question "${question}" is asked twice`);
  };
  const ask: Ask = (question, act) => {
    once(question);
    answers[question] = answerOf(act);
  };
  ask.later = async (question, act) => {
    once(question);
    answers[question] = await answerOfAsync(act);
  };
  try {
    await run(subject, ask);
  } finally {
    subject.clear();
  }
  return answers;
}
