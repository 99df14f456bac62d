import { createAllocator, createMemory } from '@cpumap/smp';
import { attachTracepoints, createTraceArea, createTraceControl, readTraceCounters } from '@cpumap/tracepoints';
import { featuresOf } from '@cpumap/uapi';

// The area lies in the shared memory; its address `at` is plain data, so that every thread can attach.
const memory = createMemory(1 << 20);
const features = featuresOf('6.18');
const at = createTraceArea(createAllocator(memory), 2, 1024);

// On CPU 0 and CPU 1: what fires the events. A clock of the machine would come from @cpumap/smp.
const clock = { now: () => performance.now() * 1e6 };
const cpu0 = attachTracepoints(memory, at, 0, features, clock);
const cpu1 = attachTracepoints(memory, at, 1, features, clock);

// On the host: listen to two events, and print what came as the kernel prints it.
const control = createTraceControl(memory, at, features);
const subscription = control.subscribe(['xdp_cpumap_enqueue', 'xdp_cpumap_kthread']);
cpu0.cpumapEnqueue(202, 8, 3, 1);
cpu1.cpumapKthread(4711, 202, 5, 0, 1, 0, 0, 0);
cpu1.exception(7, 0, 2); // nobody listens to this one: it is counted, not written

const { records, lost } = subscription.read();
for (const record of records) console.log(`CPU ${record.cpu}: ${control.format(record)}`);
subscription.close();

const { enqueue } = readTraceCounters(memory, at, 0);
const { exception } = readTraceCounters(memory, at, 1);
console.log(
  `${lost} lost; to CPU 1: ${enqueue[1]?.processed} frames, ${enqueue[1]?.drops} dropped; ${exception} exception`,
);
