import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const OTHER_COMPILER = 3;

it('the objects are what their sources compile to', ({ skip }) => {
  const script = fileURLToPath(new URL('build.sh', import.meta.url));
  const { status, stdout, stderr } = spawnSync('sh', [script, '--check'], { encoding: 'utf8' });
  if (status === OTHER_COMPILER) skip(stdout.trim());
  expect(stderr).toBe('');
  expect(stdout.replaceAll(/^.*: the same code\n/gm, '')).toBe('');
  expect(status).toBe(0);
});
