/**
 * The dashboard's server: reads the source once per interval and tells every page.
 *
 * Owner  the thread that calls `createDashboard`. It reads counters as the terminal's table does; no CPU of the data path
 *        ever waits for it, and it waits for no page.
 */
import { randomBytes } from 'node:crypto';
import type { Server } from 'node:http';
import { type AddressInfo, isIPv6 } from 'node:net';
import { networkInterfaces } from 'node:os';
import { createAdaptorServer } from '@hono/node-server';
import type { Hono } from 'hono';
import { createApp } from './app.ts';
import { createClients, eventText } from './clients.ts';
import { createFlowWatch } from './flows/flow-watch.ts';
import { isLoopback } from './guard.ts';
import { createHistory } from './history.ts';
import { pointOf, totalsOf } from './interval.ts';
import { readPage } from './page-files.ts';
import type { Setup, Tick } from './protocol.ts';
import type { DashboardControls, DashboardSource } from './source.ts';

export interface DashboardOptions {
  readonly source: DashboardSource;
  /** Absent: nothing can be changed, for the reason that `whyNoControls` gives. */
  readonly controls?: DashboardControls;
  readonly whyNoControls?: string;
  /** 0 for any that is free. */
  readonly port: number;
  /** An address of this machine. Default 127.0.0.1; with any other than loopback a token is needed to look. */
  readonly host?: string;
  /** Default 1. */
  readonly intervalSeconds?: number;
  /** More routes, behind the same guards. */
  readonly routes?: (app: Hono) => void;
}

export interface Dashboard {
  /** Where a browser finds it; with the token, where one is needed. */
  readonly url: string;
  /** Tells all pages that the run has ended, and why. The last numbers are read now. */
  finish(why: string): void;
  close(): Promise<void>;
}

/** It cannot be served; the message is for the user. */
export class DashboardError extends Error {
  override readonly name = 'DashboardError';
}

const POINTS_KEPT = 600;
const LIMITS = { clients: 64, bytes: 256 * 1024, missed: 5 };
/** Sockets, those of page loads among them. */
const MOST_CONNECTIONS = 256;
/** How long pages have to take the last event. */
const GOODBYE_MS = 300;
const TOKEN_BYTES = 18;

function whyNotServed(error: NodeJS.ErrnoException, host: string, port: number): DashboardError {
  const why: Readonly<Record<string, string>> = {
    EADDRINUSE: `port ${port} of ${host} is taken: --web 0 finds a free one`,
    EACCES: `port ${port} needs rights that this user does not have: take one above 1023, or --web 0`,
    EADDRNOTAVAIL: `${host} is no address of this machine`,
    ENOTFOUND: `${host} is no address, and no name that is known here`,
  };
  return new DashboardError(why[error.code ?? ''] ?? `it cannot listen on ${host} port ${port}: ${error.message}`, {
    cause: error,
  });
}

function listen(server: Server, host: string, port: number): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => reject(whyNotServed(error, host, port)));
    server.listen(port, host, () => resolve(server.address() as AddressInfo));
  });
}

/** What to write in a URL for an address that is listened on. */
function nameOf(host: string): string {
  if (host !== '0.0.0.0' && host !== '::') return isIPv6(host) ? `[${host}]` : host;
  const outside = Object.values(networkInterfaces())
    .flat()
    .find((address) => address?.family === 'IPv4' && !address.internal);
  return outside?.address ?? '127.0.0.1';
}

/** Serves until it is closed. @throws DashboardError */
export async function createDashboard(options: DashboardOptions): Promise<Dashboard> {
  const { source, controls, port, host = '127.0.0.1', intervalSeconds = 1, routes } = options;
  const clients = createClients(LIMITS);
  const history = createHistory(POINTS_KEPT);
  const flows = source.sampler && createFlowWatch(source.sampler);
  const token = isLoopback(host) ? undefined : randomBytes(TOKEN_BYTES).toString('base64url');
  const first = source.counters();
  let before = first;
  let finished: string | null = null;
  let closing: Promise<void> | undefined;
  let lastSetup = '';
  let latest = tickBetween(first, first);

  function tickBetween(from: typeof first, to: typeof first): Tick {
    return { point: pointOf(from, to, source.topology().remoteCpus, Date.now()), totals: totalsOf(first, to) };
  }

  function setup(): Setup {
    return {
      topology: source.topology(),
      input: source.input(),
      intervalSeconds,
      controls: finished === null ? (controls?.state() ?? null) : null,
      whyNoControls: finished ?? (controls === undefined ? (options.whyNoControls ?? 'nothing can be set') : null),
      sampler: finished === null ? (flows?.state() ?? null) : null,
      whyNoSampler: finished ?? (flows === undefined ? (source.whyNoSampler ?? 'frames cannot be sampled here') : null),
      finished,
    };
  }

  /** Tells what has changed beside the numbers. */
  function sendSetup(): void {
    const text = eventText('setup', setup());
    if (text === lastSetup) return;
    lastSetup = text;
    clients.send(text);
  }

  /** Runs in a timer: what goes wrong in it ends the page, not the run. */
  function tickOrEnd(): void {
    try {
      tick();
    } catch (error) {
      finished ??= `the numbers could not be read: ${(error as Error).message}`;
      clearInterval(timer);
      clients.send(eventText('setup', setup()));
    }
  }

  function tick(): void {
    const now = source.counters();
    if (now.timestampNs <= before.timestampNs) return;
    latest = tickBetween(before, now);
    before = now;
    history.add(latest.point);
    flows?.gather();
    sendSetup();
    clients.send(eventText('tick', latest));
  }

  const app = createApp({
    page: readPage(),
    clients,
    history,
    flows,
    controls,
    token,
    setup,
    tick: () => latest,
    changed: sendSetup,
    routes,
  });
  const server = createAdaptorServer({ fetch: app.fetch }) as Server;
  server.maxConnections = MOST_CONNECTIONS;
  const address = await listen(server, host, port);
  server.on('error', () => undefined); // a connection that could not be accepted: its browser tries again
  const timer = setInterval(tickOrEnd, intervalSeconds * 1000);
  const base = `http://${nameOf(host)}:${address.port}/`;

  async function close(): Promise<void> {
    clearInterval(timer);
    await flows?.close();
    clients.close();
    await new Promise<void>((resolve) => {
      const patience = setTimeout(() => server.closeAllConnections(), GOODBYE_MS);
      server.close(() => {
        clearTimeout(patience);
        resolve();
      });
      server.closeIdleConnections();
    });
  }

  return {
    url: token === undefined ? base : `${base}?token=${token}`,
    finish(why) {
      if (finished !== null) return;
      finished = why;
      tick();
      clearInterval(timer);
      sendSetup();
    },
    close() {
      closing ??= close();
      return closing;
    },
  };
}
