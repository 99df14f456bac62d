/** All cases, in the order in which they are asked. */
import type { Case } from '../case.ts';
import { BATCH_CASES } from './batches.ts';
import { CALL_CASES } from './calls.ts';
import { CONTEXT_CASES } from './contexts.ts';
import { CREATE_CASES } from './create.ts';
import { ELEMENT_CASES } from './elements.ts';
import { ENTRY_CASES } from './entries.ts';
import { FRAG_CASES } from './frags.ts';
import { INNER_MAP_CASES } from './inner-maps.ts';
import { PACKET_HELPER_CASES } from './packet-helpers.ts';
import { REDIRECT_CASES } from './redirects.ts';
import { TRAFFIC_CASES } from './traffic/index.ts';
import { VERIFIER_CASES } from './verifier.ts';

const unsorted: readonly Case[] = [
  ...CREATE_CASES,
  ...ELEMENT_CASES,
  ...BATCH_CASES,
  ...ENTRY_CASES,
  ...INNER_MAP_CASES,
  ...REDIRECT_CASES,
  ...PACKET_HELPER_CASES,
  ...FRAG_CASES,
  ...CONTEXT_CASES,
  ...CALL_CASES,
  ...VERIFIER_CASES,
  ...TRAFFIC_CASES,
];
const groups = [...new Set(unsorted.map(({ group }) => group))];

/** A group's cases follow each other. */
export const CASES: readonly Case[] = groups.flatMap((name) => unsorted.filter(({ group }) => group === name));
