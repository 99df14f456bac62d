/**
 * Who may look and who may act, and what the browser may do with the page.
 *
 * On loopback everybody on this machine may look; names other than loopback's are refused, as a page of the web whose name was
 * made to point here would come with its own. On other addresses a token is needed, once in the URL, then in a cookie.
 * What changes something must come from the page itself: with a header that other sites cannot send, and without an
 * Origin that is not ours.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { BlockList, isIPv6 } from 'node:net';
import type { MiddlewareHandler } from 'hono';
import { getCookie, setCookie } from 'hono/cookie';

const CONTROL_HEADER = 'x-cpumap-dashboard';

const CONTENT_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/** Whether only this machine can reach that address. */
export function isLoopback(host: string): boolean {
  const name = host.replace(/^\[(.*)\]$/, '$1').toLowerCase();
  if (name === 'localhost') return true;
  return loopback.check(name, isIPv6(name) ? 'ipv6' : 'ipv4');
}

/** The host of a Host header, without the port. */
function hostName(header: string): string {
  return /^(\[[^\]]*\]|[^:]*)(?::\d+)?$/.exec(header)?.[1] ?? '';
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/** In a time that does not tell how much of it is right. */
function sameSecret(a: string, b: string): boolean {
  return timingSafeEqual(digest(a), digest(b));
}

export const securityHeaders: MiddlewareHandler = async (c, next) => {
  await next();
  c.header('Content-Security-Policy', CONTENT_POLICY);
  c.header('X-Content-Type-Options', 'nosniff');
  c.header('Referrer-Policy', 'no-referrer');
  c.header('X-Frame-Options', 'DENY');
  c.header('Cross-Origin-Resource-Policy', 'same-origin');
};

/** For a server on loopback. */
export const loopbackNamesOnly: MiddlewareHandler = async (c, next) => {
  const header = c.req.header('host') ?? '';
  if (isLoopback(hostName(header))) return next();
  return c.json({ error: `this page is for this machine alone, and ${header || 'no name'} is not a name of it` }, 403);
};

/** For a server on any other address. */
export function tokenNeeded(token: string): MiddlewareHandler {
  // cookies do not know ports: each dashboard of a machine has one of its own
  const cookie = `cpumap_${digest(token).toString('hex').slice(0, 8)}`;
  return async (c, next) => {
    const given = c.req.query('token');
    if (given !== undefined && sameSecret(given, token)) {
      setCookie(c, cookie, token, { httpOnly: true, sameSite: 'Strict', path: '/' });
      // the address bar and the history of the browser do not keep it
      return c.redirect(c.req.path, 303);
    }
    const bearer = /^Bearer (.+)$/.exec(c.req.header('authorization') ?? '')?.[1];
    const shown = bearer ?? getCookie(c, cookie);
    if (shown !== undefined && sameSecret(shown, token)) return next();
    return c.json({ error: 'open the URL that the command printed: it has the token that is needed here' }, 401);
  };
}

/** Other sites cannot read what comes back, but would keep streams open. */
export const notFromOtherSites: MiddlewareHandler = async (c, next) => {
  const site = c.req.header('sec-fetch-site');
  if (site === undefined || site === 'same-origin' || site === 'none') return next();
  return c.json({ error: 'requests from other sites are not taken' }, 403);
};

/** For requests that change something. */
export const fromOwnPage: MiddlewareHandler = async (c, next) => {
  const origin = c.req.header('origin');
  const foreign = origin !== undefined && !URL.canParse(origin);
  if (foreign || (origin !== undefined && new URL(origin).host !== c.req.header('host'))) {
    return c.json({ error: `requests from ${origin} are not taken` }, 403);
  }
  if (c.req.header(CONTROL_HEADER) === undefined) {
    return c.json({ error: `the header ${CONTROL_HEADER} is missing` }, 403);
  }
  return next();
};
