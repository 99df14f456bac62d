/** Helpers on packets on both engines, with the answers of Linux 6.18. */
import { PACKET_HELPER_ANSWERS } from './packet-helper-answers.ts';
import { CASES } from './packet-helper-cases.ts';
import { itAnswersLikeTheKernel } from './support/kernel-case.ts';

itAnswersLikeTheKernel(CASES, PACKET_HELPER_ANSWERS);
