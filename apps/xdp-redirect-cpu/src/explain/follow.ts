/**
 * Sends frames through a machine and keeps what is seen of one of them. The machine is virtual, so all of it happens in this
 * thread: what a step or an sk_buff points to can be read while it is told.
 */
import type { Host, Probe, ProbeRecord, ProgramStep } from '@cpumap/host';
import { HOOKS } from '@cpumap/host';
import { readSkBuff, XDP_BUFF } from '@cpumap/skb';
import { NET_RX_SUCCESS, SK_BUFF_SIZE, XDP_TX } from '@cpumap/uapi';
import { captureRingBytes } from '../capture/captures.ts';
import { CommandError, EXIT } from '../exit-codes.ts';
import { type PathLine, type PathNames, pathLine, type Run } from './program-path.ts';

/** Which frame: that many frames of its queue come first. */
interface Wanted {
  readonly queue: number;
  readonly before: number;
  readonly deviceProgram: number;
}

export interface Seen {
  /** In the order in which it came there; the first one is at xdp-in. */
  readonly records: readonly ProbeRecord[];
  /** Bytes from data to data_end as the device's program found them; undefined if it is not bytecode. */
  readonly linear: number | undefined;
  /** Through the device's program; empty if it is not bytecode. */
  readonly devicePath: readonly PathLine[];
  /** Through the programs of entries that it met, in their order. */
  readonly entryPaths: readonly { readonly name: string; readonly path: readonly PathLine[] }[];
  /** When the stack's handlers got it. */
  readonly skb: ReturnType<typeof readSkBuff> | undefined;
}

const SNAPLEN = 64;

export interface Follower {
  /** For the host's onStep. */
  readonly onStep: (step: ProgramStep) => void;
  /** Before frames come: what to look for, and where. */
  begin(host: Host, names: PathNames, wanted: Wanted): Promise<void>;
  /** Between turns. */
  drain(): void;
  seen(): Seen;
}

export function createFollower(): Follower {
  const records: ProbeRecord[] = [];
  const devicePath: PathLine[] = [];
  const entryPaths: { name: string; path: PathLine[] }[] = [];
  let skb: Seen['skb'];
  let linear: number | undefined;
  let names: PathNames;
  let wanted: Wanted | undefined;
  let probe: Probe;
  let runs = 0; // of the device's program, on frames of the queue
  let arrived = 0; // such frames at xdp-in
  let hasEnded = false;
  let run: Run | undefined; // that steps belong to now
  let path: PathLine[] | undefined; // and where they go, if they are wanted

  function take(record: ProbeRecord): void {
    const first = records[0];
    if (first === undefined) {
      if (record.hook === 'xdp-in' && record.queue === wanted!.queue && arrived++ === wanted!.before) keep(record);
    } else if (record.frame === first.frame && !hasEnded) {
      // the buffer is another frame's by then
      if (record.hook === 'xdp-in') hasEnded = true;
      else keep(record);
    }
  }

  function keep(record: ProbeRecord): void {
    records.push(record);
    if (record.hook === 'deliver' || record.hook === 'drop') hasEnded = true;
    if (record.hook === 'xdp-in' && record.verdict === XDP_TX) hasEnded = true;
  }

  function drain(): void {
    const { records: batch, lost } = probe.read();
    if (lost > 0)
      throw new CommandError(EXIT.FAIL, 'explain: more happened at once than can be followed; use fewer CPUs');
    for (const record of batch) take(record);
  }

  /** A run begins: where its steps go, if they are wanted. */
  function pathOf({ program, name, ctx }: Extract<ProgramStep, { kind: 'begin' }>): PathLine[] | undefined {
    const { u32 } = names.memory;
    if (program === wanted!.deviceProgram) {
      if (u32[(ctx + XDP_BUFF.rx_queue_index) >> 2] !== wanted!.queue || runs++ !== wanted!.before) return undefined;
      linear = u32[(ctx + XDP_BUFF.data_end) >> 2]! - u32[(ctx + XDP_BUFF.data) >> 2]!;
      return devicePath;
    }
    drain();
    if (hasEnded || u32[(ctx + XDP_BUFF.data_hard_start) >> 2] !== records[0]?.frame) return undefined;
    const entryPath: PathLine[] = [];
    entryPaths.push({ name, path: entryPath });
    return entryPath;
  }

  return {
    onStep(step) {
      if (wanted === undefined) return;
      if (step.kind === 'begin') {
        path = pathOf(step);
        run = path && { ...names, ctx: step.ctx, values: new Map() };
      } else if (run !== undefined) path!.push(pathLine(step, run));
    },
    async begin(host, pathNames, looked) {
      names = pathNames;
      wanted = looked;
      probe = host.createProbe({ hooks: HOOKS, snaplen: SNAPLEN, ringBytes: captureRingBytes(host.possibleCpus) });
      await host.addHandler({
        factory: ({ memory }) => ({
          receive(pointer) {
            drain();
            const isIt = records.at(-1)?.hook === 'deliver' && pointer + SK_BUFF_SIZE === records[0]!.frame;
            if (isIt) skb ??= readSkBuff(memory, pointer);
            return NET_RX_SUCCESS;
          },
        }),
      });
    },
    drain,
    seen: () => ({ records, linear, devicePath, entryPaths, skb }),
  };
}
