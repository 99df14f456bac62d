/** The program of `scenario imbalance` when it is not the encapsulation's own: one that comes with the command, or a user's. */
import { pathToFileURL } from 'node:url';
import { onSampleMaps, type SpreadingProgram } from '@cpumap/scenarios';
import { type BuiltInName, builtInProgram } from '../built-in-programs.ts';
import { CommandError, EXIT } from '../exit-codes.ts';
import { addCpus, openCollection } from '../object-collection.ts';
import { deviceProgram, openObject } from '../object-file.ts';
import type { UserCode } from '../settings.ts';
import type { ObjectProgram } from './options.ts';

function fromModule({ file, export: name }: UserCode): SpreadingProgram {
  const code = { module: pathToFileURL(file).href, export: name };
  const { load } = onSampleMaps(name, ({ maps, nrCpus }) => ({ name, code, maps, constants: { nr_cpus: nrCpus } }));
  return {
    name,
    async load(backend, remoteCpus, qsize) {
      try {
        return await load(backend, remoteCpus, qsize);
      } catch (error) {
        throw new CommandError(EXIT.BPF, `--module ${file}: ${(error as Error).message}`, error);
      }
    },
  };
}

function fromObject({ object, prog }: ObjectProgram): SpreadingProgram {
  const spec = openObject(object, '--obj ');
  const { name } = deviceProgram(spec, prog, undefined);
  return {
    name,
    async load(backend, remoteCpus, qsize) {
      const collection = await openCollection(backend, spec, { program: name, programs: [name], remoteCpus });
      if (collection.cpuMap === undefined) {
        throw new CommandError(EXIT.BPF, `${spec.name}: ${name} has no cpumap, so it cannot redirect to a CPU`);
      }
      addCpus(collection.cpuMap, collection.maps, remoteCpus, { qsize, program: 0 });
      return collection.programs.get(name)!;
    },
  };
}

/** @throws CommandError, ObjectError for an object that cannot be read */
export function spreadingProgram(program: BuiltInName | UserCode | ObjectProgram): SpreadingProgram {
  if (typeof program === 'string') {
    return onSampleMaps(program, (machine) => builtInProgram(program, machine));
  }
  return 'object' in program ? fromObject(program) : fromModule(program);
}
