/** Cases that move frames. */
import type { Case } from '../../case.ts';
import { FLUSH_CASES } from './flush.ts';
import { FRAME_CASES } from './frames.ts';
import { REDIRECT_TRAFFIC_CASES } from './redirects.ts';
import { RING_CASES } from './rings.ts';
import { SECOND_PROGRAM_CASES } from './second-programs.ts';
import { TEARDOWN_CASES } from './teardown.ts';

export const TRAFFIC_CASES: readonly Case[] = [
  ...FLUSH_CASES,
  ...RING_CASES,
  ...REDIRECT_TRAFFIC_CASES,
  ...SECOND_PROGRAM_CASES,
  ...FRAME_CASES,
  ...TEARDOWN_CASES,
];
