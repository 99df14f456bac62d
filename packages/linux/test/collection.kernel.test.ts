/** An object of clang on the running kernel: its accesses to kernel structs fitted to the kernel's own types. */
import { readFileSync } from 'node:fs';
import { linkProgram, readObject } from '@cpumap/bpf';
import { loadCollection } from '@cpumap/host';
import { expect, it } from 'vitest';
import { createLinuxBackend } from '../src/backend.ts';
import { describeOnLinux } from './support/kernel.ts';

const MODERN = new URL('../../bpf/test/objects/modern.o', import.meta.url);

describeOnLinux('an object', () => {
  it('with CO-RE relocations and callbacks is loaded, tracing programs included', async () => {
    const spec = readObject(readFileSync(MODERN), { name: 'modern.o' });
    expect(linkProgram(spec, 'on_kthread').core.length).toBeGreaterThan(0);
    const linux = createLinuxBackend();
    const collection = await loadCollection(linux, spec, { maxEntries: { cpu_map: linux.possibleCpus } });
    try {
      const wanted = [...spec.programs.values()].filter(({ autoload }) => autoload);
      expect([...collection.programs.keys()]).toEqual(wanted.map(({ name }) => name));
      expect(wanted.length).toBe(9);
    } finally {
      collection.close();
      await linux.close();
    }
  });
});
