import type { ErrnoName } from '@cpumap/uapi';

/** Ends the verification with an errno, the kernel's sentence, and what causes it or how to get out. */
export type Refuse = (code: ErrnoName, verdict: string, slot: number | undefined, hint: string) => never;
