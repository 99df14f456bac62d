/** An object of clang on the running kernel: its accesses to kernel structs fitted to the kernel's own types. */
import { readFileSync } from 'node:fs';
import { linkProgram, readObject } from '@cpumap/bpf';
import { loadCollection } from '@cpumap/host';
import { expect, it } from 'vitest';
import { createLinuxBackend } from '../src/backend.ts';
import { describeOnLinux } from './support/kernel.ts';

const MODERN = new URL('../../bpf/test/objects/modern.o', import.meta.url);

describeOnLinux('an object', () => {
  it('with CO-RE relocations is loaded, tracing programs included', async () => {
    const spec = readObject(readFileSync(MODERN), { name: 'modern.o' });
    expect(linkProgram(spec, 'on_kthread').core.length).toBeGreaterThan(0);
    const linux = createLinuxBackend();
    // all but the one with a callback, which Linux takes with BTF of functions alone
    const programs = ['xdp_spread', 'remote_filter', 'on_enqueue', 'on_kthread', 'on_redirect_err', 'on_exception'];
    const collection = await loadCollection(linux, spec, { programs, maxEntries: { cpu_map: linux.possibleCpus } });
    try {
      expect([...collection.programs.keys()]).toEqual(programs);
    } finally {
      collection.close();
      await linux.close();
    }
  });
});
