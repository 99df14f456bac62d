/**
 * What /proc and /sys say of CPUs and interrupts. A file that may not be read, or is not there, leaves its fact out.
 */
import { readdirSync, readFileSync } from 'node:fs';
import type { InterfaceFacts } from '@cpumap/linux';

interface Interrupt {
  readonly irq: number;
  readonly name: string;
  /** CPUs that may serve it, as a list like 0-3,8; undefined when it cannot be read. */
  readonly affinity: string | undefined;
  /** The CPUs that do. */
  readonly effective: readonly number[];
}

export interface HostView {
  /** Interrupts that frames may come in with. */
  readonly interrupts: readonly Interrupt[];
  /** TX queues that XPS picks by CPU; undefined when /sys shows another network namespace. */
  readonly xpsQueues: readonly string[] | undefined;
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return undefined;
  }
}

function list(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

/** The numbers of a list such as `0-3,8`. */
export function numbersOf(text: string): number[] {
  return text.split(',').flatMap((range) => {
    if (range === '') return [];
    const [first = 0, last = first] = range.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  });
}

/** Names of interrupts by number, from the text of /proc/interrupts. */
export function interruptNames(text: string): Map<number, string> {
  const rows = text.split('\n').flatMap((line): [number, string][] => {
    const match = /^\s*(\d+):.*\s(\S+)$/.exec(line);
    return match === null ? [] : [[Number(match[1]), match[2]!]];
  });
  return new Map(rows);
}

/** Interrupts of a device that bring no frames. */
const NOT_RX = /config|control|output|event|async|mgmt|(^|[-_.@])tx([-_.@]|\d*$)/i;

function interruptsOf(name: string, bus: string | undefined): Interrupt[] {
  const names = interruptNames(read('/proc/interrupts') ?? '');
  const ofBus = bus === undefined ? [] : list(`/sys/bus/pci/devices/${bus}/msi_irqs`).map(Number);
  const byName = new RegExp(`(^|[-_.@])${name.replace(/[^\w]/g, '\\$&')}([-_.@]|$)`);
  return [...names]
    .filter(([irq, text]) => (ofBus.includes(irq) || byName.test(text)) && !NOT_RX.test(text))
    .map(([irq, text]) => ({
      irq,
      name: text,
      affinity: read(`/proc/irq/${irq}/smp_affinity_list`),
      effective: numbersOf(read(`/proc/irq/${irq}/effective_affinity_list`) ?? ''),
    }));
}

function xpsQueues(name: string, ifindex: number): string[] | undefined {
  const base = `/sys/class/net/${name}`;
  if (read(`${base}/ifindex`) !== String(ifindex)) return undefined;
  return list(`${base}/queues`).filter((queue) => {
    const cpus = read(`${base}/queues/${queue}/xps_cpus`);
    return cpus !== undefined && /[1-9a-f]/.test(cpus);
  });
}

export function hostView({ name, ifindex, bus }: InterfaceFacts): HostView {
  return { interrupts: interruptsOf(name, bus), xpsQueues: xpsQueues(name, ifindex) };
}

/** Groups of CPUs that share a core, each of two or more. */
export function threadSiblings(cpus: readonly number[]): number[][] {
  const groups = cpus.map((cpu) => read(`/sys/devices/system/cpu/cpu${cpu}/topology/thread_siblings_list`) ?? '');
  return [...new Set(groups)].map(numbersOf).filter((group) => group.length > 1);
}
