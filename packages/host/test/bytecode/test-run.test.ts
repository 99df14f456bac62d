/** BPF_PROG_TEST_RUN on both engines, with the answers of Linux 6.18. */
import { itAnswersLikeTheKernel } from './support/kernel-case.ts';
import { TEST_RUN_ANSWERS } from './test-run-answers.ts';
import { CASES } from './test-run-cases.ts';

itAnswersLikeTheKernel(CASES, TEST_RUN_ANSWERS);
