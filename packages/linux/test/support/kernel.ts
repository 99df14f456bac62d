/** Whether the running kernel can be asked: Linux, root's rights, koffi. Tests that need it are skipped with the reason. */
import { KernelError } from '@cpumap/uapi';
import { describe } from 'vitest';
import { createLinuxMap } from '../../src/linux-map.ts';
import { possibleCpus } from '../../src/possible-cpus.ts';
import { enterNamespace } from './namespace.ts';

function problem(): string | undefined {
  try {
    createLinuxMap({ type: 2, keySize: 4, valueSize: 4, maxEntries: 1 }).close();
    return undefined;
  } catch (error) {
    if (error instanceof KernelError) return error.message;
    throw error;
  }
}

const reason = problem();
if (reason !== undefined) process.stderr.write(`SKIPPED, no kernel to ask: ${reason}\n`);

function describeUnless(problem: string | undefined, name: string, tests: () => void): void {
  describe.skipIf(problem !== undefined)(problem === undefined ? name : `${name} (skipped: ${problem})`, tests);
}

/** `describe` on the running kernel. */
export function describeOnLinux(name: string, tests: () => void): void {
  describeUnless(reason, name, tests);
}

/** Why there can be no namespace; undefined when the calling thread is in one from now on. */
function namespaceProblem(): string | undefined {
  if (possibleCpus() < 2) return 'a redirect to another CPU needs two';
  try {
    enterNamespace();
    return undefined;
  } catch (error) {
    return `no network namespace (it takes CAP_SYS_ADMIN and ip of iproute2): ${error}`;
  }
}

/** `describe` on the running kernel, in a network namespace of this file's own. */
export function describeInNamespace(name: string, tests: () => void): void {
  const problem = reason ?? namespaceProblem();
  if (problem !== undefined && reason === undefined) process.stderr.write(`SKIPPED: ${problem}\n`);
  describeUnless(problem, name, tests);
}
