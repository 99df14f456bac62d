/**
 * Where a frame can be seen on its way, and why frames end early. Names are what users write; numbers travel in records.
 */
import { ERRNO } from '@cpumap/uapi';

/**
 * `xdp-in`        before the device's program, with the verdict that it then gave
 * `redirect`      a redirect was accepted by its target, of the device's program or of an entry's
 * `enqueue`       put into a slot of an entry's ring
 * `enqueue-drop`  the ring was full
 * `remote`        taken from the ring on the remote CPU, before the entry's program
 * `deliver`       an sk_buff that is handed to the stack's handlers
 * `drop`          any frame that ends before the stack took it, with the reason
 */
export const HOOKS = ['xdp-in', 'redirect', 'enqueue', 'enqueue-drop', 'remote', 'deliver', 'drop'] as const;
export type Hook = (typeof HOOKS)[number];

export const XDP_IN = 0;
export const REDIRECT = 1;
export const ENQUEUE = 2;
export const ENQUEUE_DROP = 3;
export const REMOTE = 4;
export const DELIVER = 5;
export const DROP = 6;

/** Why a frame was dropped, and the same in words. A failed redirect is `redirect_` and the errno. */
export const DROP_REASONS = {
  xdp_drop: 'the program said XDP_DROP',
  xdp_aborted: 'the program aborted, or gave a verdict that there is not',
  no_memory: 'no buffer to linearise it for a generic program',
  ring_full: "the ring of the cpumap's entry was full",
  prog_drop: "the entry's program said XDP_DROP",
  prog_aborted: "the entry's program gave a verdict that is none for an entry",
  no_headroom: 'the program left no room for the descriptor',
  devmap_prog_drop: "the program of the devmap's entry did not pass it",
  no_handler: 'the stack has no handler for it',
  handler_drop: 'a packet handler said NET_RX_DROP',
  handler_threw: 'a packet handler threw',
  cpu_backlog: "the backlog of RPS's CPU was full",
} as const;
export type DropReason = keyof typeof DROP_REASONS;

const REASON_NAMES = Object.keys(DROP_REASONS);
/** Reasons from here on are a failed redirect's errno. */
const REDIRECT_ERR = 0x100;
const REDIRECT_PREFIX = 'redirect_';

export const redirectReason = (err: number): number => REDIRECT_ERR - err;

/** -1 for a name that is none. */
export function reasonNumber(name: string): number {
  const known = REASON_NAMES.indexOf(name);
  if (known !== -1 || !name.startsWith(REDIRECT_PREFIX)) return known;
  const errno = (ERRNO as Readonly<Record<string, number>>)[name.slice(REDIRECT_PREFIX.length).toUpperCase()];
  return errno === undefined ? -1 : REDIRECT_ERR + errno;
}

export function reasonName(reason: number): string {
  if (reason < REDIRECT_ERR) return REASON_NAMES[reason]!;
  const found = Object.entries(ERRNO).find(([, errno]) => errno === reason - REDIRECT_ERR);
  return `${REDIRECT_PREFIX}${found?.[0].toLowerCase()}`;
}

/** A reason in words. */
export function dropReasonText(reason: string): string {
  const known = (DROP_REASONS as Readonly<Record<string, string>>)[reason];
  return known ?? `the redirect failed with ${reason.slice(REDIRECT_PREFIX.length).toUpperCase()}`;
}
