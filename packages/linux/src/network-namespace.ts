/**
 * A network namespace without a name: it lives as long as its descriptor, and everything in it goes with it. For tests
 * that need interfaces of their own.
 *
 * The calling thread is inside only while `run` runs; bpf(2), sockets and processes that are started there are inside too.
 */
import { closeSync, openSync } from 'node:fs';
import { libc, systemError } from './libc.ts';

const CLONE_NEWNET = 0x40000000;
/** Of the calling thread. */
const CURRENT = '/proc/thread-self/ns/net';

export interface NetworkNamespace {
  /** Runs something inside; what it does later, as a promise, is outside. */
  run<T>(act: () => T): T;
  /** Safe to call twice. */
  close(): void;
}

/** @throws KernelError EPERM: it takes CAP_SYS_ADMIN */
export function createNetworkNamespace(): NetworkNamespace {
  const enter = (fd: number): void => {
    const answer = libc().setns(fd, CLONE_NEWNET);
    if (answer < 0) throw systemError('setns', answer);
  };
  const outside = openSync(CURRENT, 'r');
  const answer = libc().unshare(CLONE_NEWNET);
  if (answer < 0) {
    closeSync(outside);
    throw systemError('unshare', answer, 'a network namespace takes CAP_SYS_ADMIN: run as root');
  }
  let inside: number;
  try {
    inside = openSync(CURRENT, 'r');
  } finally {
    enter(outside);
  }
  let open = true;
  let depth = 0; // of calls of `run` inside each other
  return {
    run(act) {
      if (depth === 0) enter(inside);
      depth++;
      try {
        return act();
      } finally {
        depth--;
        if (depth === 0) enter(outside);
      }
    },
    close() {
      if (!open) return;
      open = false;
      closeSync(inside);
      closeSync(outside);
    },
  };
}
