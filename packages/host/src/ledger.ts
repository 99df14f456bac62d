/**
 * The ledger: proof that every frame which a NIC received ended in exactly one counter, or is still on its way.
 *
 *   rx = aborted + drop + tx + pass + redirect_err + redirect
 *   redirect + redirected by second programs + clones = taken by cpumap + given to devices + broadcasts to no device
 *   given to devices = sent + dropped by devmap programs + not sent
 *   taken = ring full + dequeued + waiting in rings
 *   dequeued = delivered + refused + dropped by second programs + redirected by second programs + held by GRO
 *   pass + delivered + refused = what the stack counted + waiting in backlogs
 *   buffers that are not at home = frames on their way + what they have beyond their first buffers
 *
 * Exact at any quiet moment: no CPU in a poll. While CPUs run the lines are a few frames apart.
 */
import { type Statistics, total } from './statistics.ts';

export interface Ledger {
  readonly balanced: boolean;
  /** Frames that were received and have not ended. */
  readonly inFlight: number;
  /** Frames that a CPU held, or that waited for it, when it died. */
  readonly lost: readonly { readonly cpu: number; readonly frames: number }[];
  /** The lines that do not hold, in words; empty when balanced. */
  readonly problems: readonly string[];
}

export interface LedgerInput {
  readonly statistics: Statistics;
  /** Frames waiting in the rings of live and dying entries, by remote CPU. */
  readonly waiting: ReadonlyMap<number, number>;
  /** Buffers of all devices that are neither in a pool nor posted in an RX ring. */
  readonly buffersOut: number;
  /** Buffers in RX rings of live CPUs that the driver has not seen. */
  readonly pending: number;
  /** Frags that frames were received with, less those that were returned, copies of broadcasts among them. */
  readonly fragsOut: number;
  readonly deadCpus: readonly number[];
}

export function closeLedger({ statistics, waiting, buffersOut, pending, fragsOut, deadCpus }: LedgerInput): Ledger {
  const sum = (read: Parameters<typeof total>[1]): number => total(statistics, read);
  const rx = statistics.devices.reduce((packets, device) => packets + device.counters.rx_packets!, 0);
  const ended = sum(({ xdp }) => xdp.aborted + xdp.drop + xdp.tx + xdp.pass + xdp.redirect_err);
  const redirect = sum(({ xdp }) => xdp.redirect);
  const taken = sum(({ cpumap }) => cpumap.taken);
  const ringFull = sum(({ cpumap }) => cpumap.ring_full);
  const dequeued = sum(({ cpumap }) => cpumap.dequeued);
  const toStack = sum(({ cpumap }) => cpumap.delivered + cpumap.refused);
  const progDrop = sum(({ cpumap }) => cpumap.prog_drop);
  const progRedirect = sum(({ cpumap }) => cpumap.prog_redirect);
  const generic = sum(({ devmap }) => devmap.generic);
  const toDevices = sum(({ devmap }) => devmap.enqueued) + generic;
  const fromDevices = sum(({ devmap }) => devmap.sent + devmap.prog_drop + devmap.xmit_drop) + generic;
  const clones = sum(({ devmap }) => devmap.clones);
  const nowhere = sum(({ devmap }) => devmap.nowhere);
  const frags = fragsOut + sum(({ devmap }) => devmap.clone_frags);
  const groHeld = sum(({ cpumap }) => cpumap.gro_held);
  const inBacklogs = sum((cpu) => cpu.stack.steered - cpu.stack.unsteered);
  const stack = sum(
    (cpu) =>
      cpu.stack.delivered + cpu.stack.nohandler + cpu.stack.dropped + cpu.stack.failed + cpu.stack.backlog_dropped,
  );
  const pass = sum(({ xdp }) => xdp.pass);
  const inRings = [...waiting.values()].reduce((frames, n) => frames + n, 0);
  const inFlight = rx - ended - ringFull - (toStack - inBacklogs) - progDrop - fromDevices - nowhere + clones;

  const problems: string[] = [];
  const line = (what: string, left: number, right: number): void => {
    if (left !== right) problems.push(`${what}: ${left} against ${right}`);
  };
  line('received and met by a program', rx, ended + redirect);
  line('redirected and taken by cpumap and devices', redirect + progRedirect + clones, taken + toDevices + nowhere);
  line('given to devices and accounted for', toDevices, fromDevices);
  line('taken and accounted for', taken, ringFull + dequeued + inRings);
  line('dequeued and accounted for', dequeued, toStack + progDrop + progRedirect + groHeld);
  line('handed to the stack and counted there', pass + toStack, stack + inBacklogs);
  line('frames on their way and buffers away from home', inFlight + frags + pending, buffersOut);

  if (deadCpus.length === 0) return { balanced: problems.length === 0, inFlight, lost: [], problems };

  // A CPU that died left its lines open, and had not counted its last poll: what was lost shows by the buffers that never
  // came home. Those in its rings are its loss; the rest was in the hands of a dead CPU, and with several dead ones goes
  // to the first: nobody is left who could say more.
  const lost = deadCpus.map((cpu) => ({ cpu, frames: waiting.get(cpu) ?? 0 }));
  const known = lost.reduce((frames, entry) => frames + entry.frames, 0);
  lost[0]!.frames += Math.max(0, buffersOut - pending - frags - known);
  return { balanced: false, inFlight: 0, lost, problems };
}
