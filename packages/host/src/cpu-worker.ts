/** The script of a CPU's thread in the threads executor. */
import { parentPort, workerData } from 'node:worker_threads';
import { attachMachine, attachMemory, createWallClock, runCpuThread } from '@cpumap/smp';
import type { Blueprint } from './blueprint.ts';
import { createCpuRuntime } from './cpu-runtime.ts';

/** What the host starts the thread with. */
export interface CpuWorkerData {
  readonly wasm: WebAssembly.Memory;
  readonly blueprint: Blueprint;
  readonly cpu: number;
  readonly idleTurns: number;
}

const { wasm, blueprint, cpu, idleTurns } = workerData as CpuWorkerData;
const port = parentPort!;
const machine = attachMachine(attachMemory(wasm), blueprint.machine);
const clock = createWallClock(blueprint.startNs);
const runtime = createCpuRuntime({
  machine,
  blueprint,
  cpu,
  clock,
  report: (text) => port.postMessage({ topic: 'report', text }),
  printk: (text) => port.postMessage({ topic: 'printk', text }),
});

await runCpuThread({ machine, cpu, port, runtime, idleTurns });
