import { createAllocator, createMemory } from '@cpumap/smp';
import { featuresOf } from '@cpumap/uapi';
import { createTraceArea } from '../../src/trace-area.ts';
import { createTraceControl } from '../../src/trace-reader.ts';
import { attachTracepoints } from '../../src/tracepoints.ts';

/** The tracepoints of `nrCpus` CPUs and their reading side. The clock shows `time.now`, which tests set. */
export function tracing({ release = '6.18', nrCpus = 2, records = 64 } = {}) {
  const memory = createMemory(1 << 20);
  const allocator = createAllocator(memory);
  const at = createTraceArea(allocator, nrCpus, records);
  const features = featuresOf(release);
  const time = { now: 0 };
  const clock = { now: () => time.now };
  const cpus = Array.from({ length: nrCpus }, (_, cpu) => attachTracepoints(memory, at, cpu, features, clock));
  return { memory, allocator, at, time, cpus, control: createTraceControl(memory, at, features) };
}
