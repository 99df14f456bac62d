/**
 * `doctor`: what this kernel can do for --backend linux, on one page. Reads, makes maps and programs for a moment to see
 * whether they can be made, and changes nothing.
 */
import { KernelError } from '@cpumap/uapi';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import type { TextOutput } from '../screen.ts';
import { type Diagnosis, diagnose } from './diagnosis.ts';
import { pageOf } from './page.ts';
import { warningsFor } from './warnings.ts';

export interface DoctorOptions {
  readonly dev: string | undefined;
  readonly json: boolean;
}

/** @throws CommandError for an interface that is not there */
export async function doctor({ dev, json }: DoctorOptions, out: TextOutput): Promise<ExitCode> {
  let diagnosis: Diagnosis;
  try {
    diagnosis = await diagnose(dev);
  } catch (error) {
    if (!(error instanceof KernelError) || error.code !== 'ENOSYS') throw error;
    const problem = `no --backend linux here: ${error.message}`;
    out.write(json ? `${JSON.stringify({ type: 'doctor', problem })}\n` : `${problem}\nThe engine works without it.\n`);
    return EXIT.OK;
  }
  const warnings = warningsFor(diagnosis);
  if (json) out.write(`${JSON.stringify({ type: 'doctor', ...diagnosis, warnings }, addressAsText)}\n`);
  else out.write(`${pageOf(diagnosis, warnings).join('\n')}\n`);
  return EXIT.OK;
}

/** MAC addresses as they are written. */
function addressAsText(_: string, value: unknown): unknown {
  if (!(value instanceof Uint8Array)) return value;
  return [...value].map((byte) => byte.toString(16).padStart(2, '0')).join(':');
}
