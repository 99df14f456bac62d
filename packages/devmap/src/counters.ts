/**
 * What became of the frames that were redirected to devices, per CPU, float64. Each frame that was enqueued ends in exactly
 * one of sent, prog_drop and xmit_drop.
 */
import { layout } from '@cpumap/uapi';

export const DEVMAP_COUNTERS = layout({
  enqueued: 'f64',
  sent: 'f64',
  prog_drop: 'f64', // by the program of the map's entry
  xmit_drop: 'f64', // the device did not take them
  generic: 'f64', // sk_buffs of generic XDP, sent without being enqueued
});
