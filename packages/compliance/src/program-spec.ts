/** A program's text as what both subjects load. */
import { assembleProgram, type ProgramSpec } from '@cpumap/bpf';
import type { ProgramText } from './subject.ts';

export function programSpec({ text, license = 'GPL', name = 'program', ...rest }: ProgramText): ProgramSpec {
  return { ...rest, name, code: { bytecode: assembleProgram(text), license } };
}
