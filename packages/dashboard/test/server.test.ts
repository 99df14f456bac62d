/** The server: who may look, who may act, what pages get, and that none of them can hold it up. */
import { get as httpGet, type IncomingMessage } from 'node:http';
import { connect, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { createDashboard, type Dashboard, DashboardError, type DashboardOptions, type Setup } from '@cpumap/dashboard';
import { afterEach, describe, expect, it } from 'vitest';
import { createClients, eventText } from '../src/clients.ts';
import { isLoopback } from '../src/guard.ts';
import { afterSeconds, type FakeSource, fakeControls, fakeSource } from './support/fake-source.ts';

const CONTROL = { 'content-type': 'application/json', 'x-cpumap-dashboard': '1' };
const open: Dashboard[] = [];
afterEach(async () => {
  for (const dashboard of open.splice(0)) await dashboard.close();
});

async function serve(options: Partial<DashboardOptions> = {}): Promise<Dashboard & { source: FakeSource }> {
  const source = fakeSource();
  const controls = fakeControls(source.asked);
  const dashboard = await createDashboard({ source, controls, port: 0, intervalSeconds: 0.05, ...options });
  open.push(dashboard);
  return { ...dashboard, source };
}

/** With headers that fetch does not let through. */
function raw(url: string, headers: Record<string, string>): Promise<IncomingMessage & { text: string }> {
  return new Promise((resolve, reject) => {
    httpGet(url, { headers }, (response) => {
      let text = '';
      response.on('data', (chunk) => {
        text += chunk;
      });
      response.on('end', () => resolve(Object.assign(response, { text })));
    }).on('error', reject);
  });
}

const post = (url: string, value: unknown, headers: Record<string, string> = CONTROL): Promise<Response> =>
  fetch(url, { method: 'POST', headers, body: JSON.stringify({ value }) });

describe('the page', () => {
  it('comes with a policy that forbids whatever is not its own', async () => {
    const { url } = await serve();
    const page = await fetch(url);
    expect(page.status).toBe(200);
    const html = await page.text();
    expect(html).not.toMatch(/<script(?![^>]*src="\.\/assets\/)|<style|style=|onclick=|https?:/);
    expect(page.headers.get('content-security-policy')).toMatch(
      /^default-src 'none'; script-src 'self'; style-src 'self'/,
    );
    expect(page.headers.get('content-security-policy')).not.toMatch(/unsafe|\*/);
    expect(page.headers.get('x-content-type-options')).toBe('nosniff');
    expect(page.headers.get('referrer-policy')).toBe('no-referrer');
    const script = /src="\.\/(assets\/[^"]+\.js)"/.exec(html)![1]!;
    const file = await fetch(url + script);
    expect(file.headers.get('content-type')).toMatch('text/javascript');
    expect(file.headers.get('cache-control')).toMatch('immutable');
    expect((await fetch(`${url}assets/none.js`)).status).toBe(404);
    expect((await fetch(`${url}../package.json`)).status).toBe(404);
    expect((await raw(`${url}..%2f..%2fpackage.json`, {})).statusCode).toBe(404);
  });

  it('gets totals and rates as JSON, and the same in events', async () => {
    const { url, source } = await serve();
    source.now = afterSeconds(2);
    await sleep(120);
    const { point, totals } = await (await fetch(`${url}api/tick`)).json();
    expect(point).toMatchObject({ received: 1000, enqueueDrops: 60 });
    expect(totals).toMatchObject({ received: 2000, enqueued: 2000, enqueueDrops: 120, taken: 1800, bulkAverage: 5 });
    expect(await (await fetch(`${url}api/history`)).json()).toMatchObject([{ received: 1000 }]);
    const events = (await fetch(`${url}api/events`)).body!.getReader();
    const text = new TextDecoder().decode((await events.read()).value);
    expect(text).toMatch(/^retry: 1000\nevent: setup\ndata: \{/);
    expect(JSON.parse(/event: tick\ndata: (.*)/.exec(text)![1]!)).toEqual({ point, totals });
    await events.cancel();
  });

  it('is not read by other sites', async () => {
    const { url } = await serve();
    for (const path of ['api/tick', 'api/events', 'api/history']) {
      expect((await fetch(url + path, { headers: { 'sec-fetch-site': 'cross-site' } })).status).toBe(403);
    }
    expect((await fetch(url, { headers: { 'sec-fetch-site': 'cross-site' } })).status).toBe(200); // a link to it
  });

  it('is told when the numbers cannot be read any more; the run goes on', async () => {
    const { url, source } = await serve();
    Object.defineProperty(source, 'now', {
      get() {
        throw new Error('the map is gone');
      },
    });
    for (let tries = 0; tries < 100; tries++) {
      const { finished } = (await (await fetch(`${url}api/setup`)).json()) as Setup;
      if (finished !== null) return expect(finished).toBe('the numbers could not be read: the map is gone');
      await sleep(10);
    }
    return expect.fail('nobody was told');
  });

  it('is told the end, with the last numbers', async () => {
    const { url, source, finish } = await serve({ intervalSeconds: 60 });
    const events = (await fetch(`${url}api/events`)).body!.getReader();
    await events.read();
    source.now = afterSeconds(3);
    finish('the run has ended');
    const decoder = new TextDecoder();
    let text = '';
    while (!text.includes('"finished":"the run has ended"')) text += decoder.decode((await events.read()).value);
    expect(text).toMatch('"received":3000');
    await events.cancel();
    const refused = await (await fetch(`${url}api/setup`)).json();
    expect(refused).toMatchObject({ controls: null, whyNoControls: 'the run has ended' });
  });
});

describe('controls', () => {
  it('act, and say what they refuse', async () => {
    const { url, source } = await serve();
    expect((await post(`${url}api/controls/rate`, 5)).status).toBe(200);
    expect(source.asked).toEqual(['rate 5']);
    for (const [path, value, status, error] of [
      ['rate', 'x', 400, 'a rate is a number'],
      ['rate', 1e10, 409, 'not now'],
      ['qsize', 5, 409, 'qsize cannot be set in this run'],
      ['colour', 5, 404, 'there is no control colour'],
      ['state', 5, 404, 'there is no control state'],
    ] as const) {
      const response = await post(`${url}api/controls/${path}`, value);
      expect(response.status).toBe(status);
      expect(await response.json()).toEqual({ error });
    }
    expect(source.asked).toEqual(['rate 5']);
  });

  it.each([
    ['without the header', { 'content-type': 'application/json' }, 403],
    ['from another origin', { ...CONTROL, origin: 'http://evil.example' }, 403],
    ['from no origin at all', { ...CONTROL, origin: 'null' }, 403],
    ['from another site', { ...CONTROL, 'sec-fetch-site': 'cross-site' }, 403],
    ['as a form', { ...CONTROL, 'content-type': 'text/plain' }, 400],
  ])('are not taken %s', async (_, headers, status) => {
    const { url, source } = await serve();
    expect((await post(`${url}api/controls/rate`, 5, headers)).status).toBe(status);
    expect((await post(`${url}api/sampler`, 5, headers)).status).toBe(status);
    expect(source.asked).toEqual([]);
  });

  it('take no bodies that are wrong or large', async () => {
    const { url, source } = await serve();
    const send = (body: string): Promise<Response> =>
      fetch(`${url}api/controls/rate`, { method: 'POST', headers: CONTROL, body });
    for (const body of ['', '{', '5', 'null', '{"rate":5}']) expect((await send(body)).status).toBe(400);
    expect((await send(JSON.stringify({ value: 'x'.repeat(10_000) }))).status).toBe(413);
    expect(source.asked).toEqual([]);
  });

  it('are not there, with the reason', async () => {
    const source = fakeSource();
    const dashboard = await createDashboard({ source, port: 0, whyNoControls: '--allow-control was not given' });
    open.push(dashboard);
    const response = await post(`${dashboard.url}api/controls/rate`, 5);
    expect(response.status).toBe(403);
    expect(await response.json()).toEqual({ error: '--allow-control was not given' });
  });
});

describe('on loopback', () => {
  it('other names are refused: a page of the web may come with one that points here', async () => {
    const { url } = await serve();
    const port = new URL(url).port;
    for (const host of ['evil.example', `evil.example:${port}`, '192.0.2.1', '127.0.0.1.evil.example']) {
      const { statusCode, text } = await raw(`${url}api/tick`, { host });
      expect([host, statusCode]).toEqual([host, 403]);
      expect(text).not.toMatch('totals');
    }
    for (const host of ['localhost', `localhost:${port}`, '127.0.0.1:1', '127.3.2.1', `[::1]:${port}`]) {
      expect((await raw(`${url}api/tick`, { host })).statusCode).toBe(200);
    }
  });

  it.each([
    ['127.0.0.1', true],
    ['127.255.0.9', true],
    ['localhost', true],
    ['::1', true],
    ['[::1]', true],
    ['0.0.0.0', false],
    ['::', false],
    ['192.0.2.1', false],
    ['example.org', false],
    ['localhost.example.org', false],
  ])('%s: %s', (host, loopback) => {
    expect(isLoopback(host)).toBe(loopback);
  });
});

describe('on another address', () => {
  it('a token is needed, which a cookie keeps from then on', async () => {
    const { url } = await serve({ host: '0.0.0.0' });
    const { port, searchParams } = new URL(url);
    const token = searchParams.get('token')!;
    expect(token).toMatch(/^[\w-]{24}$/);
    const base = `http://127.0.0.1:${port}/`;
    for (const path of ['', 'api/tick', 'api/events', `?token=${token}x`, '?token=', 'assets/x.js']) {
      expect((await fetch(base + path, { redirect: 'manual' })).status).toBe(401);
    }
    expect((await post(`${base}api/controls/rate`, 5)).status).toBe(401);
    const visit = await fetch(`${base}?token=${token}`, { redirect: 'manual' });
    expect(visit.status).toBe(303);
    expect(visit.headers.get('location')).toBe('/');
    const cookie = visit.headers.get('set-cookie')!;
    expect(cookie).toMatch(/; Path=\/; HttpOnly; SameSite=Strict$/);
    const headers = { cookie: cookie.split(';')[0]! };
    expect((await fetch(base, { headers })).status).toBe(200);
    expect((await post(`${base}api/controls/rate`, 5, { ...CONTROL, ...headers })).status).toBe(200);
    expect((await fetch(`${base}api/tick`, { headers: { authorization: `Bearer ${token}` } })).status).toBe(200);
    const other = await serve({ host: '0.0.0.0' });
    expect(new URL(other.url).searchParams.get('token')).not.toBe(token);
  });
});

describe('when it cannot listen', () => {
  it.each([
    ['127.0.0.1', undefined, /^port \d+ of 127.0.0.1 is taken: --web 0 finds a free one$/],
    ['192.0.2.77', 0, /^192.0.2.77 is no address of this machine$/],
  ])('on %s it says why', async (host, port, message) => {
    const taken = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => taken.once('listening', resolve));
    const own = (taken.address() as { port: number }).port;
    const attempt = createDashboard({ source: fakeSource(), port: port ?? own, host });
    await expect(attempt).rejects.toThrow(DashboardError);
    await expect(attempt).rejects.toThrow(message);
    await new Promise((resolve) => taken.close(resolve));
  });
});

describe('more routes', () => {
  it('are behind the same guards', async () => {
    const { url } = await serve({ routes: (app) => app.get('/metrics', (c) => c.text('up 1\n')) });
    expect(await (await fetch(`${url}metrics`)).text()).toBe('up 1\n');
    expect((await raw(`${url}metrics`, { host: 'evil.example' })).statusCode).toBe(403);
  });
});

describe('pages that do not read', () => {
  it('have a bounded queue, miss events, and are let go', async () => {
    const clients = createClients({ clients: 2, bytes: 1000, missed: 3 });
    const slow = clients.open(eventText('setup', {}))!.getReader();
    const quick = clients.open(eventText('setup', {}))!.getReader();
    expect(clients.open('x')).toBeUndefined();
    const event = eventText('tick', 'x'.repeat(400));
    const text = new TextDecoder();
    let got = 0;
    for (let i = 0; i < 12; i++) {
      clients.send(event);
      for (let n = i === 0 ? 2 : 1; n > 0; n--) got += text.decode((await quick.read()).value).includes('tick') ? 1 : 0;
    }
    expect(got).toBe(12);
    expect(clients.count).toBe(1);
    await expect(slow.read()).rejects.toThrow('does not read');
    clients.close();
    expect(clients.count).toBe(0);
  });

  it('are forgotten when they vanish', async () => {
    const { url } = await serve({ intervalSeconds: 60 });
    const open = async (): Promise<{ status: number; leave: AbortController }> => {
      const leave = new AbortController();
      const response = await fetch(`${url}api/events`, { signal: leave.signal });
      await response.body!.getReader().read();
      return { status: response.status, leave };
    };
    for (let page = 0; page < 80; page++) {
      let visit = await open();
      // word of those that left may still be on its way
      for (let tries = 0; visit.status === 503 && tries < 100; tries++) visit = await open();
      expect([page, visit.status]).toEqual([page, 200]);
      visit.leave.abort();
    }
  });

  it('do not hold up others, nor the end', async () => {
    const { url, source, close } = await serve({ intervalSeconds: 0.005 });
    const { port } = new URL(url);
    const stuck = Array.from({ length: 20 }, () => {
      const socket = connect(Number(port), '127.0.0.1');
      socket.on('error', () => undefined);
      socket.write(`GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n`);
      socket.pause();
      return socket;
    });
    stuck[0]!.destroy(); // and one that vanishes
    let seconds = 0;
    const moving = setInterval(() => {
      source.now = afterSeconds(++seconds);
    }, 4);
    const started = performance.now();
    for (let i = 0; i < 20; i++) expect((await fetch(`${url}api/tick`)).status).toBe(200);
    await sleep(300);
    clearInterval(moving);
    await close();
    expect(performance.now() - started).toBeLessThan(5000);
    for (const socket of stuck) socket.destroy();
  });
});
