/** A compiled object on disk: read, described by its own errors, and asked for what it has. */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { type CollectionSpec, linkProgram, type ObjectMap, type ObjectProgram, readObject } from '@cpumap/bpf';
import { BPF_MAP_TYPE, BPF_PROG_TYPE } from '@cpumap/uapi';
import { CommandError, EXIT } from './exit-codes.ts';

/** @throws CommandError */
export function readBytes(path: string, option: string): Uint8Array {
  try {
    return new Uint8Array(readFileSync(path));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? 'no such file' : code === 'EACCES' ? 'not readable' : message;
    throw new CommandError(EXIT.FAIL, `${option}${path}: ${why}`, error);
  }
}

/** @throws CommandError for a file that is not there, ObjectError for one that is no object */
export function openObject(path: string, option = ''): CollectionSpec {
  return readObject(readBytes(path, option), { name: basename(path) });
}

/**
 * BPF_PROG_TYPE of each program: in an object for this command, what lies in a section of a name of one's own is an XDP
 * program, as all sections `xdp_cpu_map…` of the sample are.
 */
export function typesOf(spec: CollectionSpec): Record<string, number> {
  const types = [...spec.programs.values()].map(({ name, programType = BPF_PROG_TYPE.XDP }) => [name, programType]);
  return Object.fromEntries(types);
}

const isXdp = ({ programType }: ObjectProgram): boolean =>
  programType === undefined || programType === BPF_PROG_TYPE.XDP;
const isForEntries = ({ section }: ObjectProgram): boolean => /^\??xdp(\.frags)?\/(cpumap|devmap)$/.test(section);

const list = (programs: readonly ObjectProgram[]): string =>
  programs.map(({ name, section }) => `${name} (${section})`).join(', ') || 'none';

/** The one program that `--prog` or `--section` names, or the only one for devices. @throws CommandError */
export function deviceProgram(
  spec: CollectionSpec,
  prog: string | undefined,
  section: string | undefined,
): ObjectProgram {
  const all = [...spec.programs.values()].filter((program) => isXdp(program) && !isForEntries(program));
  const asked = prog !== undefined ? `--prog ${prog}: ` : section !== undefined ? `--section ${section}: ` : '';
  const chosen = all.filter((program) => {
    if (asked === '') return program.autoload;
    return (prog ?? program.name) === program.name && (section ?? program.section) === program.section;
  });
  if (chosen.length === 1) return chosen[0]!;
  const what = chosen.length === 0 ? 'no such XDP program for a device' : 'more than one XDP program for a device';
  throw new CommandError(EXIT.OPTION, `${asked}${spec.name} has ${what}; take one with --prog: ${list(all)}`);
}

/** @throws CommandError for a name that is no program for entries of a cpumap */
export function entryProgram(spec: CollectionSpec, name: string): ObjectProgram {
  const all = [...spec.programs.values()].filter(({ section }) => /^\??xdp(\.frags)?\/cpumap$/.test(section));
  const found = all.find((program) => program.name === name);
  if (found !== undefined) return found;
  throw new CommandError(
    EXIT.OPTION,
    `--remote-prog ${name}: ${spec.name} has no such program; for entries it has ${list(all)}`,
  );
}

/** The cpumap that a program redirects to; the object's only one where the program itself names none. @throws CommandError */
export function cpuMapOfProgram(spec: CollectionSpec, program: string): ObjectMap | undefined {
  const named = new Set(linkProgram(spec, program).references.map(({ target }) => target));
  const all = [...spec.maps.values()].filter(({ type }) => type === BPF_MAP_TYPE.CPUMAP);
  const used = all.filter(({ name }) => named.has(name));
  const found = used.length === 0 ? all : used;
  if (found.length <= 1) return found[0];
  const usual = found.find(({ name }) => name === 'cpu_map');
  if (usual !== undefined) return usual;
  const names = found.map(({ name }) => name).join(', ');
  throw new CommandError(EXIT.BPF, `${spec.name}: ${program} has several cpumaps and none is named cpu_map: ${names}`);
}
