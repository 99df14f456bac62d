/**
 * One suite that asks the engine and the running kernel the same questions.
 *
 * @packageDocumentation
 */
export * from './answer.ts';
export * from './case.ts';
export { CASES } from './cases/index.ts';
export * from './engine-subject.ts';
export * from './kernel-subject.ts';
export * from './known-differences.ts';
export * from './subject.ts';
export * from './suite.ts';
