/** tracefs: the ids of tracepoints, by which perf events of them are opened. */
import { existsSync, readFileSync } from 'node:fs';
import { KernelError } from '@cpumap/uapi';

const PLACES = ['/sys/kernel/tracing', '/sys/kernel/debug/tracing'];

/** Where tracefs is mounted; undefined when it is not. `ip netns exec` hides it: it mounts a /sys of its own. */
function tracefs(): string | undefined {
  return PLACES.find((place) => existsSync(`${place}/events`));
}

/** The id of a tracepoint of the system xdp. @throws KernelError ENOENT */
export function tracepointId(name: string): number {
  const place = tracefs();
  if (place === undefined) {
    throw new KernelError('ENOENT', `tracepoint ${name}`, {
      hint: 'tracefs is not mounted: mount -t tracefs nodev /sys/kernel/tracing, or use a raw tracepoint program',
    });
  }
  return Number(readFileSync(`${place}/events/xdp/${name}/id`, 'utf8'));
}

export function hasTracefs(): boolean {
  return tracefs() !== undefined;
}
