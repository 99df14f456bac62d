import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

it('the fuzzer finds nothing in 3000 mutants (seed 20171018), which end in many ways', () => {
  const script = fileURLToPath(new URL('../../scripts/fuzz-objects.mjs', import.meta.url));
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, '--count', '3000', '--seed', '20171018'], {
    encoding: 'utf8',
  });
  expect(stderr).toBe('');
  expect(status).toBe(0);
  for (const end of [
    'read and decoded',
    'read, then KernelError EINVAL',
    'ObjectError bad-btf',
    'ObjectError bad-map',
  ]) {
    expect(stdout).toContain(`  ${end}\n`);
  }
});
