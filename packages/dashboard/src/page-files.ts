/** The built page: its few files, read once. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

export interface PageFile {
  readonly type: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Its name changes with its contents. */
  readonly lasting: boolean;
}

/** By path, as in `/assets/index-x.js`. @throws Error when the page was not built */
export function readPage(): ReadonlyMap<string, PageFile> {
  const folder = fileURLToPath(new URL('./page/', import.meta.url));
  if (!existsSync(join(folder, 'index.html'))) throw new Error(`${folder} is not there: build the package`);
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => extname(name) in TYPES);
  return new Map(
    files.map((name) => {
      const path = `/${name.replaceAll('\\', '/')}`;
      const file = {
        type: TYPES[extname(name)]!,
        bytes: Uint8Array.from(readFileSync(join(folder, name))),
        lasting: path.startsWith('/assets/'),
      };
      return [path === '/index.html' ? '/' : path, file];
    }),
  );
}
