/**
 * Who may share a map that holds programs (5.18 and later): the first program that uses the map, or is put in it, fixes
 * what the map's programs must have in common; all later ones must match. Mirrors bpf_prog_map_compatible, for the
 * programs of this engine, which are all XDP programs.
 */

/** What the rule looks at. */
export interface OwnedProgram {
  readonly name: string;
  readonly expectedAttachType: number;
  /** Whether it copes with multi-buffer frames. */
  readonly frags: boolean;
}

export interface MapOwners {
  /** Why a program does not match the map's owner, or undefined; the first one becomes it. */
  problemOf(map: number, program: OwnedProgram): string | undefined;
  forget(map: number): void;
}

const yesNo = (frags: boolean): string => (frags ? 'with' : 'without');

/** In a PROG_ARRAY programs must be loaded for the same place too, as one calls the other. */
export function createMapOwners(sameAttachType: boolean): MapOwners {
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
      if (sameAttachType && owner.expectedAttachType !== program.expectedAttachType) {
        return (
          `program ${program.name} has expected_attach_type ${program.expectedAttachType}, but the map belongs to ` +
          `${owner.name}, which has ${owner.expectedAttachType}`
        );
      }
      return undefined;
    },
    forget(map) {
      owners.delete(map);
    },
  };
}
