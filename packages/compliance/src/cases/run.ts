/** What a test run showed, without what no two machines have in common: how long it took. The context counts when one was given. */
import type { TestRunOptions } from '@cpumap/host';
import { type Answer, hex } from '../answer.ts';
import type { SubjectProgram } from '../subject.ts';

export async function shownRun(program: SubjectProgram, options: TestRunOptions): Promise<Answer> {
  const { retval, data, ctx } = await program.testRun(options);
  return { retval, data: hex(data), ...(options.ctx === undefined ? {} : { ctx: Object.values(ctx) }) };
}
