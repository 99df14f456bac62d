/**
 * struct bpf_redirect_info: what the last redirect helper left for xdp_do_redirect. One per CPU, in the shared memory,
 * so that compiled programs can write it without a call.
 *
 * Owner  the CPU. Written by helpers, read and reset by xdp_do_redirect.
 * 6.18 zeroes it at the start of each poll; in 4.15 it outlives polls, and what a program left without redirecting can
 * meet another program, which is why the caller is noted (map_owner).
 */
import { layout } from '@cpumap/uapi';

export const REDIRECT_INFO = layout({
  tgt_index: 'u64',
  tgt_value: 'ptr',
  map: 'ptr',
  flags: 'u32',
  map_id: 'u32',
  map_type: 'u32',
  map_owner: 'u32', // 4.15: id of the program that called the helper
  prog_id: 'u32', // the program that runs now
  map_to_flush: 'u32', // 4.15: the one map that may have frames pending on this CPU
  redirects: 'u32', // successful ones that the tracepoint's counter does not know yet
});

/** map_id of a state that a helper left without a map: valid ids are below. */
export const NO_MAP_ID = 0x7fffffff;
