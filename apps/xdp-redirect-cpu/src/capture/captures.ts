/**
 * The captures of a run: a probe and a pcapng file for each, written by the host's thread between the machine's turns.
 *
 * Bounded  by frames per second of the machine's clock and by bytes of the file. What is beyond, and what found no room in a
 *          probe's ring, is counted: in epb_dropcount of the CPU's next frame, and in the statistics that end the file.
 * A file that cannot be written any more (a full disk) ends its capture with one line; the run goes on. It then ends with the
 * last block that was written whole.
 */
import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import type { Host, Probe, ProbeRecord } from '@cpumap/host';
import { PcapngWriter } from '@cpumap/nic';
import { CommandError, EXIT } from '../exit-codes.ts';
import type { CaptureSpec } from './capture-spec.ts';
import { commentOf } from './comment.ts';

export interface CaptureResult {
  readonly hook: string;
  readonly file: string;
  /** Frames in the file. */
  readonly captured: number;
  /** Frames that should be there as well, by what kept them out. */
  readonly lost: { readonly ring: number; readonly limit: number; readonly size: number };
  /** Why the file ends early. */
  readonly error?: string;
}

export interface Captures {
  /** Writes what the probes have seen since the last time. */
  drain(): void;
  /** Writes the rest and ends the files. */
  finish(): readonly CaptureResult[];
}

export interface CapturesParts {
  readonly application: string;
  /** Added to the machine's clock: nanoseconds since 1970 at its start. */
  readonly epochNs: bigint;
  /** Told why a file ends early. */
  readonly complain: (text: string) => void;
}

const SECOND = 1e9;
/** Of all rings of one capture together; each a power of two between the bounds. */
const RING_BUDGET = 32 * 2 ** 20;
const MIN_RING = 2 ** 17;
const MAX_RING = 2 ** 23;
/** What was captured is in the file after this time, for whoever reads along. */
const FLUSH_MS = 100;
/** Of a block around a frame, with its options. */
const BLOCK_BYTES = 300;

export function captureRingBytes(cpus: number): number {
  return Math.min(Math.max(2 ** Math.floor(Math.log2(RING_BUDGET / cpus)), MIN_RING), MAX_RING);
}

function describeFailure(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return code === 'ENOSPC' ? 'no space is left (ENOSPC)' : message;
}

/** The name that errors use. */
const nameOf = ({ hook, file }: CaptureSpec): string => `--capture ${hook}:${file}`;

function startCapture(host: Host, spec: CaptureSpec, { application, epochNs, complain }: CapturesParts) {
  const { hook, file, filterText, filter, every, snaplen, limit, size } = spec;
  const fd = openFile(spec);
  const dropped = new Array<number>(host.possibleCpus).fill(0); // since the CPU's last frame
  const counts = dropped.map(() => ({ captured: 0, ring: 0, limit: 0, size: 0 }));
  let written = 0;
  let second = Number.NaN;
  let inSecond = 0;
  let error: string | undefined;
  let onDisk = 0; // frames in chunks that were written
  let flushed = performance.now();

  const writer = new PcapngWriter(
    {
      write(chunk) {
        for (let at = 0; at < chunk.length; ) at += writeSync(fd, chunk, at);
        written += chunk.length;
        onDisk = sum('captured');
      },
    },
    { application },
  );
  const chosen = `${filterText === '' ? '' : `, ${filterText}`}`;
  for (let cpu = 0; cpu < host.possibleCpus; cpu++) {
    writer.addInterface({ name: `cpu${cpu}`, description: `${hook} on CPU ${cpu}${chosen}`, snaplen });
  }
  const probe: Probe = host.createProbe({
    hooks: [hook],
    every,
    snaplen,
    filter,
    ringBytes: captureRingBytes(host.possibleCpus),
  });

  /** Runs what writes; a failure ends the capture. */
  function attempt(write: () => void): void {
    if (error !== undefined) return;
    try {
      write();
    } catch (failure) {
      error = describeFailure(failure);
      try {
        ftruncateSync(fd, written);
      } catch {
        // a pipe or a device has no end to cut
      }
      probe.close();
      complain(`${nameOf(spec)}: ${error}; the capture ends, the run goes on`);
    }
  }

  /** Why a frame is not written, if the bounds are met. */
  function boundOf(record: ProbeRecord): 'limit' | 'size' | undefined {
    const now = Math.floor(record.timestampNs / SECOND);
    if (now !== second) {
      second = now;
      inSecond = 0;
    }
    if (inSecond >= limit) return 'limit';
    return written + writer.pending + record.bytes.length + BLOCK_BYTES > size ? 'size' : undefined;
  }

  function take(record: ProbeRecord): void {
    const { cpu, timestampNs, bytes, length, queue, verdict, lostBefore } = record;
    const count = counts[cpu]!;
    dropped[cpu]! += lostBefore;
    const bound = boundOf(record);
    if (bound !== undefined) {
      count[bound]++;
      dropped[cpu]!++;
      return;
    }
    inSecond++;
    count.captured++; // before it is written: it may be the one that fills a chunk
    const dropCount = dropped[cpu]!;
    dropped[cpu] = 0;
    writer.frame(cpu, epochNs + BigInt(Math.round(timestampNs)), bytes, {
      originalLength: length,
      comment: commentOf(record),
      inbound: true,
      dropCount,
      ...(queue !== undefined && { queue }),
      ...(verdict !== undefined && { xdpVerdict: verdict }),
    });
  }

  const sum = (field: 'captured' | 'ring' | 'limit' | 'size'): number =>
    counts.reduce((total, count) => total + count[field], 0);

  function drain(): void {
    const { records, lostByCpu } = probe.read();
    lostByCpu.forEach((lost, cpu) => {
      counts[cpu]!.ring += lost;
    });
    attempt(() => {
      for (const record of records) take(record);
      if (writer.pending === 0 || performance.now() < flushed + FLUSH_MS) return;
      writer.flush();
      flushed = performance.now();
    });
  }

  function writeStatistics(): void {
    const now = epochNs + BigInt(Math.round(host.now()));
    counts.forEach(({ captured, ring, limit: overLimit, size: overSize }, cpu) => {
      const lost = ring + overLimit + overSize;
      const comment = `captured ${captured} of ${captured + lost}; lost: ${ring} for room in the ring, ${overLimit} over limit=${limit}, ${overSize} over size=${size}`;
      writer.statistics(cpu, now, { delivered: captured, dropped: lost, comment });
    });
    writer.flush();
  }

  return {
    drain,
    finish(): CaptureResult {
      drain();
      attempt(writeStatistics);
      closeSync(fd);
      probe.close();
      const lost = { ring: sum('ring'), limit: sum('limit'), size: sum('size') };
      return { hook, file, captured: onDisk, lost, ...(error === undefined ? {} : { error }) };
    },
  };
}

function openFile(spec: CaptureSpec): number {
  try {
    return openSync(spec.file, 'w');
  } catch (error) {
    throw new CommandError(
      EXIT.FAIL,
      `${nameOf(spec)}: it cannot be written (${(error as NodeJS.ErrnoException).message})`,
      error,
    );
  }
}

/** @throws CommandError for a file that cannot be opened */
export function startCaptures(host: Host, specs: readonly CaptureSpec[], parts: CapturesParts): Captures {
  const captures = specs.map((spec) => startCapture(host, spec, parts));
  return {
    drain() {
      for (const capture of captures) capture.drain();
    },
    finish: () => captures.map((capture) => capture.finish()),
  };
}
