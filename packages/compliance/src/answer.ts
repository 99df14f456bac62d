/**
 * Answers to the suite's questions, as plain JSON: what an operation gave, or the name of its errno. Bytes are hex; a
 * question that has no answer but success is 'ok'.
 */
import { BatchError, type MapBatch } from '@cpumap/bpf';
import { KernelError } from '@cpumap/uapi';

export type Answer =
  | string
  | number
  | boolean
  | null
  | readonly Answer[]
  | { readonly [field: string]: Answer | undefined };
/** By question, in the order in which they were asked. */
export type Answers = Record<string, Answer>;

export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

function isBatch(value: object): value is MapBatch {
  return 'keys' in value && 'values' in value && 'next' in value;
}

/** What an operation gave, in the form in which two subjects are compared. */
function plain(value: unknown): Answer {
  if (value === undefined) return 'ok';
  if (value instanceof Uint8Array) return hex(value);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === 'object' && value !== null && isBatch(value)) {
    const pairs = value.keys.map((key, i) => `${hex(key)}=${hex(value.values[i]!)}`);
    return { pairs: pairs.sort(), ended: value.next === undefined };
  }
  return value as Answer;
}

/** The errno of a refusal. @throws what is no refusal */
export function refusalOf(error: unknown): string {
  if (error instanceof BatchError) return `${error.code} after ${error.count}`;
  if (error instanceof KernelError) return error.code;
  throw error;
}

/** What an operation answers: its result, or its errno. */
export function answerOf(act: () => unknown): Answer {
  try {
    return plain(act());
  } catch (error) {
    return refusalOf(error);
  }
}

/** The same of an operation that takes its time. */
export async function answerOfAsync(act: () => Promise<unknown>): Promise<Answer> {
  try {
    return plain(await act());
  } catch (error) {
    return refusalOf(error);
  }
}
