import { createAllocator } from '../../src/allocator.ts';
import { attachMachine, createMachine } from '../../src/machine.ts';
import { createMemory } from '../../src/memory.ts';
import { attachTasks } from '../../src/task.ts';

const MIB = 1 << 20;

/** A machine of `nrCpus` CPUs that nobody runs: tests act in their place. */
export function idleMachine(nrCpus: number, onKick?: (cpu: number) => void) {
  const memory = createMemory(MIB);
  const allocator = createAllocator(memory);
  const at = createMachine(allocator, nrCpus);
  const machine = attachMachine(memory, at, onKick);
  return { memory, allocator, at, machine, tasks: attachTasks(machine) };
}
