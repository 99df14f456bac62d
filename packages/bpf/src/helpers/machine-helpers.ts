/**
 * Helpers that ask the machine: clocks, the CPU, random numbers, and the task that runs, which for XDP is nobody's.
 *
 * The clocks of the engine: ktime and boot time are the machine's clock (it does not suspend), the coarse one moves in
 * steps of a tick, TAI is UTC + 37 s as on a host whose clock is set so; leap seconds are not followed.
 */
import type { Clock, Memory } from '@cpumap/smp';
import { ERRNO } from '@cpumap/uapi';
import { type HelperTable, helperTable } from './helper-table.ts';

export interface MachineHelperParts {
  readonly memory: Memory;
  readonly cpu: number;
  readonly clock: Clock;
  /** The next number of bpf_get_prandom_u32 on this CPU. */
  readonly random: () => number;
  /** Nanoseconds since 1970 when the machine's clock was 0. */
  readonly epochNs: number;
}

/** CONFIG_HZ=250: what distributions ship. */
const TICK_NS = 4_000_000;
/** jiffies begin five minutes before they wrap. */
const INITIAL_JIFFIES = 2 ** 32 - 300 * 250;
const TAI_OFFSET_NS = 37e9;

export function attachMachineHelpers({ memory, cpu, clock, random, epochNs }: MachineHelperParts): HelperTable {
  const now = (): number => clock.now();
  const comm = new TextEncoder().encode(`swapper/${cpu}`);

  return helperTable({
    ktime_get_ns: now,
    ktime_get_boot_ns: now,
    ktime_get_coarse_ns: () => Math.floor(now() / TICK_NS) * TICK_NS,
    ktime_get_tai_ns: () => epochNs + TAI_OFFSET_NS + now(),
    jiffies64: () => INITIAL_JIFFIES + Math.floor(now() / TICK_NS),
    get_smp_processor_id: () => cpu,
    get_numa_node_id: () => 0,
    get_prandom_u32: random,
    // softirq context borrows whoever runs; on the engine that is the idle task, pid 0 of root
    get_current_pid_tgid: () => 0,
    get_current_uid_gid: () => 0,
    get_current_comm(buffer: number, size: number) {
      if (size === 0) return -ERRNO.EINVAL;
      const text = comm.subarray(0, size - 1);
      memory.u8.fill(0, buffer, buffer + size);
      memory.u8.set(text, buffer);
      return 0;
    },
  });
}
