/** Whether the running kernel can be asked. Tests that need it are skipped, with the reason, where it cannot. */
import { kernelProblem } from '../../src/kernel-subject.ts';

const problem = kernelProblem();

export function needKernel(skip: (reason: string) => void): void {
  if (problem !== undefined) skip(`no kernel to ask: ${problem}`);
}
