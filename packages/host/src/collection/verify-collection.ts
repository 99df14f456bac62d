/**
 * Programs of an object through the engine's verifier, each for itself, without loading one: maps are created as for a
 * load, for the verifier wants to know them, and closed again.
 */
import {
  type BpfMap,
  type CollectionSpec,
  programOf,
  VerifierError,
  type VerifierResult,
  verifyBytecode,
} from '@cpumap/bpf';
import { featuresOf } from '@cpumap/uapi';
import type { Host } from '../host-api.ts';
import { contextOf } from '../program-contexts.ts';
import { createCollectionMaps } from './collection-maps.ts';
import type { LoadCollectionOptions } from './load-collection.ts';
import { prepareProgram } from './program-spec.ts';

export interface VerifyCollectionOptions extends LoadCollectionOptions {
  /** As bpf(BPF_PROG_LOAD): 1 the path to the verdict, 2 every path. Default 1. */
  readonly logLevel?: 0 | 1 | 2;
}

export interface VerifiedProgram {
  readonly name: string;
  readonly section: string;
  /** Empty on level 0, unless the verifier refused it. */
  readonly log: string;
  /** What was found; undefined for a program that is refused. */
  readonly result: VerifierResult | undefined;
  /** Why it is refused. */
  readonly error: Error | undefined;
}

/** @param options `programs` defaults to all of the object. @throws KernelError for maps that cannot be created */
export function verifyCollection(
  host: Host,
  spec: CollectionSpec,
  options: VerifyCollectionOptions = {},
): VerifiedProgram[] {
  const { types = {}, programs = [...spec.programs.keys()], logLevel = 1 } = options;
  const features = featuresOf(host.release);
  const made = createCollectionMaps(host, spec, options);

  function verify(name: string): VerifierResult {
    const { spec: program, explain } = prepareProgram(spec, name, made.maps, { types, backend: host });
    try {
      const loaded = programOf(program, 0);
      return verifyBytecode(host.memory, {
        name,
        code: program.code,
        programType: loaded.type,
        expectedAttachType: loaded.expectedAttachType,
        maps: (program.maps ?? {}) as Readonly<Record<string, BpfMap>>,
        context: contextOf(loaded, features),
        logLevel,
      });
    } catch (error) {
      throw explain(error);
    }
  }

  try {
    return programs.map((name) => {
      const section = spec.programs.get(name)?.section ?? '';
      try {
        const result = verify(name);
        return { name, section, log: result.log, result, error: undefined };
      } catch (error) {
        const log = error instanceof VerifierError ? error.log : '';
        return { name, section, log, result: undefined, error: error as Error };
      }
    });
  } finally {
    made.close();
  }
}
