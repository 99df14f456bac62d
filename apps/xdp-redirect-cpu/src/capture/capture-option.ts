/** --capture as an option: reading it, and what --help says of it. */
import { DROP_REASONS, HOOKS } from '@cpumap/host';
import { InvalidArgumentError } from 'commander';
import { CAPTURE_KEYS, type CaptureSpec, CaptureSpecError, parseCaptureSpec } from './capture-spec.ts';

export function captureOption(text: string, before: readonly CaptureSpec[] = []): CaptureSpec[] {
  try {
    return [...before, parseCaptureSpec(text)];
  } catch (error) {
    if (error instanceof CaptureSpecError) throw new InvalidArgumentError(`${error.message}.`);
    throw error;
  }
}

/** A file that more than one option writes. */
export function writtenTwice(captures: readonly CaptureSpec[] = [], output?: string): string | undefined {
  const files = [...captures.map(({ file }) => file), ...(output === undefined ? [] : [output])];
  return files.find((file, index) => files.indexOf(file) !== index);
}

const keys = CAPTURE_KEYS.map(({ key, allowed, meaning }) => `  ${key.padEnd(8)} ${meaning}: ${allowed}`).join('\n');
const reasons = Object.entries(DROP_REASONS)
  .map(([reason, text]) => `  ${reason.padEnd(17)} ${text}`)
  .join('\n');

export const CAPTURE_HELP = `Hooks of --capture:
  ${HOOKS.join(', ')}

Filter of --capture: key=value,key=value; a file's name cannot hold a colon, the filter may. Its keys:
${keys}

Reasons of drops:
${reasons}
`;
