/**
 * Ends a run with every skipped test and its reason, and writes the counts as JSON to the file named by
 * CPUMAP_TEST_SUMMARY, if that is set.
 */
import { writeFileSync } from 'node:fs';
import { styleText } from 'node:util';
import type { Reporter, SerializedError, TestModule } from 'vitest/node';

/** What a run came to. A test file that could not be loaded and an error outside any test each count as one failure. */
interface TestSummary {
  passed: number;
  failed: number;
  skipped: number;
}

export class SummaryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly SerializedError[]): void {
    const summary: TestSummary = { passed: 0, failed: unhandledErrors.length, skipped: 0 };
    const skips: string[] = [];
    for (const module of modules) {
      if (module.errors().length > 0) summary.failed++;
      for (const suite of module.children.allSuites()) if (suite.errors().length > 0) summary.failed++;
      for (const test of module.children.allTests()) {
        const result = test.result();
        if (result.state === 'passed') summary.passed++;
        else if (result.state === 'failed') summary.failed++;
        else {
          summary.skipped++;
          const reason = result.state === 'skipped' ? result.note : undefined;
          skips.push(`${module.project.name} > ${test.fullName}: ${reason ?? 'no reason given'}`);
        }
      }
    }
    if (skips.length > 0) {
      console.log(styleText('yellow', `\nSKIPPED ${skips.length}:\n${skips.map((line) => `  ${line}\n`).join('')}`));
    }
    const file = process.env.CPUMAP_TEST_SUMMARY;
    if (file !== undefined) writeFileSync(file, JSON.stringify(summary));
  }
}
