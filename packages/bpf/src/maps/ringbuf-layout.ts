/**
 * struct bpf_ringbuf in the shared memory.
 *
 * A record is  reserved (BUSY) ──submit──► ready ──consume──► gone ;  ──discard──► skipped when its turn comes. Records are
 * consumed in the order in which they were reserved, whoever is ready first.
 *
 * Positions count bytes for ever, modulo 2^32 (the kernel's have 64 bits); a record lies at its position modulo the
 * ring's size. The kernel maps the data twice so that a record may run over the end. Here as much room again follows the
 * ring: a record that begins near the end runs on into it, and the bytes at the ring's beginning that its position
 * covers stay unused. So records are contiguous, and a ring holds exactly what the kernel's holds.
 *
 * A record begins with 8 bytes: its length with the two bits, and a word that is not used here.
 */

import { CACHELINE } from '@cpumap/smp';
import { layout } from '@cpumap/uapi';

/** Of the producers. */
export const RINGBUF = layout({
  lock: 'u32',
  producer_pos: 'u32',
  /** The oldest record that was not committed when somebody last looked. */
  pending_pos: 'u32',
  /** Size of the ring less one. */
  mask: 'u32',
  data: 'u32',
});
/** The consumer's position, on a cache line of its own. */
export const RINGBUF_CONSUMER_POS = CACHELINE;
export const RINGBUF_BYTES = 2 * CACHELINE;
