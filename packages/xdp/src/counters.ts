/**
 * What became of the frames that met a device's program, per CPU, float64. Counted by whoever ran the program; each
 * frame in exactly one of them.
 */
import { layout } from '@cpumap/uapi';

export const XDP_COUNTERS = layout({
  aborted: 'f64',
  drop: 'f64',
  pass: 'f64',
  tx: 'f64',
  redirect: 'f64',
  redirect_err: 'f64',
  /** Of the aborted: programs that threw. */
  threw: 'f64',
});
