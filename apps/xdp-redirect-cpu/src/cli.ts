#!/usr/bin/env node
/** The command: arguments, signals and the exit code. */
import { disasm } from './disasm.ts';
import { doctor } from './doctor/doctor.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { explain } from './explain/explain.ts';
import { inspect } from './inspect.ts';
import { type Invocation, parseInvocation } from './invocation.ts';
import { explainError, run } from './run.ts';
import { runScenario } from './scenario/run-scenario.ts';
import { testRun } from './test-run.ts';
import { verify } from './verify.ts';

/** Like a shell reports a process that a second signal ended. */
const FORCED = 130;

async function main(): Promise<number> {
  const invocation = parseInvocation(process.argv.slice(2));
  if (invocation === undefined) return EXIT.OK;
  const stop = new AbortController();
  const onSignal = (): void => {
    if (stop.signal.aborted) process.exit(FORCED);
    stop.abort();
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  return carryOut(invocation, stop.signal);
}

async function carryOut({ command, options }: Invocation, signal: AbortSignal): Promise<ExitCode> {
  const { stdout: out, stderr: err } = process;
  switch (command) {
    case 'run':
      return run(options, options.input === '-' ? { out, err } : { out, err, keys: process.stdin }, signal);
    case 'explain':
      return explain(options, { out, err });
    case 'inspect':
      inspect(options, out);
      return EXIT.OK;
    case 'disasm':
      disasm(options, out);
      return EXIT.OK;
    case 'verify':
      return verify(options, out);
    case 'doctor':
      return doctor(options, out);
    case 'test-run':
      return testRun(options, { out, err });
    case 'scenario':
      return runScenario(options, { out, err }, signal);
  }
}

// whoever reads the output may leave early, as head does
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(EXIT.OK);
  throw error;
});

try {
  process.exitCode = await main();
} catch (error) {
  const { exitCode, message } = explainError(error);
  process.stderr.write(`xdp-redirect-cpu: ${message}\n`);
  process.exitCode = exitCode;
}
