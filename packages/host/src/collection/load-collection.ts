/**
 * `loadCollection`: what an object file says becomes maps and programs of a backend, in the kernel's order: maps, their
 * contents, programs, and last the programs' places in program arrays.
 *
 * Owner  the caller, until `close`; that closes the maps. Links to devices and tracepoints are the caller's own.
 * A failure leaves no map behind. Programs that were loaded before it stay loaded and are attached to nothing.
 */
import { type BpfMap, type BpfProgram, bytesOfU32, type CollectionSpec, type ObjectProgram } from '@cpumap/bpf';
import type { EventName } from '@cpumap/tracepoints';
import { BPF_ATTACH_TYPE, BPF_PROG_TYPE, progTypeName } from '@cpumap/uapi';
import type { Backend } from '../backend.ts';
import { type CollectionMapOptions, createCollectionMaps } from './collection-maps.ts';
import { placeOf, withPlace } from './object-place.ts';
import { type ProgramTypes, prepareProgram, programTypeOf } from './program-spec.ts';

export interface LoadCollectionOptions extends CollectionMapOptions {
  /** Names of the programs to load. Default: all that the object wants loaded and the backend can run. */
  readonly programs?: readonly string[];
  readonly types?: ProgramTypes;
}

export interface Collection {
  readonly maps: ReadonlyMap<string, BpfMap>;
  readonly programs: ReadonlyMap<string, BpfProgram>;
  /** What was left out or done otherwise than the object says, a sentence each. */
  readonly notes: readonly string[];
  /** Closes the maps. Safe to call twice. */
  close(): void;
}

/** Why a backend cannot run a program; undefined when it can. */
export function whyNotRun(backend: Backend, program: ObjectProgram, types: ProgramTypes = {}): string | undefined {
  const type = programTypeOf(program, types);
  switch (type) {
    case undefined:
      return `section ${program.section} does not say what kind of program it is`;
    case BPF_PROG_TYPE.XDP:
      return undefined;
    case BPF_PROG_TYPE.TRACING:
      if (program.attachType !== BPF_ATTACH_TYPE.TRACE_RAW_TP) break;
      return whyNoEvent(backend, program);
    case BPF_PROG_TYPE.TRACEPOINT:
    case BPF_PROG_TYPE.RAW_TRACEPOINT:
      return whyNoEvent(backend, program);
  }
  return `programs of type ${progTypeName(type)} (section ${program.section}) are not run here`;
}

function whyNoEvent({ trace, release }: Backend, { attachTo }: ObjectProgram): string | undefined {
  const event = attachTo.replace(/^xdp[/:]/, '') as EventName;
  return trace.events.has(event) ? undefined : `${release} has no event ${attachTo || 'without a name'}`;
}

/** @throws KernelError whose hint names file, program or map, and section; ObjectError for names that are not there */
export async function loadCollection(
  backend: Backend,
  spec: CollectionSpec,
  options: LoadCollectionOptions = {},
): Promise<Collection> {
  const { types = {} } = options;
  const notes: string[] = [];
  const names = options.programs ?? runnable();
  const made = createCollectionMaps(backend, spec, options);
  const { maps } = made;
  const programs = new Map<string, BpfProgram>();

  function runnable(): string[] {
    const chosen: string[] = [];
    for (const program of spec.programs.values()) {
      if (!program.autoload) continue;
      const reason = whyNotRun(backend, program, types);
      if (reason === undefined) chosen.push(program.name);
      else notes.push(`program ${program.name} is not loaded: ${reason}`);
    }
    return chosen;
  }

  function fillProgramArrays(): void {
    for (const map of spec.maps.values()) {
      for (const { index, kind, target } of map.values) {
        if (kind !== 'program') continue;
        const program = programs.get(target);
        if (program === undefined) {
          notes.push(`map ${map.name}: slot ${index} stays empty, program ${target} is not loaded`);
          continue;
        }
        try {
          maps.get(map.name)!.update(index, bytesOfU32(backend.fdOf(program)));
        } catch (error) {
          throw withPlace(error, placeOf(spec.name, 'map', map.name, map.section));
        }
      }
    }
  }

  try {
    for (const name of names) {
      const prepared = prepareProgram(spec, name, maps, { types, backend });
      try {
        programs.set(name, await backend.loadProgram(prepared.spec));
      } catch (error) {
        throw prepared.explain(error);
      }
    }
    fillProgramArrays();
  } catch (error) {
    made.close();
    throw error;
  }
  return { maps, programs, notes: [...made.notes, ...notes], close: made.close };
}
