/** Where the engine is knowingly not the kernel, with the reason. A difference that is not here fails the suite. */

export interface KnownDifference {
  /** Of the cases that it is met in: what `group: name` matches. */
  readonly cases: RegExp;
  readonly questions: RegExp;
  readonly reason: string;
}

export const KNOWN_DIFFERENCES: readonly KnownDifference[] = [
  {
    cases: /^(array|percpu_array|lpm_trie|array_of_maps): batches$/,
    questions: /^none$/,
    reason:
      'a batch of no elements: the kernel says success and leaves the place to go on from as it was; the engine has no ' +
      'such place to give and says that the map has ended',
  },
  {
    cases: /^lpm_trie: create: the order of checks$/,
    questions: /^too many/,
    reason: "the engine reserves the room of a trie's nodes when it is created, the kernel allocates them one by one",
  },
  {
    cases: /^calls: bpf_loop: flags from the frame$/,
    questions: /^(8388609|429496729[568]) turns, .*, flags 0$/,
    reason:
      'the engine has one bpf_loop, as the kernel puts it into programs whose flags are a constant 0: it compares 64 bits ' +
      'and answers with -E2BIG in 32; the helper that the kernel calls elsewhere takes 32 bits and answers in 64',
  },
  {
    cases: /^verifier: bounds of numbers$/,
    questions: /^low bits of a sign-extended word$/,
    reason: 'the kernel forgets the low bits when it sign-extends; the engine remembers them and refuses less, rightly',
  },
  {
    cases: /^verifier: bounds of numbers$/,
    questions: /^a multiple of 2\^25 between 3 and 15$/,
    reason: 'the kernel goes on where bounds contradict each other; the engine sees that no number takes this way',
  },
];

export function knownDifference(caseName: string, question: string): KnownDifference | undefined {
  return KNOWN_DIFFERENCES.find(({ cases, questions }) => cases.test(caseName) && questions.test(question));
}
