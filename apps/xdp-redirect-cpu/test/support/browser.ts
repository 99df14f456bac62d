/**
 * A real browser for tests of --web: Debian's Chromium, or the one that CHROMIUM names. Screenshots go to `test-output`.
 */
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright-core';
import { describe } from 'vitest';
import type { Running } from './command.ts';

const EXECUTABLE = process.env.CHROMIUM ?? '/usr/bin/chromium';
const OUTPUT = fileURLToPath(new URL('../../test-output/', import.meta.url));
const PATIENCE_MS = 15_000;
const QUIET = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

const reason = existsSync(EXECUTABLE)
  ? undefined
  : `no browser: ${EXECUTABLE} is not there; install chromium, or set CHROMIUM to one`;
if (reason !== undefined) process.stderr.write(`SKIPPED: ${reason}\n`);

/** `describe` with a browser. */
export function describeInBrowser(name: string, tests: () => void): void {
  describe.skipIf(reason !== undefined)(reason === undefined ? name : `${name} (skipped: ${reason})`, tests);
}

export const launchBrowser = (): Promise<Browser> => chromium.launch({ executablePath: EXECUTABLE, args: QUIET });

export interface OpenOptions {
  readonly width?: number;
  readonly height?: number;
  readonly dark?: boolean;
}

export interface Visit {
  readonly page: Page;
  /** Messages of the console, exceptions, and requests that went elsewhere. */
  readonly complaints: readonly string[];
  /** Keeps a picture of the whole page; returns its path. */
  picture(name: string): Promise<string>;
  /** The text of a total, by its name. */
  total(name: string): Promise<string | null>;
}

export async function visit(
  browser: Browser,
  url: string,
  { width = 1280, height = 900, dark = false }: OpenOptions = {},
): Promise<Visit> {
  const page = await browser.newPage({ viewport: { width, height }, colorScheme: dark ? 'dark' : 'light' });
  page.setDefaultTimeout(PATIENCE_MS); // below a test's, so that it is told what was waited for
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (message.type() !== 'log') complaints.push(`${message.type()}: ${message.text()}`);
  });
  page.on('pageerror', (error) => complaints.push(`exception: ${error.message}`));
  page.on('request', (request) => {
    if (new URL(request.url()).host !== new URL(url).host) complaints.push(`request to ${request.url()}`);
  });
  await page.goto(url);
  await page.locator('main').waitFor();
  return {
    page,
    complaints,
    async picture(name) {
      mkdirSync(OUTPUT, { recursive: true });
      const path = join(OUTPUT, `${name}.png`);
      await page.screenshot({ path, fullPage: true });
      return path;
    },
    total: (name) => page.locator(`[data-total="${name}"]`).textContent(),
  };
}

/** Where a run with `--web 0 --json` serves its page. */
export async function urlOf(running: Running): Promise<string> {
  return /"web":"([^"]+)"/.exec(await running.printed('"web":'))![1]!;
}
