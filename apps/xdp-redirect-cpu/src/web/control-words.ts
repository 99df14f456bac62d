/** What the page says about the things that can be set. */
import { BUILT_IN_PROGRAMS } from '../built-in-programs.ts';

/** For programs that do not use all CPUs: which ones they do. */
export function firstCpusNote(program: string): string | null {
  switch (program) {
    case 'no_touch':
    case 'touch_data':
      return 'This program uses only the first CPU that is in use.';
    case 'proto_separate':
    case 'ddos_filter_pktgen':
      return 'This program uses the first three places: TCP, UDP, ICMP; the place of a parked CPU goes to one in use.';
    default:
      return null;
  }
}

export function programText(name: string): string | null {
  return BUILT_IN_PROGRAMS.find((program) => program.name === name)?.description ?? null;
}
