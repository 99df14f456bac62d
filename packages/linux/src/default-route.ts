/** Which interfaces carry a default route: taking their packets away would cut the machine off. */
import { readFileSync } from 'node:fs';

const RTF_REJECT = 0x200;
/** /proc/net/ipv6_route: destination, its prefix, source, its prefix, next hop, metric, uses, references, flags, interface. */
const V6 = { destination: 0, prefix: 1, flags: 8, name: 9 };
/** /proc/net/route: interface, destination, gateway, flags, uses, references, metric, mask, … */
const V4 = { name: 0, destination: 1, flags: 3, mask: 7 };

const rows = (table: string): string[][] =>
  table
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/));

/** The interfaces of the default routes in the two tables. */
export function defaultRouteInterfaces(route: string, ipv6Route: string): Set<string> {
  const usable = (flags: string | undefined): boolean => (Number.parseInt(flags ?? '0', 16) & RTF_REJECT) === 0;
  const v4 = rows(route)
    .slice(1)
    .filter((row) => row[V4.destination] === '00000000' && row[V4.mask] === '00000000' && usable(row[V4.flags]))
    .map((row) => row[V4.name]!);
  const v6 = rows(ipv6Route)
    .filter((row) => /^0{32}$/.test(row[V6.destination] ?? '') && row[V6.prefix] === '00' && usable(row[V6.flags]))
    .map((row) => row[V6.name]!);
  return new Set([...v4, ...v6]);
}

/** A table of the calling thread's network namespace; empty where the protocol is missing. */
function table(name: string): string {
  try {
    return readFileSync(`/proc/thread-self/net/${name}`, 'utf8');
  } catch {
    return '';
  }
}

export function carriesDefaultRoute(device: string): boolean {
  return defaultRouteInterfaces(table('route'), table('ipv6_route')).has(device);
}
