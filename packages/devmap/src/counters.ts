/**
 * What became of the frames that were redirected to devices, per CPU, float64. Each frame that was enqueued ends in exactly
 * one of sent, prog_drop and xmit_drop. A broadcast enqueues (or sends, in generic mode) the frame and its clones, or
 * nothing: nowhere.
 */
import { layout } from '@cpumap/uapi';

export const DEVMAP_COUNTERS = layout({
  enqueued: 'f64',
  sent: 'f64',
  prog_drop: 'f64', // by the program of the map's entry
  xmit_drop: 'f64', // the device did not take them
  generic: 'f64', // sk_buffs of generic XDP, sent without being enqueued
  clones: 'f64', // copies that broadcasts made
  nowhere: 'f64', // broadcasts that no device was there for
  clone_frags: 'f64', // buffers of clones behind their first ones
});
