/**
 * Keeps programs that are run again and again in the kernel's XDP dispatcher, by attaching them to interfaces that never
 * receive a frame. A test run of more than one frame puts its program in there and takes it out again, and each of the
 * two waits for all CPUs: 20 ms, unless it is in there already.
 */
import { attachXdpLink, type LinuxLink, type LinuxProgram } from '@cpumap/linux';

/** The dispatcher has 48 places. */
const MOST = 8;

export interface DispatcherHold {
  /** Called at each run: holds the program from its second run on. */
  ran(program: LinuxProgram): void;
  /** The program is no longer held. */
  release(program: LinuxProgram): void;
  close(): void;
}

/** `idle` gives the ifindex of an interface that nobody uses. */
export function createDispatcherHold(idle: (n: number) => number): DispatcherHold {
  const held = new Map<LinuxProgram, { readonly device: number; readonly link: LinuxLink }>();
  const once = new WeakSet<LinuxProgram>();
  const free = Array.from({ length: MOST }, (_, n) => n);

  function release(program: LinuxProgram): void {
    const found = held.get(program);
    if (found === undefined) return;
    held.delete(program);
    found.link.close();
    free.push(found.device);
  }

  return {
    ran(program) {
      if (held.has(program)) return;
      if (!once.has(program)) {
        once.add(program);
        return;
      }
      const device = free.pop();
      if (device === undefined) return;
      const link = attachXdpLink(program.fd, idle(device), 'generic');
      if (typeof link === 'number') free.push(device);
      else held.set(program, { device, link });
    },
    release,
    close() {
      for (const program of [...held.keys()]) release(program);
    },
  };
}
