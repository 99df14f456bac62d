/** Cases that move frames. */
import type { Case } from '../../case.ts';
import { FLUSH_CASES } from './flush.ts';
import { REDIRECT_TRAFFIC_CASES } from './redirects.ts';
import { RING_CASES } from './rings.ts';
import { SECOND_PROGRAM_CASES } from './second-programs.ts';

export const TRAFFIC_CASES: readonly Case[] = [
  ...FLUSH_CASES,
  ...RING_CASES,
  ...REDIRECT_TRAFFIC_CASES,
  ...SECOND_PROGRAM_CASES,
];
