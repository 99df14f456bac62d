/**
 * An interface's counters by their names in /sys/class/net, read from /proc: that file is of the calling thread's network
 * namespace, while a sysfs shows the one in which it was mounted.
 */
import { readFileSync } from 'node:fs';

/** The columns of /proc/net/dev. rx_dropped holds what sysfs tells apart as rx_missed_errors. */
const COLUMNS = [
  'rx_bytes',
  'rx_packets',
  'rx_errors',
  'rx_dropped',
  'rx_fifo_errors',
  'rx_frame_errors',
  'rx_compressed',
  'multicast',
  'tx_bytes',
  'tx_packets',
  'tx_errors',
  'tx_dropped',
  'tx_fifo_errors',
  'collisions',
  'tx_carrier_errors',
  'tx_compressed',
];

/** All interfaces in the text of /proc/net/dev. */
export function parseDeviceCounters(text: string): Map<string, Record<string, number>> {
  const lines = text.trimEnd().split('\n').slice(2);
  return new Map(
    lines.map((line) => {
      const colon = line.lastIndexOf(':');
      const values = line
        .slice(colon + 1)
        .trim()
        .split(/\s+/);
      const counters = Object.fromEntries(COLUMNS.map((name, i) => [name, Number(values[i])]));
      return [line.slice(0, colon).trim(), counters];
    }),
  );
}

export function deviceCounters(): Map<string, Record<string, number>> {
  return parseDeviceCounters(readFileSync('/proc/thread-self/net/dev', 'utf8'));
}
