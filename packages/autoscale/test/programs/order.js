/** A packet handler that CPUs which are threads can import: every frame of a flow has to come right after the one before. */
import { copyMacFrame } from '@cpumap/skb';

const PAYLOAD = 42;

/** Words of `tally`: frames, frames out of order, then the number that is next of each flow. */
export const inOrder = ({ memory, options }) => {
  const tally = new Int32Array(options.tally);
  return {
    receive(skb) {
      const view = new DataView(copyMacFrame(memory, skb).buffer);
      const [flow, number, count] = [0, 4, 8].map((at) => view.getUint32(PAYLOAD + at));
      const expected = Atomics.exchange(tally, 2 + flow, (number + 1) % count);
      if (expected !== number) Atomics.add(tally, 1, 1);
      Atomics.add(tally, 0, 1);
      return 0;
    },
  };
};
