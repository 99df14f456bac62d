/** What the programs that come with the command do, by the name under which they are loaded. */
import { BUILT_IN_PROGRAMS } from '../built-in-programs.ts';

export function programText(name: string): string | null {
  return BUILT_IN_PROGRAMS.find((program) => program.name === name)?.description ?? null;
}
