/**
 * The wire of a run, as a person changes it: pause, rate, position. A change holds the wire for as long as its queues take to
 * hear it, so nothing is lost or sent twice; while it is paused, changes wait for its end.
 */
import { ControlRefused } from '@cpumap/dashboard';
import type { FrameSource, PktgenSpec, Wire, WireChange } from '@cpumap/nic';
import type { Settings } from '../settings.ts';

export interface Feed {
  attach(wire: Wire): void;
  state(): 'running' | 'paused' | 'ended';
  /** Of a capture: the next frame; undefined for generated frames. */
  replay(): { readonly frame: number; readonly frames: number } | undefined;
  /** Of generated frames: how many per second; undefined for a capture. */
  rate(): number | 'max' | undefined;
  /** @throws ControlRefused from these */
  setPaused(paused: boolean): Promise<void>;
  setRate(rate: number | 'max'): Promise<void>;
  setPosition(frame: number): Promise<void>;
  /** The run ends: nothing is changed any more. */
  close(): void;
}

const HOLD_POLL_MS = 1;
const HOLD_POLLS = 2000;

export function createFeed(source: FrameSource, { pktgen }: Pick<Settings, 'pktgen'>): Feed {
  let wire: Wire | undefined;
  let paused = false;
  let closed = false;
  let waiting: WireChange | undefined;
  let rate: number | 'max' | undefined = pktgen && rateOf(pktgen);
  const frames = source.order.length;

  async function hold(): Promise<Wire> {
    if (wire === undefined) throw new ControlRefused(409, 'no frame was sent yet');
    if (!closed) wire.hold();
    for (let poll = 0; !closed && !wire.held; poll++) {
      if (poll === HOLD_POLLS) throw new ControlRefused(409, 'a queue does not answer: its CPU is stuck');
      await new Promise((resolve) => setTimeout(resolve, HOLD_POLL_MS));
    }
    if (closed) throw new ControlRefused(409, 'the run is over');
    return wire;
  }

  /** Of a source that goes round, nothing is left then, wherever it is set to. */
  function refuseWhenAllSent(): void {
    if (wire?.done) throw new ControlRefused(409, 'all frames were sent');
  }

  async function change(by: WireChange): Promise<void> {
    if (paused) waiting = { ...waiting, ...by };
    else (await hold()).release(by);
  }

  return {
    attach(started) {
      wire = started;
    },
    state: () => (paused ? 'paused' : wire?.done ? 'ended' : 'running'),
    replay() {
      if (pktgen !== undefined) return undefined;
      return { frame: Math.min(waiting?.position ?? wire?.position() ?? 0, frames - 1), frames };
    },
    rate: () => rate,
    async setPaused(wanted) {
      if (wanted === paused) return;
      if (wanted) {
        refuseWhenAllSent();
        await hold();
        paused = true;
      } else {
        (await hold()).release(waiting);
        waiting = undefined;
        paused = false;
      }
    },
    async setRate(wanted) {
      refuseWhenAllSent();
      const gap = wanted === 'max' ? 0 : 1e9 / wanted;
      const pace =
        wanted === 'max'
          ? null
          : { dueNs: Float64Array.from(source.order, (_, index) => index * gap), cycleNs: frames * gap };
      await change({ pace });
      rate = wanted;
    },
    async setPosition(position) {
      if (source.count > frames) refuseWhenAllSent();
      await change({ position });
    },
    close() {
      closed = true;
    },
  };
}

function rateOf({ rate }: PktgenSpec): number | 'max' {
  return rate === Number.POSITIVE_INFINITY ? 'max' : rate;
}
