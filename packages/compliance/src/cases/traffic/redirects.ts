/** Redirects that fail, and verdicts that are none: which event, which errno, and where the frame ends. */
import type { Case } from '../../case.ts';
import { NOTHING } from '../../subject.ts';
import { PLAN } from '../../traffic/frames.ts';
import { bench, cpuMap, same, setEntry, whole } from './setup.ts';

const GROUP = 'traffic, redirects';
const REDIRECT = 4;
const redirectMap = (key: number | string, flags: number): string =>
  `r1 = map(target) ll\n r2 = ${key}\n r3 = ${flags}\n call 51\n`;
const redirect = (ifindex: number, flags = 0): string => `r1 = ${ifindex}\n r2 = ${flags}\n call 23\n`;
const returns = (verdict: number): string => `r0 = ${verdict}\n exit`;

/** Slot 0 is filled, slot 1 is empty, slot 4 does not exist. */
const BODIES: Readonly<Record<string, string>> = {
  'no helper': returns(REDIRECT),
  ...Object.fromEntries(
    [0, 1, 2, 3].flatMap((flags) => [
      [`an empty slot, flags ${flags}`, `${redirectMap(1, flags)} exit`],
      [`a slot beyond the map, flags ${flags}`, `${redirectMap(4, flags)} exit`],
      [`a filled slot, flags ${flags}`, `${redirectMap(0, flags)} exit`],
      [`an empty slot, flags ${flags}, redirected all the same`, redirectMap(1, flags) + returns(REDIRECT)],
    ]),
  ),
  'flags that are refused': `${redirectMap(0, 4)} exit`,
  'flags that are refused, redirected all the same': redirectMap(0, 4) + returns(REDIRECT),
  'key 2^32': `r2 = 1\n r2 <<= 32\n r1 = map(target) ll\n r3 = 0\n call 51\n exit`,
  'a miss, then a hit': `${redirectMap(1, 2)}${redirectMap(0, 0)} exit`,
  'a hit, then a miss': `${redirectMap(0, 0)}${redirectMap(1, 2)} exit`,
  'a hit, then a miss, redirected all the same': redirectMap(0, 0) + redirectMap(1, 2) + returns(REDIRECT),
  'a hit, then XDP_PASS': redirectMap(0, 0) + returns(2),
  'a hit, then XDP_DROP': redirectMap(0, 0) + returns(1),
  'bpf_redirect to nobody': `${redirect(NOTHING)} exit`,
  'bpf_redirect to ifindex 0': `${redirect(0)} exit`,
  'bpf_redirect with flags': `${redirect(NOTHING, 1)} exit`,
  'bpf_redirect with flags, redirected all the same': redirect(NOTHING, 1) + returns(REDIRECT),
  'bpf_redirect, then a hit': `${redirect(NOTHING)}${redirectMap(0, 0)} exit`,
  'a hit, then bpf_redirect': `${redirectMap(0, 0)}${redirect(NOTHING)} exit`,
  'bpf_redirect to lo': `${redirect(1)} exit`,
};
const VERDICTS = [0, 1, 2, 5, 6, 255, -1];

/** Some frames hit, some miss, some are dropped: what one leaves behind is not the next one's. */
const BY_VERDICT = `${redirectMap(`*(u32 *)(r7 + ${PLAN.key})`, 0)}
    r1 = *(u32 *)(r7 + ${PLAN.verdict})
    if r1 == 99 goto helper
    r0 = r1
  helper:
    exit`;

export const REDIRECT_TRAFFIC_CASES: readonly Case[] = (['native', 'generic'] as const).flatMap((mode): Case[] => [
  {
    group: GROUP,
    name: `${mode}: helpers and what is returned`,
    async run(subject, ask) {
      const { traffic, main, send } = await bench(subject);
      const more = mode === 'generic' ? { generic: traffic.device('va') } : {};
      const target = cpuMap(subject, 'target');
      setEntry(target, 0, 64);
      for (const [name, body] of Object.entries(BODIES)) {
        const program = await main(body, { target });
        await ask.later(name, async () => whole(await send(program, same(3), more)));
      }
      for (const verdict of VERDICTS) {
        const program = await main(returns(verdict), {});
        await ask.later(`verdict ${verdict}`, async () => whole(await send(program, same(3), more)));
      }
    },
  },
  {
    group: GROUP,
    name: `${mode}: frames of one poll`,
    async run(subject, ask) {
      const { traffic, main, send } = await bench(subject);
      const more = mode === 'generic' ? { generic: traffic.device('va') } : {};
      const target = cpuMap(subject, 'target');
      setEntry(target, 0, 64);
      const program = await main(BY_VERDICT, { target });
      const one = (key: number, verdict: number) => same(1, { key, verdict });
      const [hit, miss, none] = [one(0, 99), one(1, 4), one(1, 99)];
      const [passed, dropped] = [one(0, 2), one(0, 1)];
      for (const [name, plans] of Object.entries({
        'hit, miss, hit': [hit, miss, hit],
        'hit, passed, hit': [hit, passed, hit],
        'passed, hit, dropped, hit': [passed, hit, dropped, hit],
        'aborted, hit, aborted': [none, hit, none],
        'ten hits with misses between': new Array(10).fill([...hit, ...miss]),
      })) {
        await ask.later(name, async () => whole(await send(program, plans.flat(), more)));
      }
    },
  },
]);
