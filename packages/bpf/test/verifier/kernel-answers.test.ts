/** The tables against the answers of Linux 6.18: accepted or not, with which errno, in which words. */
import { describe, expect, it } from 'vitest';
import { CASES } from './cases.ts';
import { KERNEL_ANSWERS } from './kernel-answers.ts';
import { answerOf, inputOf } from './verify-text.ts';

/** Where the errno is the kernel's and the sentence is not: it speaks of things that are not here, or not known here. */
const OWN_WORDS: Readonly<Record<string, string>> = {
  'map: writing its own memory': 'struct bpf_array has no counterpart here',
  'call: kfunc': 'there is no BTF of the kernel here',
  'helper: number 0': 'the same for all numbers that are no helper',
  'map: inner, not compared': 'the inner map is told from a value before it is compared, too',
  'map: xsk lookup, 8 bytes': 'a socket is a struct like any other here',
  'lock: a map without': 'the BTF of a map is not known here, its lock is',
};

describe('what Linux 6.18 says', () => {
  it('has an answer for each program, and none without one', () => {
    expect([...KERNEL_ANSWERS.keys()]).toEqual(CASES.map(({ name }) => name));
    expect(new Set(CASES.map(({ name }) => name)).size).toBe(CASES.length);
  });

  it.each(CASES.map((one) => [one.name, one] as const))('%s', (name, one) => {
    const answer = KERNEL_ANSWERS.get(name)!;
    const { error } = answerOf(inputOf(one, 1));
    if (answer === 'ok') {
      expect(error?.log).toBeUndefined();
      return;
    }
    const [code, verdict] = answer;
    expect(error?.code).toBe(code);
    // of an endless loop the kernel's last lines are the two states
    const words = verdict === '' ? /^infinite loop detected at insn \d+$/ : verdict;
    if (OWN_WORDS[name] === undefined)
      expect(error?.verdict).toEqual(typeof words === 'string' ? words : expect.stringMatching(words));
    else expect(error?.verdict).not.toBe(verdict);
    expect(error?.hint).not.toBe('');
  });
});
