/** The page of --web in a real browser, with a real run on the engine. */
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { describeInBrowser, launchBrowser, urlOf, visit } from './support/browser.ts';
import { EVERYDAY, type Running, start, summaryOf } from './support/command.ts';

const RUN = ['--cpu', '1', '--cpu', '2', '--cpu', '3', '--rx-cpu', '0', '--rx-queues', '2', '--web', '0', '--json'];
const PKTGEN = [...RUN, '--pktgen', 'rate=20k,flows=64', '--program-mode', 'l4-hash'];

const whole = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });

describeInBrowser('the page', () => {
  let browser: Browser;
  const running: Running[] = [];
  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterAll(() => browser.close());
  afterEach(() => {
    for (const { child } of running.splice(0)) child.kill('SIGKILL');
  });

  async function serve(...args: string[]): Promise<{ run: Running; url: string }> {
    const run = start(args);
    running.push(run);
    return { run, url: await urlOf(run) };
  }

  it('has the numbers of the summary, and asks nobody else', async () => {
    const { run, url } = await serve(...PKTGEN, '--remote-action', 'drop', '--qsize', '8');
    const { page, complaints, total, picture } = await visit(browser, url);
    await page.locator('.status.live').waitFor();
    await page.locator('.uplot canvas').nth(5).waitFor();
    await page.waitForFunction(() => document.querySelectorAll('.band').length >= 5);
    run.child.kill('SIGINT');
    await page.getByRole('status').filter({ hasText: 'the run has ended' }).waitFor();
    const { rx, xdp, enqueue, kthread, exception } = summaryOf(await run.finished);
    const sum = (field: 'processed' | 'delivered' | 'xdp_drop'): number =>
      kthread.reduce((all, cpu) => all + cpu[field], 0);
    const numbers: Record<string, number> = {
      received: rx.packets,
      bytes: rx.bytes,
      missed: rx.missed,
      lengthErrors: rx.length_errors,
      programDrops: xdp.drop,
      redirected: xdp.redirect,
      redirectErrors: xdp.redirect_err,
      enqueued: enqueue.processed,
      enqueueDrops: enqueue.drops,
      taken: sum('processed'),
      remoteDrops: sum('xdp_drop'),
      delivered: sum('delivered'),
      exceptions: exception,
    };
    expect(rx.packets).toBeGreaterThan(1000);
    for (const [name, value] of Object.entries(numbers)) {
      expect([name, await total(name)]).toEqual([name, whole.format(value)]);
    }
    expect(await total('bulkAverage')).toBe(enqueue.bulk_average.toFixed(2));
    await page.getByLabel('totals').check();
    for (const { cpu, processed, xdp_drop } of kthread) {
      const cell = (name: string) => page.locator(`tr[data-cpu="${cpu}"] td[data-column="${name}"]`).textContent();
      expect([cpu, await cell('taken'), await cell('2nd drop')]).toEqual([
        cpu,
        whole.format(processed),
        whole.format(xdp_drop),
      ]);
    }
    await expect(page.locator('[data-controls="none"]').textContent()).resolves.toBe('Read only: the run has ended.');
    await picture('ended');
    expect(complaints.filter((text) => !text.includes('ERR_CONNECTION_REFUSED'))).toEqual([]);
    await page.close();
  });

  it('controls the run: rate, program, rings, CPUs, pause', async () => {
    const { run, url } = await serve(...PKTGEN);
    const { page, complaints } = await visit(browser, url);
    await page.getByLabel('Rate, frames/s or max').fill('5,000');
    await page.getByRole('button', { name: 'Set', exact: true }).click();
    await page.waitForFunction(async () => {
      const { point } = await (await fetch('api/tick')).json();
      return point.received > 4000 && point.received < 6000;
    });
    await page.getByLabel('Program', { exact: true }).selectOption('round-robin');
    await page.getByRole('button', { name: 'Use', exact: true }).click();
    await page.getByRole('heading', { name: 'nic0 → round_robin' }).waitFor();
    await page.getByLabel('Ring size, frames').fill('128');
    await page.getByRole('button', { name: 'Replace entries' }).click();
    await page.locator('tr[data-cpu="2"]').getByText('/ 128').waitFor();
    await page.getByRole('checkbox', { name: 'CPU 2' }).click();
    await page.locator('tr[data-cpu="2"] .parked').waitFor();
    await page.waitForFunction(
      () => document.querySelector('tr[data-cpu="2"] [data-column="brought"]')!.textContent === '0',
    );
    expect(await page.getByRole('checkbox', { name: 'CPU 2' }).isChecked()).toBe(false);
    await page.getByRole('button', { name: 'Pause' }).click();
    await page.locator('.status.over').filter({ hasText: 'paused' }).waitFor();
    await page.getByRole('button', { name: 'Resume' }).click();
    await page.locator('.status.live').waitFor();
    await page.getByRole('checkbox', { name: 'CPU 1' }).click();
    await page.getByRole('checkbox', { name: 'CPU 3' }).click();
    await page.getByRole('alert').filter({ hasText: 'Refused: CPU 3 is the last one in use.' }).waitFor();
    run.child.kill('SIGINT');
    const { ledger, xdp, program } = summaryOf(await run.finished);
    expect({ balanced: ledger.balanced, aborted: xdp.aborted, program }).toEqual({
      balanced: true,
      aborted: 0,
      program: 'round_robin',
    });
    expect(complaints.filter((text) => !/409|ERR_CONNECTION_REFUSED/.test(text))).toEqual([]);
    await page.close();
  });

  it('replays a capture from where it is told', async () => {
    const { run, url } = await serve(...RUN, '--input', EVERYDAY);
    const { page } = await visit(browser, url);
    await page.getByRole('status').filter({ hasText: 'all frames were sent' }).waitFor();
    await page.getByLabel(/^Replay/).fill('900');
    expect(await page.getByLabel('Frame to go on with').inputValue()).toBe('900');
    await page.getByRole('button', { name: 'Go there' }).click();
    await page.locator('[data-total="received"]').getByText('919', { exact: true }).waitFor();
    await page.getByLabel('Frame to go on with').fill('909');
    await page.getByLabel('Frame to go on with').press('Enter');
    await page.locator('[data-total="received"]').getByText('920', { exact: true }).waitFor();
    run.child.kill('SIGINT');
    expect(summaryOf(await run.finished).rx.packets).toBe(920);
    await page.close();
  });

  it('is used with the keyboard alone: asks why, samples, and finds the largest flow', async () => {
    const { url } = await serve(...RUN, '--pktgen', 'rate=20k,flows=4', '--program-mode', 'no-touch');
    const { page, picture } = await visit(browser, url, { dark: true });
    const focused = (): Promise<string> =>
      page.evaluate(() => (document.activeElement?.matches('button') ? document.activeElement.textContent : ''));
    const tabTo = async (text: string): Promise<void> => {
      for (let stops = 0; !(await focused()).includes(text); stops++) {
        if (stops === 60) expect.fail(`no way to "${text}"`);
        await page.keyboard.press('Tab');
      }
    };
    await tabTo('is CPU 1 hot');
    const outline = await page.evaluate(() => getComputedStyle(document.activeElement!).outlineStyle);
    expect(outline).toBe('solid');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Why is CPU 1 hot?' }).waitFor();
    for (let stops = 0; !(await page.evaluate(() => document.activeElement?.matches('.sampling input'))); stops++) {
      if (stops === 60) expect.fail('no way to the number of frames');
      await page.keyboard.press('Tab');
    }
    await page.keyboard.press('Control+A');
    await page.keyboard.type('3');
    const seconds = await page.locator('[data-total="seconds"]').textContent();
    await page.locator('[data-total="seconds"]').filter({ hasNotText: seconds! }).waitFor();
    expect(await page.locator('.sampling input').inputValue()).toBe('3'); // drawn anew, and not taken back
    await tabTo('Start sampling');
    await page.keyboard.press('Space');
    await page.getByText('no_touch sends everything to the first CPU').waitFor();
    await page.getByText('of 4 flows.').waitFor();
    expect(await page.locator('.flows tbody tr').count()).toBe(4);
    expect(await page.locator('.flows tbody tr').first().textContent()).toMatch(/ → .*, UDP/);
    await picture('why-dark');
    await tabTo('Stop sampling');
    await page.keyboard.press('Space');
    await page.getByRole('button', { name: 'Start sampling' }).waitFor();
    await page.close();
  });

  it('is seen from other machines with the token alone, which the address bar does not keep', async () => {
    const { url } = await serve(...PKTGEN, '--host', '0.0.0.0');
    expect(url).toMatch(/\?token=[\w-]{24}$/);
    const { page, complaints } = await visit(browser, url);
    await page.locator('.status.live').waitFor();
    expect(page.url()).toBe(url.replace(/\?.*/, ''));
    await page.getByRole('button', { name: 'Pause' }).click();
    await page.getByRole('button', { name: 'Resume' }).waitFor();
    expect(complaints).toEqual([]);
    await page.close();
    const stranger = await browser.newPage();
    const refused = await stranger.goto(url.replace(/\?.*/, ''));
    expect(refused!.status()).toBe(401);
    await stranger.close();
  });

  it('fits a phone, in light and dark, and keeps its plots over a reload', async () => {
    const { url } = await serve(...PKTGEN);
    const { page, picture, complaints } = await visit(browser, url, { width: 360, height: 740 });
    await page.waitForFunction(async () => (await (await fetch('api/history')).json()).length >= 3);
    await page.reload();
    await page.locator('.uplot canvas').first().waitFor();
    const widths = () => page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    expect(await widths()).toEqual([360, 360]);
    await page.getByLabel(/^Rate, frames\/s: now received [\d.]+K?, taken over [\d.]/).waitFor();
    await picture('phone-light');
    const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const light = await background();
    await page.getByLabel('Colours').selectOption('dark');
    expect(await background()).not.toBe(light);
    await page.reload();
    await page.locator('main').waitFor();
    expect(await background()).not.toBe(light);
    expect(await widths()).toEqual([360, 360]);
    await picture('phone-dark');
    await page.setViewportSize({ width: 1280, height: 900 });
    await page.getByLabel('Colours').selectOption('light');
    await picture('light');
    const bands = await page.locator('.flow figcaption li').allInnerTexts();
    expect(bands.some((text) => /^queue 0 to RX CPU 0: [\d,]+ frames\/s/.test(text))).toBe(true);
    expect(bands.some((text) => /^RX CPU 0 to CPU 3: [\d,]+ frames\/s/.test(text))).toBe(true);
    expect(complaints).toEqual([]);
    await page.close();
  });
});
