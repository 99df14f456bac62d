/**
 * Which remote CPUs of a cpumap are active: measured, decided by a policy, and carried out by programs that move flows in
 * order. Runs on every Backend.
 *
 * @packageDocumentation
 */
export { type Autoscaler, type AutoscalerOptions, createAutoscaler, type Tick } from './autoscaler.ts';
export { type Policy, type PolicySettings, targetUtilisation } from './policy.ts';
export { type CpuSample, sampleOf } from './sample.ts';
export { createSteering, type Steering, type SteeringOptions } from './steering.ts';
