/** Entries that are replaced and deleted while frames wait in them or stream through them: nothing is lost. */
import type { Case } from '../../case.ts';
import type { SubjectMap, SubjectProgram } from '../../subject.ts';
import { feed, type Plan, pattern, redirectTo } from '../../traffic/frames.ts';
import type { Seen } from '../../traffic/traffic.ts';
import { bench, cpuMap, part, same, second, setEntry, toTarget } from './setup.ts';

const GROUP = 'traffic, teardown';
const FRAMES = 20;

/** What a user may do to the entry while frames are queued. */
const ACTS: Readonly<Record<string, (map: SubjectMap, pass: SubjectProgram) => void>> = {
  'the entry is deleted': (map) => map.delete(0),
  'the entry is set to no size': (map) => setEntry(map, 0, 0),
  'the entry is replaced': (map) => setEntry(map, 0, 32),
  'the entry is replaced by the same': (map) => setEntry(map, 0, 64),
  'the entry gets a program': (map, pass) => setEntry(map, 0, 64, pass),
  'the entry is replaced twice': (map) => {
    setEntry(map, 0, 32);
    setEntry(map, 0, 16);
  },
  'the entry is replaced, then deleted': (map) => {
    setEntry(map, 0, 32);
    map.delete(0);
  },
};
const ENDINGS: Readonly<Record<string, number>> = {
  'the entry is replaced twice': 2,
  'the entry is replaced, then deleted': 2,
};

/** Every frame ended, and where: sums over all entries. */
function accounts({ events, sums, delivered }: Seen): Readonly<Record<string, number>> {
  const enqueued = events.filter((line) => line.startsWith('cpumap_enqueue'));
  const total = (field: string): number =>
    enqueued.reduce((sum, line) => sum + Number(line.match(new RegExp(`${field}=(\\d+)`))![1]), 0);
  return {
    redirects: events.filter((line) => line.startsWith('redirect ')).length,
    refused: events.filter((line) => line.startsWith('redirect_err')).length,
    enqueued: total('processed'),
    dropped: total('drops'),
    processed: Object.values(sums).reduce((sum, { processed }) => sum + processed, 0),
    delivered: Object.values(delivered).reduce((sum, frames) => sum + frames.length, 0),
  };
}

export const TEARDOWN_CASES: readonly Case[] = [
  {
    group: GROUP,
    name: 'with frames queued',
    async run(subject, ask) {
      const { traffic, main, send } = await bench(subject);
      const pass = await second(subject, 'r0 = 2\n exit');
      for (const [name, act] of Object.entries(ACTS)) {
        const target = cpuMap(subject, 'target'); // a map for each: its kthreads are counted
        const program = await main(toTarget, { target });
        setEntry(target, 0, 64);
        await ask.later(name, async () => {
          const seen = await send(program, same(FRAMES), { amidst: () => act(target, pass) });
          const endings = await traffic.endings(target, ENDINGS[name] ?? 1);
          return { ...part(seen, 'events', 'sums', 'delivered'), endings };
        });
        if (name.includes('deleted') || name.includes('no size')) continue;
        ask(`${name}: and deleted`, () => target.delete(0));
        await ask.later(`${name}: the last one ends`, async () => {
          const empty = await send(program, same(1, { flags: 1 }));
          return { ...part(empty, 'events', 'delivered') };
        });
      }
    },
  },
  {
    group: GROUP,
    name: 'the map is freed with a frame queued',
    async run(subject, ask) {
      const { traffic, feeder } = await bench(subject);
      const pass = await second(subject, 'r0 = 2\n exit');
      for (const [name, remote] of [
        ['no program', undefined],
        ['a program', pass],
      ] as const) {
        const target = cpuMap(subject, 'target');
        // the map lives while a program that names it does; one run of one frame leaves the program nobody else's
        const text = feed(redirectTo('target'));
        const program = await subject.loadProgram({ name: 'main', text, maps: { ...feeder.maps, target } });
        setEntry(target, 0, 64, remote);
        feeder.set(same(1));
        await ask.later(name, async () => {
          const seen = await traffic.burst({
            program,
            data: pattern(60),
            amidst: () => {
              target.close();
              program.close();
            },
          });
          return { ...part(seen, 'events', 'sums', 'delivered'), endings: await traffic.endings(target, 1) };
        });
      }
    },
  },
  {
    group: GROUP,
    name: 'between bursts',
    async run(subject, ask) {
      const { main, send } = await bench(subject);
      const target = cpuMap(subject, 'target');
      const program = await main(toTarget, { target });
      const programs = [
        undefined,
        await second(subject, 'r0 = 2\n exit'),
        undefined,
        await second(subject, 'r0 = 1\n exit'),
        await second(subject, 'r0 = 0\n exit'),
      ];
      const plans = Array.from(
        { length: 60 },
        (_, i): Plan => ({
          length: 60 + i,
          key: i % 3,
          flow: i % 3,
          flags: 1,
        }),
      );
      let round = 0;
      for (const qsize of [64, 8, 31, 32, 1024]) {
        for (const cpu of [0, 1]) setEntry(target, cpu, qsize, programs[(round + cpu) % programs.length]);
        await ask.later(`round ${round}, rings of ${qsize}`, async () => {
          // the ring of the other CPU may be emptied while the burst goes on: sized for all
          const seen = await send(program, qsize < 32 ? plans.map((plan) => ({ ...plan, key: 0 })) : plans);
          return { accounts: accounts(seen), ...part(seen, 'sums', 'delivered') };
        });
        if (round % 2 === 1) ask(`delete after round ${round}`, () => target.delete(1));
        round++;
      }
    },
  },
];
