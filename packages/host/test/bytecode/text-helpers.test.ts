/**
 * bpf_snprintf on both engines, with the answers of Linux 6.18. Where the kernel's verifier refuses a format the engine's
 * helper does, when the program runs.
 */
import { itAnswersLikeTheKernel, type KernelAnswer } from './support/kernel-case.ts';
import { TEXT_HELPER_ANSWERS } from './text-helper-answers.ts';
import { CASES } from './text-helper-cases.ts';

const REFUSED_BY_THE_HELPER: KernelAnswer = { retval: 2, out: [-22] };

itAnswersLikeTheKernel(
  CASES,
  Object.fromEntries(
    Object.entries(TEXT_HELPER_ANSWERS).map(([name, answer]) => [
      name,
      answer.refused === undefined ? answer : REFUSED_BY_THE_HELPER,
    ]),
  ),
);
