/** Which programs may share a cpumap: with multi-buffer support or without, as the first one. Linux 5.18 and later. */
import { BPF_ATTACH_TYPE, XDP_PASS } from '@cpumap/uapi';
import { describe, expect, it } from 'vitest';
import { answerOf, createBench } from './support/bench.ts';

const { XDP, XDP_CPUMAP, XDP_DEVMAP } = BPF_ATTACH_TYPE;

type Step = ['user' | 'entry', boolean, string, number?];

/** What is done with one map: a program that uses it is loaded, or put in an entry; with frags or without; the answer. */
const SEQUENCES: [string, Step[]][] = [
  [
    'all without',
    [
      ['user', false, 'ok'],
      ['entry', false, 'ok'],
      ['user', false, 'ok'],
    ],
  ],
  [
    'all with',
    [
      ['user', true, 'ok'],
      ['entry', true, 'ok'],
      ['user', true, 'ok'],
    ],
  ],
  // what xdp-bench runs into: the main program has frags, its programs for entries have not
  [
    'the user has, the entry has not',
    [
      ['user', true, 'ok'],
      ['entry', false, 'ENOMEM'],
      ['entry', true, 'ok'],
    ],
  ],
  [
    'the user has not, the entry has',
    [
      ['user', false, 'ok'],
      ['entry', true, 'ENOMEM'],
      ['entry', false, 'ok'],
    ],
  ],
  [
    'the entry is first, with',
    [
      ['entry', true, 'ok'],
      ['user', false, 'EINVAL'],
      ['user', true, 'ok'],
      ['entry', false, 'ENOMEM'],
    ],
  ],
  [
    'the entry is first, without',
    [
      ['entry', false, 'ok'],
      ['entry', true, 'ENOMEM'],
      ['user', true, 'EINVAL'],
    ],
  ],
  [
    'two users',
    [
      ['user', false, 'ok'],
      ['user', true, 'EINVAL'],
      ['user', false, 'ok'],
    ],
  ],
  // the attach type is looked at first: a program for devices does not become the owner by being refused
  [
    'a refused one owns nothing',
    [
      ['entry', true, 'ENOMEM', XDP],
      ['entry', true, 'ENOMEM', XDP_DEVMAP],
      ['entry', false, 'ok'],
      ['user', false, 'ok'],
    ],
  ],
];

describe('programs of one map', () => {
  it.each(SEQUENCES)('%s', (_, steps) => {
    const bench = createBench('6.18');
    const map = bench.create();
    for (const [what, frags, answer, expectedAttachType = what === 'user' ? XDP : XDP_CPUMAP] of steps) {
      const program = bench.program(() => XDP_PASS, { frags, expectedAttachType });
      const act =
        what === 'user' ? () => bench.type.programUses(map.pointer, program) : () => bench.set(map, 1, 8, program.id);
      expect([what, frags, answerOf(act)]).toEqual([what, frags, answer]);
    }
  });

  it('another map has another owner, and a map that is closed has none', () => {
    const bench = createBench('6.18');
    const uses = (frags: boolean) => bench.program(() => XDP_PASS, { frags, expectedAttachType: XDP });
    for (let round = 0; round < 4; round++) {
      const map = bench.create();
      expect(answerOf(() => bench.type.programUses(map.pointer, uses(round % 2 === 0)))).toBe('ok');
      map.close();
    }
  });

  it('the refusal names both programs', () => {
    const bench = createBench('6.18');
    const map = bench.create();
    const load = (name: string, frags: boolean) =>
      bench.program(() => XDP_PASS, { name, frags, expectedAttachType: XDP });
    bench.type.programUses(map.pointer, load('main', true));
    expect(() => bench.type.programUses(map.pointer, load('late', false))).toThrow(
      'program late is without frags support, but the map belongs to main, which is with',
    );
  });
});
