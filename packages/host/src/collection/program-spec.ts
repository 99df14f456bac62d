/** One program of an object as a spec to load: linked, its CO-RE relocations decided, decoded, with names and lines. */
import {
  type BpfMap,
  type CollectionSpec,
  decodeProgram,
  type LinkedProgram,
  linkProgram,
  type MapReference,
  type ObjectProgram,
  type PoisonedInstruction,
  type ProgramSpec,
  resolveCore,
  VerifierError,
} from '@cpumap/bpf';
import { BPF_ATTACH_TYPE, BPF_PROG_TYPE, KernelError } from '@cpumap/uapi';
import type { Backend } from '../backend.ts';
import { placeOf, withPlace } from './object-place.ts';

/** BPF_PROG_TYPE by the program's name: for sections of names of one's own, and over what other names say. */
export type ProgramTypes = Readonly<Record<string, number>>;

export interface PreparedProgram {
  readonly spec: ProgramSpec & { readonly code: Extract<ProgramSpec['code'], { bytecode: unknown }> };
  /** The error of loading it, with the file, the program and what the target lacks. */
  explain(error: unknown): unknown;
}

export function programTypeOf(program: ObjectProgram, types: ProgramTypes): number | undefined {
  return Object.hasOwn(types, program.name) ? types[program.name] : program.programType;
}

/** "u32 x = 1; @ file.c:12", as the verifier's log has it since Linux 6.10. */
function sourceLines({ lines }: LinkedProgram): Map<number, string> {
  const known = lines.filter(({ text }) => text.trim() !== '');
  return new Map(
    known.map(({ slot, text, file, line }) => [
      slot,
      `${text.trim()} @ ${file.slice(file.lastIndexOf('/') + 1)}:${line}`,
    ]),
  );
}

function checkExterns(spec: CollectionSpec, { references }: LinkedProgram): void {
  const missing = references.find(({ kind, target }) => kind === 'extern' && spec.externs.get(target)?.weak !== true);
  if (missing === undefined) return;
  const { declared, section } = spec.externs.get(missing.target)!;
  const what = section === '.kconfig' ? 'a setting of the kernel' : 'a function or variable of the kernel';
  throw new KernelError('ENOENT', 'bpf(BPF_PROG_LOAD)', {
    hint: declared
      ? `slot ${missing.slot} needs ${missing.target}, ${what}, and there is none here: declare it __weak to do without`
      : `slot ${missing.slot} needs ${missing.target}, which the object does not define`,
  });
}

/** @throws KernelError for what cannot be linked, relocated or decoded; ObjectError for a name that is not there */
export function prepareProgram(
  spec: CollectionSpec,
  name: string,
  maps: ReadonlyMap<string, BpfMap>,
  { types = {}, backend }: { readonly types?: ProgramTypes; readonly backend: Backend },
): PreparedProgram {
  const linked = linkProgram(spec, name);
  const program = spec.programs.get(name)!;
  const place = placeOf(spec.name, 'program', name, program.section);
  let poisoned: readonly PoisonedInstruction[] = [];
  const explain = (error: unknown): unknown => {
    const missing = error instanceof VerifierError ? poisoned.find(({ slot }) => slot === error.slot) : undefined;
    if (missing === undefined) return withPlace(error, place);
    const { code, verdict, log, slot } = error as VerifierError;
    const hint = `${place}: slot ${slot} wants ${missing.what}; ask bpf_core_field_exists first`;
    return new VerifierError(code, verdict, log, slot, hint);
  };

  try {
    const type = programTypeOf(program, types);
    if (type === undefined) {
      throw new KernelError('EINVAL', 'bpf(BPF_PROG_LOAD)', {
        hint: "its section's name does not say what kind of program it is: the caller has to",
      });
    }
    checkExterns(spec, linked);
    let { code } = linked;
    if (spec.btf !== undefined && linked.core.length > 0) {
      ({ code, poisoned } = resolveCore(linked, spec.btf, backend.coreTypes()));
    }
    const mapReferences = linked.references.flatMap(({ slot, kind, target, offset }): MapReference[] =>
      kind === 'map' || kind === 'map-value' ? [{ slot, kind, target, offset }] : [],
    );
    const used = [...new Set(mapReferences.map((reference) => reference.target))];
    const attachType = program.attachType ?? (type === BPF_PROG_TYPE.XDP ? BPF_ATTACH_TYPE.XDP : undefined);
    return {
      spec: {
        name,
        type,
        code: {
          bytecode: { instructions: decodeProgram(code), mapReferences },
          license: spec.license,
          functions: new Map(linked.functions.map((part) => [part.slot, part.name])),
          lines: sourceLines(linked),
        },
        ...(attachType === undefined ? {} : { expectedAttachType: attachType }),
        ...(program.attachTo === '' ? {} : { attachTo: program.attachTo }),
        frags: program.frags,
        maps: Object.fromEntries(used.map((map) => [map, maps.get(map)!])),
      },
      explain,
    };
  } catch (error) {
    throw explain(error);
  }
}
