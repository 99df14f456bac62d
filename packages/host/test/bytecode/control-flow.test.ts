/** Loops, walks and tail calls on both engines, with the answers of Linux 6.18. */
import { CONTROL_FLOW_ANSWERS } from './control-flow-answers.ts';
import { CASES } from './control-flow-cases.ts';
import { itAnswersLikeTheKernel } from './support/kernel-case.ts';

itAnswersLikeTheKernel(CASES, CONTROL_FLOW_ANSWERS);
