/** xdp_do_redirect against a target that writes down what it is asked: the order of its steps, in both releases. */

import { XDP_BUFF } from '@cpumap/skb';
import { XDP_ABORTED, XDP_REDIRECT } from '@cpumap/uapi';
import { describe, expect, it } from 'vitest';
import { XDP_COUNTERS } from '../src/index.ts';
import { createBench } from './support/bench.ts';

const PROGRAM = 9;
const event = (name: string, rest: string): string => `${name}: prog_id=9 action=REDIRECT ifindex=4 ${rest}`;

describe('on 6.18', () => {
  function bench() {
    const made = createBench('6.18');
    made.xdp.begin(PROGRAM);
    return Object.assign(made, { map: made.createMap(5, [false, true]) });
  }

  it('a hit: the target gets the descriptor, then the event fires; the flush comes when it is asked for', () => {
    const { helpers, xdp, ctx, map, calls, lines } = bench();
    expect(helpers.redirectMap(map, 1, 0)).toBe(XDP_REDIRECT);
    expect(xdp.doRedirect(ctx)).toBe(0);
    expect(calls).toEqual(['enqueue 501 of 60 bytes, device 4']);
    expect(lines()).toEqual([event('xdp_redirect', 'to_ifindex=0 err=0 map_id=5 map_index=1')]);
    xdp.flush();
    expect(calls.at(-1)).toBe('flush');
  });

  it('the state is used up by one redirect', () => {
    const { helpers, xdp, ctx, map } = bench();
    helpers.redirectMap(map, 1, 0);
    expect([xdp.doRedirect(ctx), xdp.doRedirect(ctx)]).toEqual([0, -56]);
  });

  it('what the target refuses is the errno of the event and the answer', () => {
    const made = bench();
    made.answer = -28;
    made.helpers.redirectMap(made.map, 1, 0);
    expect(made.xdp.doRedirect(made.ctx)).toBe(-28);
    expect(made.lines()).toEqual([event('xdp_redirect_err', 'to_ifindex=0 err=-28 map_id=5 map_index=1')]);
  });

  it.each([
    ['with a map', (b: ReturnType<typeof bench>) => b.helpers.redirectMap(b.map, 1, 0), 'map_id=5 map_index=1'],
    ['without any helper', () => 0, 'map_id=0 map_index=0'],
  ])('no room for the descriptor is EOVERFLOW before anybody asks where to, %s', (_, act, ids) => {
    const made = bench();
    made.setEnds({ meta: 39, data: 39 });
    act(made);
    expect(made.xdp.doRedirect(made.ctx)).toBe(-75);
    expect(made.calls).toEqual([]);
    expect(made.lines()).toEqual([event('xdp_redirect_err', `to_ifindex=0 err=-75 ${ids}`)]);
  });

  it('a tail in the room of the shared info is EOVERFLOW too', () => {
    const { helpers, xdp, ctx, map, setEnds } = bench();
    setEnds({ end: 2048 - 320 + 1 });
    helpers.redirectMap(map, 1, 0);
    expect(xdp.doRedirect(ctx)).toBe(-75);
  });

  it('a miss clears what a hit before it left', () => {
    const { helpers, xdp, ctx, map, calls } = bench();
    helpers.redirectMap(map, 1, 0);
    expect(helpers.redirectMap(map, 0, 0)).toBe(XDP_ABORTED);
    expect(xdp.doRedirect(ctx)).toBe(-22); // taken for device 1, which this machine has not
    expect(calls).toEqual([]);
  });

  it('the start of a poll forgets everything', () => {
    const { helpers, xdp, ctx, map, lines } = bench();
    helpers.redirectMap(map, 1, 0);
    xdp.begin(PROGRAM);
    expect(xdp.doRedirect(ctx)).toBe(-56);
    expect(lines()).toEqual([event('xdp_redirect_err', 'to_ifindex=0 err=-56 map_id=0 map_index=0')]);
  });

  it('in generic mode the sk_buff goes to the target', () => {
    const { helpers, xdp, map, calls, ctx, memory } = bench();
    const dev = memory.u32[(ctx + XDP_BUFF.dev) >> 2]!;
    helpers.redirectMap(map, 1, 0);
    expect(xdp.doGenericRedirect(4096, dev)).toBe(0);
    expect(xdp.doGenericRedirect(4096, dev)).toBe(-56);
    expect(calls).toEqual(['generic 501, sk_buff 4096']);
  });

  it.each([true, false])(
    'successful redirects are counted at the flush, with somebody who listens: %s',
    (listening) => {
      const { helpers, xdp, ctx, map, memory, lines, listen, counted } = bench();
      listen(listening);
      for (let frame = 0; frame < 5; frame++) {
        helpers.redirectMap(map, 1, 0);
        xdp.doRedirect(ctx);
      }
      helpers.redirectMap(map, 1, 0);
      xdp.doGenericRedirect(4096, memory.u32[(ctx + XDP_BUFF.dev) >> 2]!);
      xdp.doRedirect(ctx);
      xdp.flush();
      xdp.flush();
      expect(counted()).toMatchObject({ redirect: 6, redirectErr: 1, errnos: new Map([[56, 1]]) });
      expect(lines()).toHaveLength(listening ? 7 : 0);
    },
  );
});

describe('on 4.15', () => {
  function bench() {
    const made = createBench('4.15');
    made.xdp.begin(PROGRAM);
    const [first, second] = [made.createMap(5, [false, true, true]), made.createMap(6, [false, true, true])];
    const go = (map: number, key: number): number => {
      expect(made.helpers.redirectMap(map, key, 0)).toBe(XDP_REDIRECT);
      return made.xdp.doRedirect(made.ctx);
    };
    return Object.assign(made, { first, second, go });
  }

  it('frames for one map: taken, then noted as pending; one flush at the end', () => {
    const { go, first, calls, xdp } = bench();
    expect([go(first, 1), go(first, 2), go(first, 1)]).toEqual([0, 0, 0]);
    xdp.flush();
    xdp.flush();
    expect(calls).toEqual([
      'enqueue 501 of 60 bytes, device 4',
      'pending 5[1]',
      'enqueue 502 of 60 bytes, device 4',
      'pending 5[2]',
      'enqueue 501 of 60 bytes, device 4',
      'pending 5[1]',
      'flush 5',
    ]);
  });

  it('another map flushes the one before, also when its own frame then has no room', () => {
    const { go, first, second, calls, setEnds, xdp } = bench();
    go(first, 1);
    setEnds({ meta: 23, data: 23 });
    expect(go(second, 1)).toBe(-75);
    expect(calls.slice(2)).toEqual(['flush 5']);
    xdp.flush();
    expect(calls.slice(3)).toEqual([]); // nothing of the second map is pending
  });

  it('an empty slot of another map is EINVAL before that', () => {
    const { go, first, second, calls, lines } = bench();
    go(first, 1);
    expect(go(second, 0)).toBe(-22);
    expect(calls).toHaveLength(2);
    expect(lines().at(-1)).toBe(event('xdp_redirect_map_err', 'to_ifindex=0 err=-22 map_id=6 map_index=0'));
  });

  it('another program than the caller is EFAULT before the slot is looked at', () => {
    const { helpers, xdp, ctx, first, calls, lines } = bench();
    helpers.redirectMap(first, 0, 0);
    xdp.begin(PROGRAM + 1);
    expect(xdp.doRedirect(ctx)).toBe(-14);
    expect(calls).toEqual([]);
    expect(lines()).toEqual([
      'xdp_redirect_map_err: prog_id=10 action=REDIRECT ifindex=4 to_ifindex=0 err=-14 map_id=0 map_index=0',
    ]);
  });

  it('the state outlives the poll, for the same program', () => {
    const { helpers, xdp, ctx, first, calls } = bench();
    helpers.redirectMap(first, 2, 0);
    xdp.flush();
    xdp.begin(PROGRAM);
    expect(xdp.doRedirect(ctx)).toBe(0);
    expect(calls[0]).toBe('enqueue 502 of 60 bytes, device 4');
  });

  it('generic mode does not know cpumaps: EBADRQC, behind EFAULT and EINVAL', () => {
    const { helpers, xdp, ctx, memory, first, calls } = bench();
    const dev = memory.u32[(ctx + XDP_BUFF.dev) >> 2]!;
    helpers.redirectMap(first, 1, 0);
    expect(xdp.doGenericRedirect(4096, dev)).toBe(-56);
    helpers.redirectMap(first, 0, 0);
    expect(xdp.doGenericRedirect(4096, dev)).toBe(-22);
    helpers.redirectMap(first, 1, 0);
    xdp.begin(PROGRAM + 1);
    expect(xdp.doGenericRedirect(4096, dev)).toBe(-14);
    expect(xdp.doGenericRedirect(4096, dev)).toBe(-22); // no helper: device 0
    expect(calls).toEqual([]);
  });
});

describe('programs of a CPU', () => {
  it('are found by id; an id that was never loaded is an error that names it', () => {
    const { xdp } = createBench('6.18');
    xdp.addProgram(3, () => 2);
    expect(xdp.program(3)(0)).toBe(2);
    expect(() => xdp.program(4)).toThrow('program 4 is not loaded on CPU 0');
  });

  it('that throw are counted and told', () => {
    const errors: unknown[] = [];
    const { xdp, memory } = createBench('6.18', { errors });
    const error = new Error('x');
    xdp.programThrew(3, error);
    xdp.programThrew(3, error);
    expect(memory.f64[(xdp.counters + XDP_COUNTERS.threw) >> 3]).toBe(2);
    expect(errors).toEqual([error, error]);
  });
});
