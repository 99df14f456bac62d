/** `verify FILE [PROG…]`: what the verifier says to each program, without running one. */
import { createHost, type VerifiedProgram, verifyCollection, whyNotRun } from '@cpumap/host';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { collectionSizes, memoryFor } from './object-collection.ts';
import { openObject, typesOf } from './object-file.ts';
import type { TextOutput } from './screen.ts';

export interface VerifyOptions {
  readonly file: string;
  /** Default: all that the machine has a use for. */
  readonly programs: readonly string[];
  /** Default: 1 for programs that are named, 0 for all at once. A refusal always shows its log. */
  readonly logLevel: 0 | 1 | 2 | undefined;
}

const CPUS = 4;

function verdict({ name, section, result, error }: VerifiedProgram): string {
  if (result === undefined) return `${name} (${section}): refused: ${error!.message}`;
  const { processedInsns: processed, stackDepth } = result;
  return `${name} (${section}): accepted, ${processed} instructions processed, ${stackDepth} bytes of stack`;
}

/** @returns the exit code: 1 when a program was refused */
export async function verify(options: VerifyOptions, out: TextOutput): Promise<ExitCode> {
  const { file, programs, logLevel = programs.length === 0 ? 0 : 1 } = options;
  const spec = openObject(file);
  const host = await createHost({ cpus: CPUS, executor: 'virtual', memoryBytes: memoryFor(spec, CPUS) });
  try {
    const types = typesOf(spec);
    const reasons = new Map<string, string>();
    for (const program of programs.length === 0 ? spec.programs.values() : []) {
      const reason = whyNotRun(host, program, types);
      if (reason !== undefined) reasons.set(program.name, reason);
    }
    const chosen = programs.length === 0 ? [...spec.programs.keys()].filter((name) => !reasons.has(name)) : programs;
    const maxEntries = collectionSizes(spec, CPUS);
    const verified = verifyCollection(host, spec, { programs: chosen, types, maxEntries, logLevel });
    for (const program of verified) out.write(`${verdict(program)}\n${program.log}`);
    for (const [name, reason] of reasons) out.write(`${name}: left out: ${reason}\n`);
    return verified.some(({ error }) => error !== undefined) ? EXIT.FAIL : EXIT.OK;
  } finally {
    await host.close();
  }
}
