/**
 * `npm run docs`: the reference of the command, from its options, and the reference of all packages, by typedoc, in docs/api.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ensureInstalled, root, toolEnvironment, turbo } from '../bootstrap/install.mjs';
import { run } from '../bootstrap/run.mjs';

await ensureInstalled();
await turbo('build', 'build');
const { commandReference } = await import('../../apps/xdp-redirect-cpu/dist/index.js');
writeFileSync(join(root, 'docs', 'reference', 'xdp-redirect-cpu.md'), commandReference());
await run('typedoc', 'typedoc', ['--options', 'tooling/docs/typedoc.json'], { cwd: root, env: toolEnvironment });
