import * as smp from '@cpumap/smp';

// Two CPUs in one memory, run by one thread on a virtual clock. `createThreadsExecutor` runs them on real threads.
const memory = smp.createMemory(1 << 20);
const allocator = smp.createAllocator(memory);
const time = smp.createVirtualTime(2);
const machine = smp.attachMachine(memory, smp.createMachine(allocator, 2), time.onKick);
const tasks = smp.attachTasks(machine);
const rings = smp.attachPtrRings(memory);

const ring = allocator.alloc(smp.ptrRingBytes(64));
const bulk = allocator.alloc(8 * 4);
rings.init(ring, 64);

// A task: takes eight pointers at a time, and sleeps when there are none.
const consumer: smp.TaskKind = (task) => ({
  poll() {
    tasks.consumeWake(task);
    const n = rings.consumeBatched(ring, bulk, 8);
    if (n > 0) {
      console.log(`${time.clock.now()} ns: CPU 1 took ${n}: ${memory.u32.subarray(bulk >> 2, (bulk >> 2) + n)}`);
      return n;
    }
    if (tasks.shouldStop(task)) return smp.GONE;
    tasks.announceSleep(task); // then look once more: who fills the ring now will see that we sleep
    if (!rings.isEmpty(ring) || tasks.shouldStop(task)) tasks.cancelSleep(task);
    return 0;
  },
  dueIn: () => Number.POSITIVE_INFINITY,
  close() {},
});

const loops = [0, 1].map((cpu) => smp.createCpuLoop(machine, tasks, cpu, [consumer]));
const runtimes = loops.map((loop) => ({ loop, handle: async () => undefined }));
const executor = smp.createVirtualExecutor(machine, time, runtimes, 1);
const task = smp.createTask(memory, allocator, 0, 0, 1);
tasks.post(task);
await executor.advance(10_000);

// Produce ten pointers (any numbers but 0), wake the consumer, and let time pass until nobody has anything to do.
const ten = allocator.alloc(64);
for (let i = 0; i < 10; i++) memory.u32[(ten >> 2) + i] = i + 1;
rings.lock(ring);
const taken = rings.produceBulk(ring, ten, 10);
rings.unlock(ring);
tasks.wakeUp(task);
await executor.advance(Number.POSITIVE_INFINITY);

tasks.stop(task);
executor.waitFor('the end of the task', () => tasks.state(task) === smp.TASK_EXITED);
console.log(`${taken} went in, ${rings.depth(ring)} are left`);
await executor.close();
