/** Every way in which a redirect goes wrong, or not where one thinks: its event, its errno, its counter. */
import type { BpfHelpers, ProgramFactory } from '@cpumap/bpf';
import { ACCEPT_ALL, type Host } from '@cpumap/host';
import type { EventName } from '@cpumap/tracepoints';
import { RELEASES, type Release, XDP_ABORTED, XDP_DROP, XDP_PASS, XDP_REDIRECT, XDP_TX } from '@cpumap/uapi';
import { afterEach, describe, expect, it } from 'vitest';
import { burst } from './support/frames.ts';
import { cpuMap, device, endClean, load, send, virtualHost } from './support/machine.ts';
import { linesOf } from './support/trace.ts';

let host: Host;
afterEach(() => endClean(host));

const MAP = 1;
const PROGRAM = 2;

/** What a program does with one frame of a poll: its verdict. */
type Frame = (helpers: BpfHelpers, map: number, ctx: number) => number;
const hit: Frame = (helpers, map) => helpers.redirectMap(map, 1, 0);
const bareRedirect: Frame = () => XDP_REDIRECT;

/** One poll of the frames, on a map with four slots of which 0 and 1 are filled; the lines of its redirects, and counters. */
async function poll(release: Release, ...frames: Frame[]) {
  host = await virtualHost({ release });
  await host.addHandler(ACCEPT_ALL);
  const nic = device(host);
  const map = cpuMap(host, 4);
  map.set(0, { qsize: 64 });
  map.set(1, { qsize: 64 });
  const factory: ProgramFactory = ({ helpers, maps }) => {
    let frame = 0;
    return (ctx) => frames[frame++]!(helpers, maps.cpu_map!, ctx);
  };
  host.attachXdp('nic0', await load(host, factory, { map }));
  const events = [...host.trace.events.keys()].filter((name) => !name.startsWith('xdp_cpumap'));
  const lines = await linesOf(host, () => send(host, nic, burst(frames.length)), events);
  const { xdp, trace } = host.statistics().cpus[0]!;
  return { lines, xdp, trace };
}

interface Redirected {
  readonly err?: number;
  readonly to?: number;
  readonly map?: number;
  readonly index?: number;
  readonly event?: EventName;
}

function redirectLine({ err = 0, to = 0, map = MAP, index = 0, event }: Redirected, prog = PROGRAM): string {
  const name = event ?? (err === 0 ? 'xdp_redirect' : 'xdp_redirect_err');
  return `${name}: prog_id=${prog} action=REDIRECT ifindex=2 to_ifindex=${to} err=${err} map_id=${map} map_index=${index}`;
}

const exceptionLine = (action: string): string => `xdp_exception: prog_id=${PROGRAM} action=${action} ifindex=2`;
const NO_MAP = 0x7fffffff;

describe('on Linux 6.18', () => {
  const twice: Frame = (helpers, map) => {
    helpers.redirectMap(map, 1, 0);
    return helpers.redirectMap(map, 0, 0);
  };
  const missed: Frame = (helpers, map) => {
    expect(helpers.redirectMap(map, 2, 0)).toBe(XDP_ABORTED);
    return XDP_REDIRECT;
  };

  it.each<[string, Frame[], Redirected[]]>([
    ['the helper was never called: EBADRQC', [bareRedirect], [{ err: -56, map: 0 }]],
    ['the helper missed: EINVAL, as there is no device 0', [missed], [{ err: -22, map: NO_MAP }]],
    ['the helper was called twice: the last call counts', [twice], [{ index: 0 }]],
    [
      'the helper was never called behind a hit of the same poll: the index is the one before',
      [hit, bareRedirect, hit],
      [{ index: 1 }, { err: -56, map: 0, index: 1 }, { index: 1 }],
    ],
    [
      'a miss behind a hit of the same poll: index 1 is taken for the loopback device',
      [hit, missed, hit],
      [{ index: 1 }, { err: -95, map: NO_MAP, to: 1 }, { index: 1 }],
    ],
    [
      'a hit whose program then passes is left for the next frame of the poll',
      [(helpers, map, ctx) => hit(helpers, map, ctx) && XDP_PASS, bareRedirect, bareRedirect],
      [{ index: 1 }, { err: -56, map: 0, index: 1 }],
    ],
    ['key 1 << 32 is key 0', [(helpers, map) => helpers.redirectMap(map, 2 ** 32, 0)], [{ index: 0 }]],
    ['key (1 << 32) + 1 is key 1', [(helpers, map) => helpers.redirectMap(map, 2 ** 32 + 1, 0)], [{ index: 1 }]],
    [
      'a device that cannot transmit: EOPNOTSUPP',
      [(helpers) => helpers.redirect(1, 0)],
      [{ err: -95, map: NO_MAP, to: 1 }],
    ],
    ['a device that is not there: EINVAL', [(helpers) => helpers.redirect(77, 0)], [{ err: -22, map: NO_MAP, to: 77 }]],
  ])('%s', async (_, frames, expected) => {
    const { lines, xdp, trace } = await poll('6.18', ...frames);
    expect(lines).toEqual(expected.map((event) => redirectLine(event)));
    const errors = expected.filter(({ err = 0 }) => err !== 0);
    expect([xdp.redirect, xdp.redirect_err]).toEqual([expected.length - errors.length, errors.length]);
    expect([trace.redirect, trace.redirectErr]).toEqual([xdp.redirect, xdp.redirect_err]);
    expect([...trace.errnos.keys()]).toEqual([...new Set(errors.map(({ err }) => -err!))]);
  });

  it('a hit of one poll is forgotten in the next', async () => {
    await poll('6.18', (helpers, map, ctx) => hit(helpers, map, ctx) && XDP_PASS, bareRedirect);
    await endClean(host);
    host = await virtualHost();
    const nic = device(host);
    const map = cpuMap(host);
    map.set(1, { qsize: 64 });
    let frame = 0;
    const factory: ProgramFactory = ({ helpers, maps }) => {
      return () => (frame++ === 0 && helpers.redirectMap(maps.cpu_map!, 1, 0) ? XDP_PASS : XDP_REDIRECT);
    };
    host.attachXdp('nic0', await load(host, factory, { map }));
    await send(host, nic, burst(1));
    expect(await linesOf(host, () => send(host, nic, burst(1)))).toEqual([redirectLine({ err: -56, map: 0 })]);
  });

  const COUNTERS = ['aborted', 'drop', 'pass', 'tx'] as const;
  it.each([
    [0, 'aborted', [exceptionLine('ABORTED')]],
    [1, 'drop', []],
    [2, 'pass', []],
    [3, 'tx', []],
  ] as const)('a miss with flags %i is the verdict %s', async (flags, counter, expected) => {
    for (const key of [2, 4, 0xffffffff]) {
      const { lines, xdp } = await poll('6.18', (helpers, map) => helpers.redirectMap(map, key, flags));
      expect(lines).toEqual(expected);
      expect(COUNTERS.map((name) => xdp[name])).toEqual(COUNTERS.map((name) => (name === counter ? 1 : 0)));
      if (key !== 0xffffffff) await endClean(host);
    }
  });

  it('a hit with flags 1 to 3 is a redirect all the same', async () => {
    const { lines } = await poll(
      '6.18',
      ...[1, 2, 3].map(
        (flags): Frame =>
          (h, map) =>
            h.redirectMap(map, 1, flags),
      ),
    );
    expect(lines).toEqual([1, 2, 3].map(() => redirectLine({ index: 1 })));
  });
});

describe('on Linux 4.15', () => {
  const missed =
    (key: number): Frame =>
    (helpers, map) => {
      expect(helpers.redirectMap(map, key, 0)).toBe(XDP_REDIRECT); // nothing is looked up in the helper
      return XDP_REDIRECT;
    };
  const mapLine = ({ err = 0, ...rest }: Redirected): string =>
    redirectLine({ err, event: err === 0 ? 'xdp_redirect_map' : 'xdp_redirect_map_err', ...rest });

  it.each<[string, Frame[], string[]]>([
    [
      'the helper was never called: EINVAL, without a map',
      [bareRedirect],
      ['xdp_redirect_err: prog_id=2 action=REDIRECT ifindex=2 to_ifindex=0 err=-22'],
    ],
    ['an empty slot: EINVAL at the redirect', [missed(2)], [mapLine({ err: -22, index: 2 })]],
    ['a key beyond the map: EINVAL at the redirect', [missed(4)], [mapLine({ err: -22, index: 4 })]],
    [
      'the helper was called twice: the last call counts',
      [(helpers, map) => helpers.redirectMap(map, 2, 0) && helpers.redirectMap(map, 1, 0)],
      [mapLine({ index: 1 })],
    ],
    [
      'a call whose program then passes is left for the next frame',
      [(helpers, map) => (helpers.redirectMap(map, 1, 0) ? XDP_PASS : XDP_DROP), bareRedirect],
      [mapLine({ index: 1 })],
    ],
    ['key 1 << 32 is key 0', [(helpers, map) => helpers.redirectMap(map, 2 ** 32, 0)], [mapLine({ index: 0 })]],
  ])('%s', async (_, frames, expected) => {
    const { lines } = await poll('4.15', ...frames);
    expect(lines).toEqual(expected);
  });

  it('another program than the caller: EFAULT, without a map', async () => {
    host = await virtualHost({ release: '4.15' });
    const [caller, other] = [device(host), device(host)];
    const map = cpuMap(host);
    map.set(1, { qsize: 64 });
    const calls: ProgramFactory = ({ helpers, maps }) => {
      return () => (helpers.redirectMap(maps.cpu_map!, 1, 0) === XDP_REDIRECT ? XDP_PASS : XDP_DROP);
    };
    host.attachXdp('nic0', await load(host, calls, { map }));
    const { id } = await load(host, () => () => XDP_REDIRECT);
    host.attachXdp('nic1', host.statistics() && (await load(host, () => () => XDP_REDIRECT)));
    await send(host, caller, burst(1));
    const lines = await linesOf(host, () => send(host, other, burst(1)));
    expect(lines).toEqual([
      `xdp_redirect_map_err: prog_id=${id + 1} action=REDIRECT ifindex=3 to_ifindex=0 err=-14 map_id=0 map_index=1`,
    ]);
  });

  // the descriptor needs 24 of the 256 bytes of headroom; the helpers of 4.15 do not keep them free
  it.each([
    [232, 0, 0],
    [233, 0, -75],
    [256, 0, -75],
    [200, 32, 0],
    [204, 32, -75],
    [228, 4, 0],
    [229, 4, -75],
  ])('a push of %i bytes and %i of metadata: err %i', async (push, meta, err) => {
    const { lines } = await poll('4.15', (helpers, map, ctx) => {
      expect(helpers.xdpAdjustHead(ctx, -push)).toBe(0);
      if (meta > 0) expect(helpers.xdpAdjustMeta(ctx, -meta)).toBe(0);
      return helpers.redirectMap(map, 1, 0);
    });
    expect(lines).toEqual([mapLine({ err, index: 1 })]);
  });
});

describe.each(RELEASES)('on %s', (release) => {
  const refused = release === '4.15' ? [1, 2, 3, 4, 8, 0x80000000] : [4, 5, 8, 16, 0x80000000];

  it.each(refused)('flags %i are refused in the helper: ABORTED', async (flags) => {
    const { lines, xdp } = await poll(release, (helpers, map) => helpers.redirectMap(map, 1, flags));
    expect(lines).toEqual([exceptionLine('ABORTED')]);
    expect(xdp.aborted).toBe(1);
  });

  it('a redirect to a device with flags is refused: ABORTED', async () => {
    const { lines } = await poll(release, (helpers) => helpers.redirect(2, 1));
    expect(lines).toEqual([exceptionLine('ABORTED')]);
  });

  it.each([
    [5, '0x5'],
    [77, '0x4d'],
    [-1, '0xffffffff'],
  ])('the unknown verdict %i is an exception and drops the frame', async (verdict, action) => {
    const { lines, xdp } = await poll(release, () => verdict);
    expect(lines).toEqual([exceptionLine(action)]);
    expect(xdp.aborted).toBe(1);
  });

  it('verdicts without an event: DROP, PASS, TX', async () => {
    const { lines, xdp } = await poll(release, ...[XDP_DROP, XDP_PASS, XDP_TX, XDP_PASS].map((act) => () => act));
    expect(lines).toEqual([]);
    expect([xdp.drop, xdp.pass, xdp.tx, xdp.aborted]).toEqual([1, 2, 1, 0]);
  });

  it('no device 0 and none above the last: a redirect that goes nowhere frees the frame', async () => {
    const { xdp } = await poll(
      release,
      (helpers) => helpers.redirect(0, 0),
      (helpers) => helpers.redirect(1024, 0),
    );
    expect(xdp.redirect_err).toBe(2);
  });
});
