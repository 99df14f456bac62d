/**
 * What a backend needs to hear its own events: the hashes of its ids, where records come from, and the counters. Made
 * when the first cpumap or program is; where the process has no right to trace, everything but counting still works, and
 * whoever asks for counters or records gets the error.
 */
import type { EventDefinition, EventName } from '@cpumap/tracepoints';
import { type Features, KernelError } from '@cpumap/uapi';
import type { RecordSource } from './event-record.ts';
import { createMonitor, type Monitor } from './monitor.ts';
import { createOwnIds, type OwnIds } from './own-ids.ts';
import { recordSource } from './tracing.ts';

export interface ListeningOptions {
  readonly events: ReadonlyMap<EventName, EventDefinition>;
  readonly features: Features;
  readonly nrCpus: number;
  readonly countRedirects: boolean;
  /** The hint for EPERM. */
  readonly rights: () => string;
}

interface Parts {
  readonly source: RecordSource;
  readonly own: OwnIds;
  readonly monitor: Monitor;
}

export interface Listening {
  addMap(id: number): void;
  removeMap(id: number): void;
  addProgram(id: number): void;
  /** @throws KernelError what stood in the way */
  parts(): Parts;
  monitor(): Monitor;
  close(): void;
}

export function createListening({ events, features, nrCpus, countRedirects, rights }: ListeningOptions): Listening {
  let made: Parts | KernelError | undefined;

  function make(): Parts | KernelError {
    let own: OwnIds | undefined;
    try {
      const source = recordSource(features);
      own = createOwnIds();
      return { source, own, monitor: createMonitor({ events, source, own, nrCpus, countRedirects }) };
    } catch (error) {
      own?.close();
      if (!(error instanceof KernelError)) throw error;
      const hint = error.hint ?? (error.code === 'EPERM' || error.code === 'EACCES' ? rights() : undefined);
      const why = hint === undefined ? 'counting and tracing are not possible' : `no counting and tracing: ${hint}`;
      return new KernelError(error.code, error.syscall, { hint: why, cause: error });
    }
  }

  /** The ids, where events can be heard. */
  function ids(): OwnIds | undefined {
    made ??= make();
    return made instanceof KernelError ? undefined : made.own;
  }

  function parts(): Parts {
    made ??= make();
    if (made instanceof KernelError) throw made;
    return made;
  }

  return {
    addMap: (id) => ids()?.addMap(id),
    removeMap: (id) => ids()?.removeMap(id),
    addProgram: (id) => ids()?.addProgram(id),
    parts,
    monitor: () => parts().monitor,
    close() {
      if (made === undefined || made instanceof KernelError) return;
      made.monitor.close();
      made.own.close();
    },
  };
}
