/** Helpers on plain memory on both engines, with the answers of Linux 6.18. */
import { MEMORY_HELPER_ANSWERS } from './memory-helper-answers.ts';
import { CASES } from './memory-helper-cases.ts';
import { itAnswersLikeTheKernel } from './support/kernel-case.ts';

itAnswersLikeTheKernel(CASES, MEMORY_HELPER_ANSWERS);
