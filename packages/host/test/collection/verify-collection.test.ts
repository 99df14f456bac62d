import { verifyCollection } from '@cpumap/host';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { countingHost, specOf, xdpTypes } from './support.ts';

let host: Awaited<ReturnType<typeof countingHost>>;
beforeAll(async () => {
  host = await countingHost();
});
afterAll(() => host.close());

it('tells of each program whether it is accepted, and opens nothing', () => {
  const spec = specOf('seed-style.o');
  const verified = verifyCollection(host, spec, { types: xdpTypes(spec), logLevel: 0 });
  const refused = verified.filter(({ error }) => error !== undefined);
  expect(verified.map(({ name }) => name)).toEqual([...spec.programs.keys()]);
  expect(refused.map(({ name }) => name)).toEqual(['trace_xdp_redirect_map_err']);
  expect(verified.every(({ log }) => log === '')).toBe(true);
  expect([...host.open]).toEqual([]);
});

it('gives the log that was asked for, with the names of functions and the lines of the source', () => {
  const spec = specOf('modern.o');
  const [one] = verifyCollection(host, spec, { programs: ['xdp_spread'], logLevel: 2 });
  expect(one!.section).toBe('xdp');
  expect(one!.log).toMatch(/; .* @ modern\.bpf\.c:\d+\n/);
  expect(one!.log).toMatch(/processed \d+ insns \(limit 1000000\)/);
  expect(one!.result!.processedInsns).toBeGreaterThan(300);
});

it('gives the log of a refusal on every level', () => {
  const [one] = verifyCollection(host, specOf('core.o'), { programs: ['loads'], logLevel: 0 });
  expect(one!.result).toBeUndefined();
  expect(one!.log).toContain('invalid func unknown#195896080');
  expect(one!.error!.message).toMatch(/core\.o, program loads \(section tp_btf\/xdp_exception\)/);
});
