/** Packet handlers of the scenarios, for every CPU to import by name: they count what arrives, and in which order. */
export { countLegitimate } from './ddos/count-legitimate.ts';
export { watchFlows } from './traffic/watch-flows.ts';
