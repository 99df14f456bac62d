/** All programs of the tables. */
import { CALLBACK_CASES } from './cases-callbacks.ts';
import { CALL_CASES } from './cases-calls.ts';
import { FLOW_CASES } from './cases-flow.ts';
import { HELPER_CASES } from './cases-helpers.ts';
import { MAP_CASES } from './cases-maps.ts';
import { PACKET_CASES } from './cases-packet.ts';
import { STACK_CASES } from './cases-stack.ts';
import { VALUE_CASES } from './cases-values.ts';
import type { Case } from './verify-text.ts';

export const CASES: readonly Case[] = [
  ...PACKET_CASES,
  ...STACK_CASES,
  ...VALUE_CASES,
  ...FLOW_CASES,
  ...CALL_CASES,
  ...HELPER_CASES,
  ...MAP_CASES,
  ...CALLBACK_CASES,
];
