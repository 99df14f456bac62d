/**
 * Listening to the events of maps and programs that no backend made: a TraceControl, told by id whose events it is about.
 * Redirects and exceptions are a program's; enqueue and kthread events are a cpumap's; devmap_xmit is everybody's.
 */
import { release } from 'node:os';
import { eventsOf } from '@cpumap/tracepoints';
import { featuresOf } from '@cpumap/uapi';
import { createOwnIds } from './own-ids.ts';
import { createTraceControl, type LinuxTraceControl } from './trace-control.ts';
import { recordSource } from './tracing.ts';

export interface LinuxTrace extends LinuxTraceControl {
  addMap(id: number): void;
  removeMap(id: number): void;
  addProgram(id: number): void;
  removeProgram(id: number): void;
}

/** @throws KernelError EPERM, EACCES */
export function createLinuxTrace(): LinuxTrace {
  const features = featuresOf(release());
  const own = createOwnIds();
  const parts = { source: recordSource(features), own };
  const control = createTraceControl({ events: eventsOf(features), listening: () => parts });
  return {
    ...control,
    addMap: own.addMap,
    removeMap: own.removeMap,
    addProgram: own.addProgram,
    removeProgram: own.removeProgram,
    close() {
      control.close();
      own.close();
    },
  };
}
