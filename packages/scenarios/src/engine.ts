/**
 * The engine of one run: a host with one device, fed by one source, and the proof that every frame ended.
 *
 * Owner  the scenario, for one run. RX queue n is served by CPU n. No result leaves before `finish` has found that the
 *        ledger balances, that no program or handler threw, and that source and device counted the same frames.
 */
import { createHost, type Host, type Statistics } from '@cpumap/host';
import type { FrameSource, NicDevice } from '@cpumap/nic';
import { KernelError } from '@cpumap/uapi';
import { type Chosen, checkSignal, cpuRange } from './settings.ts';

/** Memory beside the buffers: rings, records of traces, maps, code. What is not used costs no RAM. */
const BASE_BYTES = 256 * 1024 * 1024;
const PER_CPU_BYTES = 1024 * 1024;
const MOST_BYTES = 2 * 1024 * 1024 * 1024;
/** What a buffer takes beside the frame: headroom, shared info, sk_buff. */
const BUFFER_OVERHEAD = 1280;
const RX_RING = 512;

export interface EngineOptions extends Chosen {
  readonly cpus: number;
  readonly rxQueues: number;
  readonly mtu: number;
  /** Frames that may wait behind a queue's ring: beyond that, its frames wait on the wire, or are missed. */
  readonly buffers: number;
  readonly rssVlanTags?: number;
  /** Room for the frames of the largest source. */
  readonly sourceBytes: number;
}

export interface Engine {
  readonly host: Host;
  readonly device: NicDevice;
  /**
   * Sends all of `source`, and waits until every frame has ended. `during` is called for each `intervalNs` of the
   * machine's time that passes meanwhile.
   * @throws KernelError EINTR when the signal is aborted
   */
  send(source: FrameSource, during?: { readonly intervalNs: number; readonly tick: () => void }): Promise<void>;
  /** @throws KernelError EIO when a frame is not accounted for */
  finish(): Statistics;
  close(): Promise<void>;
}

/** Bytes of a source's frames, order and times in the shared memory. */
export function sourceBytes({ frames, order, dueNs }: FrameSource): number {
  const bytes = frames.reduce((sum, frame) => sum + Math.ceil(frame.length / 64) * 64 + 8, 0);
  return bytes + order.length * (dueNs === undefined ? 4 : 12);
}

/** @throws KernelError ENOMEM for a machine that no memory of 2 GiB holds */
async function createEngine(options: EngineOptions): Promise<Engine> {
  const { cpus, rxQueues, mtu, buffers, executor, seed, costs, signal, rssVlanTags } = options;
  const perQueue = (RX_RING + buffers) * (Math.max(mtu, 2048) + BUFFER_OVERHEAD);
  const memoryBytes = BASE_BYTES + cpus * PER_CPU_BYTES + rxQueues * perQueue + 2 * options.sourceBytes;
  if (memoryBytes > MOST_BYTES) {
    throw new KernelError('ENOMEM', 'scenario', {
      hint: `${rxQueues} RX queues and their frames take ${Math.ceil(memoryBytes / 2 ** 20)} MiB of 2048: use fewer queues`,
    });
  }
  const host = await createHost({ cpus, executor, seed, memoryBytes, ...(executor === 'virtual' && { costs }) });
  const irqCpus = cpuRange(0, rxQueues);
  const device = host.createDevice({
    channels: rxQueues,
    irqCpus,
    rxRing: RX_RING,
    mtu,
    buffers,
    ...(rssVlanTags === undefined ? {} : { rssVlanTags }),
  });
  let offered = 0;

  return {
    host,
    device,
    async send(source, during) {
      checkSignal(signal);
      offered += source.count;
      const wire = device.start(source);
      const over = (): boolean => wire.done || signal?.aborted === true || host.failures.length > 0;
      while (!over()) {
        await host.advance(during?.intervalNs ?? Number.POSITIVE_INFINITY, over);
        during?.tick();
      }
      if (signal?.aborted) wire.stop();
      await host.settle();
      checkSignal(signal);
    },
    finish() {
      const statistics = host.statistics();
      const { problems, lost } = host.ledger();
      const { rx_packets = 0, rx_missed_errors = 0, rx_length_errors = 0 } = device.statistics();
      const arrived = rx_packets + rx_missed_errors + rx_length_errors;
      const wrong = [
        ...host.failures.map(({ cpu, error }) => `CPU ${cpu} died: ${error.message}`),
        ...host.reports,
        ...problems,
        ...lost.map(({ cpu, frames }) => `lost with CPU ${cpu}: ${frames}`),
        ...(arrived === offered ? [] : [`frames offered and met by the device: ${offered} against ${arrived}`]),
      ];
      if (wrong.length === 0) return statistics;
      throw new KernelError('EIO', 'scenario', {
        hint: `not every frame is accounted for, so there are no results: ${wrong.join('; ')}`,
      });
    },
    close: () => host.close(),
  };
}

/** Runs something with an engine, and ends it whatever happens. */
export async function withEngine<T>(options: EngineOptions, act: (engine: Engine) => Promise<T>): Promise<T> {
  const engine = await createEngine(options);
  try {
    return await act(engine);
  } finally {
    await engine.close();
  }
}
