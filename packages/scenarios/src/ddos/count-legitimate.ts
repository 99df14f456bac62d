/**
 * Counts what the stack receives in a flood: frames that are, byte for byte, ones of the legitimate traffic, and others.
 * It looks at no header, so it shares no mistake with the filter.
 */
import { copyMacFrame, type PacketHandlerFactory } from '@cpumap/skb';
import { NET_RX_SUCCESS } from '@cpumap/uapi';
import { fingerprint } from './fingerprint.ts';

export interface CountLegitimateOptions {
  /** One row of float64 for each CPU, written by that CPU alone: legitimate frames, others. */
  readonly tally: SharedArrayBuffer;
  readonly fingerprints: readonly number[];
}

export const TALLY_COLUMNS = 2;

export const countLegitimate: PacketHandlerFactory = ({ memory, cpu, options }) => {
  const { tally, fingerprints } = options as CountLegitimateOptions;
  const counts = new Float64Array(tally);
  const known = new Set(fingerprints);
  return {
    receive(skb) {
      const column = known.has(fingerprint(copyMacFrame(memory, skb))) ? 0 : 1;
      counts[cpu * TALLY_COLUMNS + column]! += 1;
      return NET_RX_SUCCESS;
    },
  };
};
