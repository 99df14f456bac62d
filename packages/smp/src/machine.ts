/**
 * The machine: CPUs as areas of the shared memory, and how they wake each other.
 *
 * Each CPU has two cache lines. The first it writes itself (quiet points, whether it sleeps), the second others write
 * (how often it was kicked, its inbox of new tasks). One more word belongs to the host, which waits on it.
 *
 * Waking: the waker stores its work, then looks whether the sleeper sleeps; the sleeper announces that it sleeps, then
 * looks again whether it was kicked, then waits. All of these are sequentially consistent, so one of the two sees the
 * other and no wake-up is lost.
 */
import { layout } from '@cpumap/uapi';
import { type Allocator, CACHELINE } from './allocator.ts';
import type { Memory } from './memory.ts';

const OWN = layout({ quiet: 'u32', asleep: 'u32', dead: 'u32' });
const OTHERS = layout({ kicks: 'u32', inbox: 'u32', commands: 'u32' });
const OTHERS_LINE = CACHELINE;
const CPU_BYTES = 2 * CACHELINE;

/** Where the machine lies; plain data, so that it can be sent to another thread. */
export interface MachineAt {
  readonly nrCpus: number;
  readonly cpus: number;
  readonly host: number;
}

export interface Machine extends MachineAt {
  readonly memory: Memory;
  /** Makes sure that `cpu` looks for work again, now or after its turn. Any CPU and the host may call it. */
  kick(cpu: number): void;
  /** How often `cpu` was kicked: read it before looking for work, give it to `sleep` after. */
  kicks(cpu: number): number;
  /** Sleeps until kicked (since `seen`) or until the time is over. Only `cpu` itself may call it, on its own thread. */
  sleep(cpu: number, seen: number, ms: number): void;
  /** Counts one quiet point: the caller holds no pointer that it read from a map or a slot. */
  quiet(cpu: number): void;
  /** A CPU that is not running counts as quiet, for as long as this says so. */
  setAsleep(cpu: number, asleep: boolean): void;
  isAsleep(cpu: number): boolean;
  quietPoints(cpu: number): number;
  /** The last thing a CPU's thread does, whatever ends it: a host that blocks hears of it in no other way. */
  setDead(cpu: number): void;
  isDead(cpu: number): boolean;
  /** Pushes a task on the inbox of `cpu` and kicks it. `next` is the byte offset of the task's link word. */
  post(cpu: number, task: number, next: number): void;
  /** Takes the whole inbox, newest first; 0 when empty. Only `cpu` itself. */
  takeInbox(cpu: number): number;
  hasInbox(cpu: number): boolean;
  /** Commands that a CPU has still to take from its message port. */
  addCommand(cpu: number): void;
  hasCommands(cpu: number): boolean;
  commandTaken(cpu: number): void;
  /** Wakes the host, if it waits. */
  kickHost(): void;
  /** Lets the host's thread rest until kicked or until the time is over. */
  waitHost(ms: number): void;
}

export function createMachine(allocator: Allocator, nrCpus: number): MachineAt {
  return { nrCpus, cpus: allocator.alloc(nrCpus * CPU_BYTES), host: allocator.alloc(CACHELINE) };
}

/** `onKick` lets an executor that runs all CPUs in one thread learn who was kicked. */
export function attachMachine(memory: Memory, at: MachineAt, onKick?: (cpu: number) => void): Machine {
  const words = memory.i32;
  const own = (cpu: number): number => (at.cpus + cpu * CPU_BYTES) >> 2;
  const others = (cpu: number): number => (at.cpus + cpu * CPU_BYTES + OTHERS_LINE) >> 2;
  const QUIET = OWN.quiet >> 2;
  const ASLEEP = OWN.asleep >> 2;
  const DEAD = OWN.dead >> 2;
  const KICKS = OTHERS.kicks >> 2;
  const INBOX = OTHERS.inbox >> 2;
  const COMMANDS = OTHERS.commands >> 2;
  const host = at.host >> 2;

  function kick(cpu: number): void {
    Atomics.add(words, others(cpu) + KICKS, 1);
    if (onKick !== undefined) onKick(cpu);
    else if (Atomics.load(words, own(cpu) + ASLEEP) !== 0) Atomics.notify(words, others(cpu) + KICKS);
  }

  return {
    ...at,
    memory,
    kick,
    kicks: (cpu) => Atomics.load(words, others(cpu) + KICKS),
    sleep(cpu, seen, ms) {
      Atomics.store(words, own(cpu) + ASLEEP, 1);
      Atomics.wait(words, others(cpu) + KICKS, seen, ms); // returns at once when kicked since `seen`
      Atomics.store(words, own(cpu) + ASLEEP, 0);
    },
    quiet(cpu) {
      Atomics.store(words, own(cpu) + QUIET, (words[own(cpu) + QUIET]! + 1) | 0);
    },
    setAsleep(cpu, asleep) {
      Atomics.store(words, own(cpu) + ASLEEP, asleep ? 1 : 0);
    },
    isAsleep: (cpu) => Atomics.load(words, own(cpu) + ASLEEP) !== 0,
    quietPoints: (cpu) => Atomics.load(words, own(cpu) + QUIET),
    setDead(cpu) {
      Atomics.store(words, own(cpu) + DEAD, 1);
    },
    isDead: (cpu) => Atomics.load(words, own(cpu) + DEAD) !== 0,
    post(cpu, task, next) {
      const inbox = others(cpu) + INBOX;
      let head = Atomics.load(words, inbox);
      for (;;) {
        words[(task + next) >> 2] = head;
        const found = Atomics.compareExchange(words, inbox, head, task);
        if (found === head) break;
        head = found;
      }
      kick(cpu);
    },
    takeInbox: (cpu) => Atomics.exchange(words, others(cpu) + INBOX, 0),
    hasInbox: (cpu) => Atomics.load(words, others(cpu) + INBOX) !== 0,
    addCommand(cpu) {
      Atomics.add(words, others(cpu) + COMMANDS, 1);
      kick(cpu);
    },
    hasCommands: (cpu) => Atomics.load(words, others(cpu) + COMMANDS) !== 0,
    commandTaken(cpu) {
      Atomics.sub(words, others(cpu) + COMMANDS, 1);
    },
    kickHost() {
      Atomics.add(words, host, 1);
      Atomics.notify(words, host);
    },
    waitHost(ms) {
      Atomics.wait(words, host, Atomics.load(words, host), ms);
    },
  };
}
