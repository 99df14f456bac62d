/** Reads what came from the page. @throws ControlRefused 400 from each, for what it cannot be */
import { ControlRefused } from '@cpumap/dashboard';
import { CPUMAP_QSIZE_MAX, KernelError } from '@cpumap/uapi';
import { BUILT_IN_PROGRAMS } from '../built-in-programs.ts';

const MOST_RATE = 1e12;

function refuse(message: string): never {
  throw new ControlRefused(400, message);
}

const isInteger = (value: unknown, min: number, max: number): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max;

export function rateValue(value: unknown): number | 'max' {
  if (value === 'max') return value;
  if (typeof value === 'number' && value > 0 && value <= MOST_RATE) return value;
  return refuse(`a rate is "max", or frames per second above 0 and up to ${MOST_RATE}`);
}

export function qsizeValue(value: unknown): number {
  if (isInteger(value, 1, CPUMAP_QSIZE_MAX)) return value;
  return refuse(`a ring holds a whole number of frames from 1 to ${CPUMAP_QSIZE_MAX}`);
}

export function frameNumber(value: unknown, frames: number): number {
  if (isInteger(value, 0, frames - 1)) return value;
  return refuse(`the capture has frames 0 to ${frames - 1}`);
}

export function flag(value: unknown): boolean {
  if (typeof value === 'boolean') return value;
  return refuse('it is true or false');
}

export function cpuChange(value: unknown): { cpu: number; active: boolean } {
  if (typeof value === 'object' && value !== null && 'cpu' in value && 'active' in value) {
    const { cpu, active } = value;
    if (typeof cpu === 'number' && typeof active === 'boolean') return { cpu, active };
  }
  return refuse('it is { "cpu": number, "active": true or false }');
}

export function programChoice(value: unknown): (typeof BUILT_IN_PROGRAMS)[number] {
  const found = BUILT_IN_PROGRAMS.find(({ mode }) => mode === value);
  return found ?? refuse(`the programs are ${BUILT_IN_PROGRAMS.map(({ mode }) => mode).join(', ')}`);
}

export type Turn = (change: () => void | Promise<void>) => Promise<void>;

/** Runs changes one after the other; what the machine refuses comes out as a ControlRefused 409. */
export function inTurn(): Turn {
  let last: Promise<unknown> = Promise.resolve();
  return (change) => {
    const next = last.then(change).catch((error: unknown) => {
      throw error instanceof KernelError ? new ControlRefused(409, error.message) : error;
    });
    last = next.catch(() => undefined);
    return next;
  };
}
