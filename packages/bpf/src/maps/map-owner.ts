/**
 * Who may share a map that holds programs (5.18 and later): the first program that uses the map, or is put in it, fixes
 * what the map's programs must have in common; all later ones must match. Mirrors bpf_prog_map_compatible.
 */
import { progTypeName } from '@cpumap/uapi';

/** What the rule looks at. */
export interface OwnedProgram {
  readonly name: string;
  readonly type: number;
  readonly expectedAttachType: number;
  /** The event of a tracing program: what its context holds depends on it. */
  readonly attachTo: string | undefined;
  /** Whether it copes with multi-buffer frames. */
  readonly frags: boolean;
}

export interface MapOwners {
  /** Why a program does not match the map's owner, or undefined; the first one becomes it. */
  problemOf(map: number, program: OwnedProgram): string | undefined;
  forget(map: number): void;
}

/** Where a program runs, in words: its type, its expected attach type and its event. */
function placeOf({ type, expectedAttachType, attachTo }: OwnedProgram): string {
  const event = attachTo === undefined || attachTo === '' ? '' : ` on ${attachTo}`;
  return `type ${progTypeName(type)} with expected_attach_type ${expectedAttachType}${event}`;
}

const yesNo = (frags: boolean): string => (frags ? 'with' : 'without');

/**
 * In a PROG_ARRAY programs must be of one kind and for one place too: one runs on the other's context, and what the
 * verifier proved of the one holds for that kind of context alone.
 */
export function createMapOwners(samePlace: boolean): MapOwners {
  const owners = new Map<number, OwnedProgram>();

  return {
    problemOf(map, program) {
      const owner = owners.get(map);
      if (owner === undefined) {
        owners.set(map, program);
        return undefined;
      }
      if (owner.frags !== program.frags) {
        return (
          `program ${program.name} is ${yesNo(program.frags)} frags support, but the map belongs to ${owner.name}, ` +
          `which is ${yesNo(owner.frags)}: load both with or both without`
        );
      }
      if (samePlace && placeOf(owner) !== placeOf(program)) {
        return (
          `program ${program.name} is of ${placeOf(program)}, but the map belongs to ${owner.name}, ` +
          `which is of ${placeOf(owner)}`
        );
      }
      return undefined;
    },
    forget(map) {
      owners.delete(map);
    },
  };
}
