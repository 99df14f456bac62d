#!/usr/bin/env node
/** The command: arguments, signals and the exit code. */
import { EXIT } from './exit-codes.ts';
import { parseOptions } from './options.ts';
import { explainError, run } from './run.ts';

/** Like a shell reports a process that a second signal ended. */
const FORCED = 130;

async function main(): Promise<number> {
  const settings = parseOptions(process.argv.slice(2));
  if (settings === undefined) return EXIT.OK;
  const stop = new AbortController();
  const onSignal = (): void => {
    if (stop.signal.aborted) process.exit(FORCED);
    stop.abort();
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  return run(settings, { out: process.stdout, err: process.stderr }, stop.signal);
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
