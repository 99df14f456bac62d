/** Whether the running kernel can be asked: Linux, root's rights, koffi. Tests that need it are skipped with the reason. */
import { KernelError } from '@cpumap/uapi';
import { describe } from 'vitest';
import { createLinuxMap } from '../../src/linux-map.ts';

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

/** `describe` on the running kernel. */
export function describeOnLinux(name: string, tests: () => void): void {
  describe.skipIf(reason !== undefined)(reason === undefined ? name : `${name} (skipped: ${reason})`, tests);
}
