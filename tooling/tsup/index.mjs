import { defineConfig } from 'tsup';

/** One build for all: ES modules for Node 20, declarations and source maps; entries share chunks. */
export function packageBuild(entry = ['src/index.ts']) {
  return defineConfig({
    entry,
    format: 'esm',
    target: 'node20',
    platform: 'node',
    splitting: true,
    sourcemap: true,
    clean: true,
    // keep `node:fs` as written
    removeNodeProtocol: false,
    // tsup sets baseUrl for the declaration build, which TypeScript 6 calls deprecated
    dts: { compilerOptions: { ignoreDeprecations: '6.0' } },
  });
}
