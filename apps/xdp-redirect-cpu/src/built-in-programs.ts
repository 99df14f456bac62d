/** The XDP programs that --program-mode chooses from: the sample's and xdp-bench's, then those for encapsulated traffic. */
import type { BytecodeSpec, SampleProgramName, SteeringProgramName } from '@cpumap/programs';
import {
  SAMPLE_PROGRAMS,
  type SampleProgramOptions,
  STEERING_PROGRAMS,
  sampleProgram,
  steeringProgram,
} from '@cpumap/programs';

export type BuiltInName = SampleProgramName | SteeringProgramName;

export const BUILT_IN_PROGRAMS: readonly {
  readonly prognum?: number;
  readonly name: BuiltInName;
  readonly mode: string;
  readonly description: string;
}[] = [...SAMPLE_PROGRAMS, ...STEERING_PROGRAMS];

export function builtInProgram(name: BuiltInName, options: SampleProgramOptions): BytecodeSpec {
  const steering = STEERING_PROGRAMS.find((program) => program.name === name);
  return steering === undefined
    ? sampleProgram(name as SampleProgramName, options)
    : steeringProgram(steering.name, options);
}
