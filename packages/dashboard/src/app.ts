/** The routes: the page, what it reads, and what it asks to change. */
import { type Context, Hono, type MiddlewareHandler } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { HTTPException } from 'hono/http-exception';
import { type Clients, eventText } from './clients.ts';
import type { FlowWatch } from './flows/flow-watch.ts';
import { fromOwnPage, loopbackNamesOnly, notFromOtherSites, securityHeaders, tokenNeeded } from './guard.ts';
import type { History } from './history.ts';
import type { PageFile } from './page-files.ts';
import type { Setup, Tick } from './protocol.ts';
import { type ControlName, ControlRefused, type DashboardControls } from './source.ts';

export interface AppParts {
  readonly page: ReadonlyMap<string, PageFile>;
  readonly clients: Clients;
  readonly history: History;
  readonly flows: FlowWatch | undefined;
  readonly controls: DashboardControls | undefined;
  /** undefined: on loopback. */
  readonly token: string | undefined;
  setup(): Setup;
  tick(): Tick;
  /** Something was changed: tell everybody now. */
  changed(): void;
  readonly routes: ((app: Hono) => void) | undefined;
}

const CONTROLS: readonly ControlName[] = ['rate', 'program', 'qsize', 'cpu', 'position', 'paused'];
const MOST_BODY = 4096;

const json: MiddlewareHandler = async (c, next) => {
  if (/^application\/json\b/.test(c.req.header('content-type') ?? '')) return next();
  return c.json({ error: 'the body is JSON: { "value": … }' }, 400);
};

/** The `value` of a body like `{ "value": 3 }`. @throws HTTPException 400 */
async function bodyValue(c: Context): Promise<unknown> {
  let body: unknown;
  try {
    body = await c.req.json();
  } catch {
    body = undefined;
  }
  if (typeof body === 'object' && body !== null && 'value' in body) return body.value;
  throw new HTTPException(400, { message: 'the body is JSON: { "value": … }' });
}

export function createApp(parts: AppParts): Hono {
  const { page, clients, history, flows, controls, token } = parts;
  const app = new Hono();
  app.use(securityHeaders);
  app.use(token === undefined ? loopbackNamesOnly : tokenNeeded(token));
  app.use('/api/*', notFromOtherSites, async (c, next) => {
    await next();
    c.header('Cache-Control', 'no-store');
  });
  app.post('/api/*', fromOwnPage, bodyLimit({ maxSize: MOST_BODY }), json);

  app.get('/api/setup', (c) => c.json(parts.setup()));
  app.get('/api/tick', (c) => c.json(parts.tick()));
  app.get('/api/history', (c) => c.json(history.points()));
  app.get('/api/events', (c) => {
    const stream = clients.open(`retry: 1000\n${eventText('setup', parts.setup())}${eventText('tick', parts.tick())}`);
    if (stream === undefined) return c.json({ error: 'too many pages are open already' }, 503);
    return c.body(stream, 200, { 'Content-Type': 'text/event-stream', 'X-Accel-Buffering': 'no' });
  });

  app.post('/api/controls/:name', async (c) => {
    const name = CONTROLS.find((each) => each === c.req.param('name'));
    if (name === undefined) return c.json({ error: `there is no control ${c.req.param('name')}` }, 404);
    if (controls === undefined) return c.json({ error: parts.setup().whyNoControls }, 403);
    const control = controls[name];
    if (control === undefined) return c.json({ error: `${name} cannot be set in this run` }, 409);
    await control(await bodyValue(c));
    parts.changed();
    return c.json({ controls: controls.state() });
  });

  app.post('/api/sampler', async (c) => {
    if (flows === undefined) return c.json({ error: parts.setup().whyNoSampler }, 403);
    await flows.set(await bodyValue(c));
    parts.changed();
    return c.json(flows.state());
  });
  app.get('/api/flows/:cpu', (c) => {
    if (flows === undefined) return c.json({ error: parts.setup().whyNoSampler }, 403);
    const cpu = c.req.param('cpu');
    if (!/^\d{1,5}$/.test(cpu)) return c.json({ error: `${cpu} is no CPU` }, 400);
    const role = c.req.query('role') === 'rx' ? 'rx' : 'remote';
    return c.json(flows.report(Number(cpu), role, parts.setup().topology));
  });

  parts.routes?.(app);
  app.get('*', (c) => {
    const file = page.get(c.req.path);
    if (file === undefined) return c.json({ error: 'there is nothing here' }, 404);
    const caching = file.lasting ? 'max-age=31536000, immutable' : 'no-cache';
    return c.body(file.bytes, 200, { 'Content-Type': file.type, 'Cache-Control': caching });
  });

  app.onError((error, c) => {
    if (error instanceof ControlRefused) return c.json({ error: error.message }, error.status);
    if (error instanceof HTTPException) return c.json({ error: error.message }, error.status);
    return c.json({ error: error.message }, 500);
  });
  return app;
}
