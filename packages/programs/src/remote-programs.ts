/** Second programs, for cpumap entries: they run on the remote CPU before the sk_buff is built. */

import type { ProgramFactory } from '@cpumap/bpf';
import { XDP_DROP, XDP_PASS } from '@cpumap/uapi';

/** Hands every frame on to the stack. */
export const remotePass: ProgramFactory = () => () => XDP_PASS;

/** Drops every frame. */
export const remoteDrop: ProgramFactory = () => () => XDP_DROP;
