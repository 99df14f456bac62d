/**
 * Counters of the events of this backend's cpumaps and programs, kept by programs of our own on the tracepoints.
 *
 * Owner  the backend. The programs count on every CPU while the monitor is open; reading disturbs nobody.
 */
import type { EventDefinition, EventName, TraceCounters } from '@cpumap/tracepoints';
import { BPF_MAP_TYPE } from '@cpumap/uapi';
import { counterBytes, readCounters } from './counter-layout.ts';
import type { RecordSource } from './event-record.ts';
import { createLinuxMap } from './linux-map.ts';
import { loadLinuxProgram } from './linux-program.ts';
import { countProgram } from './monitor-programs.ts';
import type { OwnIds } from './own-ids.ts';
import { possibleCpuNumbers } from './possible-cpus.ts';
import { attachToEvent } from './tracing.ts';

export interface MonitorParts {
  readonly events: ReadonlyMap<EventName, EventDefinition>;
  readonly source: RecordSource;
  readonly own: OwnIds;
  /** CPUs are below this. */
  readonly nrCpus: number;
  /** Whether successful redirects count too: that is a program's run for each frame. */
  readonly countRedirects: boolean;
}

export interface Monitor {
  /** By CPU, as far as CPUs are possible. */
  read(): { readonly cpu: number; readonly trace: TraceCounters }[];
  close(): void;
}

const SUCCESSES: readonly EventName[] = ['xdp_redirect', 'xdp_redirect_map'];

/** @throws KernelError EPERM, EACCES; LinuxVerifierError */
export function createMonitor({ events, source, own, nrCpus, countRedirects }: MonitorParts): Monitor {
  const size = counterBytes(nrCpus);
  const counters = createLinuxMap({
    name: 'counters',
    type: BPF_MAP_TYPE.PERCPU_ARRAY,
    keySize: 4,
    valueSize: size,
    maxEntries: 1,
  });
  const open: { close(): void }[] = [counters];
  const close = (): void => {
    for (const part of open.splice(0).reverse()) part.close();
  };
  const wanted = [...events.values()].filter(
    ({ name }) => name !== 'xdp_devmap_xmit' && (countRedirects || !SUCCESSES.includes(name)),
  );
  try {
    for (const event of wanted) {
      const spec = countProgram(event, source, nrCpus);
      const program = loadLinuxProgram(spec, { maps: { ...own.maps, counters } });
      open.push(program);
      open.push(attachToEvent(program, program.fd, event.name));
    }
  } catch (error) {
    close();
    throw error;
  }
  return {
    read() {
      const values = new DataView(counters.lookup(0).buffer);
      return possibleCpuNumbers().map((cpu, i) => ({ cpu, trace: readCounters(values, i * size, nrCpus) }));
    },
    close,
  };
}
