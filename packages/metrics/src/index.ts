/**
 * The counters of an engine or a kernel for Prometheus and OpenTelemetry.
 *
 * @packageDocumentation
 */
export * from './catalogue.ts';
export * from './open-telemetry.ts';
export * from './prometheus.ts';
