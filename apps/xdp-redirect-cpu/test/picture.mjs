/**
 * Draws the picture of the dashboard that the READMEs show, from a real run of half a minute: `pnpm picture`. Needs the built
 * command, and a browser as the tests do.
 */
import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const OUTPUT = here('../../../docs/images/dashboard.png');
const RUN =
  '--pktgen rate=200k,flows=9 --rx-queues 2 --rx-cpu 0 --cpu 1 --cpu 2 --cpu 3 -p l4-hash -q 128 --web 0 --json';
const WARM_UP_MS = 30_000;

const command = spawn(process.execPath, [here('../dist/cli.js'), ...RUN.split(' ')], {
  stdio: ['ignore', 'pipe', 'inherit'],
});
try {
  const setup = await new Promise((resolve) => createInterface(command.stdout).once('line', resolve));
  command.stdout.resume();
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu'],
  });
  const page = await browser.newPage({ viewport: { width: 1120, height: 800 }, colorScheme: 'light' });
  await page.goto(JSON.parse(setup).web);
  await page.getByRole('button', { name: 'Start sampling' }).click();
  await page.locator('tr[data-cpu="2"] button').click();
  await page.waitForTimeout(WARM_UP_MS);
  await page.mouse.click(2, 2);
  mkdirSync(here('../../../docs/images/'), { recursive: true });
  // down to the controls: plots and totals are the larger half of the file
  const height = await page.evaluate(() => {
    const { bottom } = document.querySelector('section[aria-labelledby="controls"]').getBoundingClientRect();
    return Math.ceil(bottom + scrollY + 8);
  });
  await page.screenshot({ path: OUTPUT, fullPage: true, clip: { x: 0, y: 0, width: 1120, height } });
  await browser.close();
} finally {
  command.kill('SIGINT');
}
