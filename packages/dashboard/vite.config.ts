import { defineConfig } from 'vite';

export default defineConfig({
  root: 'page',
  base: './',
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: '../dist/page',
    emptyOutDir: true,
    target: 'es2022',
    modulePreload: false,
    // everything comes from files: the page's policy forbids what is inline
    assetsInlineLimit: 0,
    license: { fileName: 'licenses.md' },
  },
});
