import { ETH_P, NET_RX_DROP, NET_RX_SUCCESS } from '@cpumap/uapi';
import { describe, expect, it } from 'vitest';
import { framePoolFree } from '../src/frame-pool.ts';
import { attachNetifReceive, STACK_COUNTERS } from '../src/netif-receive.ts';
import { readSkBuff } from '../src/read-sk-buff.ts';
import { etherFrame, receiver } from './support/receiver.ts';

const COUNT = 8;
const NOTHING = { delivered: 0, bytes: 0, nohandler: 0, dropped: 0, failed: 0 };

/** The end of the path on one CPU; `calls` is which handler saw which protocol, `errors` what was thrown. */
function stack() {
  const world = receiver('6.18', COUNT);
  const counters = world.allocator.alloc(STACK_COUNTERS.sizeof);
  const calls: string[] = [];
  const errors: unknown[] = [];
  const netif = attachNetifReceive({
    memory: world.memory,
    skbs: world.skbs,
    pools: world.pools,
    counters,
    onError: (_, error) => errors.push(error),
  });
  const handler = (id: number, protocol: number, answer: number | Error = NET_RX_SUCCESS) =>
    netif.add({
      id,
      protocol,
      handler: {
        receive(skb) {
          calls.push(`${id}:${readSkBuff(world.memory, skb).protocol.toString(16)}`);
          if (answer instanceof Error) throw answer;
          return answer;
        },
        close: () => void calls.push(`close ${id}`),
      },
    });
  const skb = (protocol: number = ETH_P.IP, length = 60) => {
    world.receive(etherFrame(length, protocol));
    return world.skbs.fromBuff(world.buff);
  };
  return {
    ...world,
    netif,
    handler,
    skb,
    errors,
    take: () => calls.splice(0),
    receive: (protocol?: number, length?: number) => netif.receive(skb(protocol, length)),
    counted: () =>
      Object.fromEntries(
        Object.keys(NOTHING).map((name) => [
          name,
          world.memory.f64[(counters + STACK_COUNTERS[name as keyof typeof NOTHING]) >> 3],
        ]),
      ),
    /** Buffers that are not back in the pool. */
    out: () => COUNT - framePoolFree(world.memory, world.pool),
  };
}

describe('an sk_buff', () => {
  it('goes to the handlers for all protocols first, then to those for its own, in the order of their ids', () => {
    const { handler, receive, take, out } = stack();
    handler(5, ETH_P.IP);
    handler(4, ETH_P.ALL);
    handler(2, ETH_P.IPV6);
    handler(3, ETH_P.IP);
    handler(1, ETH_P.ALL);
    expect(receive(ETH_P.IP)).toBe(NET_RX_SUCCESS);
    expect(take()).toEqual(['1:800', '4:800', '3:800', '5:800']);
    receive(ETH_P.IPV6);
    expect(take()).toEqual(['1:86dd', '4:86dd', '2:86dd']);
    receive(ETH_P.ARP);
    expect(take()).toEqual(['1:806', '4:806']);
    receive(ETH_P.ALL); // 3 as a length: an 802.2 frame
    expect(take()).toEqual(['1:4', '4:4']);
    expect(out()).toBe(0);
  });

  const OK = NET_RX_SUCCESS;
  const NO = NET_RX_DROP;
  it.each([
    [[OK, OK], OK],
    [[NO, OK], OK],
    [[OK, NO], NO],
    [[NO, NO], NO],
    [[NO], NO],
  ])('to handlers that answer %j: the last one counts, %i', (answers, verdict) => {
    const { handler, receive, counted, out } = stack();
    for (const [i, answer] of answers.entries()) handler(i, i === 0 ? ETH_P.ALL : ETH_P.IP, answer);
    expect(receive(ETH_P.IP, 100)).toBe(verdict);
    expect(counted()).toEqual(verdict === OK ? { ...NOTHING, delivered: 1, bytes: 100 } : { ...NOTHING, dropped: 1 });
    expect(out()).toBe(0);
  });

  it('that nobody wants is dropped and counted', () => {
    const { handler, receive, counted, out } = stack();
    handler(1, ETH_P.IPV6);
    expect(receive(ETH_P.IP)).toBe(NET_RX_DROP);
    expect(counted()).toEqual({ ...NOTHING, nohandler: 1 });
    expect(out()).toBe(0);
  });

  it('whose handler throws is counted and freed, the error is told, and no later handler sees it', () => {
    const { handler, receive, counted, take, out, errors } = stack();
    const error = new Error('handler failed');
    handler(1, ETH_P.ALL, error);
    handler(2, ETH_P.IP);
    expect(receive(ETH_P.IP)).toBe(NET_RX_DROP);
    expect(take()).toEqual(['1:800']);
    expect(errors).toEqual([error]);
    expect(counted()).toEqual({ ...NOTHING, failed: 1 });
    expect(out()).toBe(0);
  });

  it('counts with its MAC header, of which the handler sees the offset', () => {
    const { netif, receive, counted, memory } = stack();
    let mac = 0;
    netif.add({
      id: 1,
      protocol: ETH_P.IP,
      handler: {
        receive(skb) {
          const { head, mac_header } = readSkBuff(memory, skb);
          mac = memory.u8[head + mac_header]!;
          return NET_RX_SUCCESS;
        },
      },
    });
    receive(ETH_P.IP, 1514);
    receive(ETH_P.IP, 60);
    expect(mac).toBe(0x02);
    expect(counted()).toEqual({ ...NOTHING, delivered: 2, bytes: 1574 });
  });

  it('may be freed without a delivery, and without being counted', () => {
    const { netif, skb, counted, out } = stack();
    const one = skb();
    expect(out()).toBe(1);
    netif.free(one);
    expect(out()).toBe(0);
    expect(counted()).toEqual(NOTHING);
  });
});

describe('a list of sk_buffs', () => {
  it('ends in the same counters as one by one, in order, and all buffers come back', () => {
    const PROTOCOLS = [ETH_P.IP, ETH_P.IPV6, ETH_P.ARP, ETH_P.IP, ETH_P['8021Q'], ETH_P.IPV6];
    const setUp = () => {
      const system = stack();
      system.handler(1, ETH_P.IP);
      system.handler(2, ETH_P.IPV6, NET_RX_DROP);
      system.handler(3, ETH_P['8021Q'], new Error('handler failed'));
      return system;
    };
    const single = setUp();
    for (const [i, protocol] of PROTOCOLS.entries()) single.receive(protocol, 100 + i);

    const bulk = setUp();
    const list = bulk.allocator.alloc(64);
    bulk.memory.u32.set(
      PROTOCOLS.map((protocol, i) => bulk.skb(protocol, 100 + i)),
      list >> 2,
    );
    expect(bulk.out()).toBe(6);
    expect(bulk.netif.receiveList(list, 6)).toBe(2);
    expect(bulk.counted()).toEqual({ delivered: 2, bytes: 203, nohandler: 1, dropped: 2, failed: 1 });
    expect(bulk.counted()).toEqual(single.counted());
    expect(bulk.take()).toEqual(single.take());
    expect(bulk.errors).toEqual([new Error('handler failed')]);
    expect([single.out(), bulk.out()]).toEqual([0, 0]);
  });

  it('of none is nothing', () => {
    const { netif, list, counted } = stack();
    expect(netif.receiveList(list, 0)).toBe(0);
    expect(counted()).toEqual(NOTHING);
  });
});

describe('a handler', () => {
  it('that was removed is closed once and called no more; an unknown id is nobody', () => {
    const { netif, handler, receive, take } = stack();
    for (const id of [1, 2, 3]) handler(id, id === 2 ? ETH_P.ALL : ETH_P.IP);
    netif.remove(2);
    netif.remove(2);
    netif.remove(99);
    expect(take()).toEqual(['close 2']);
    receive();
    expect(take()).toEqual(['1:800', '3:800']);
  });

  it('needs no close', () => {
    const { netif, receive } = stack();
    netif.add({ id: 1, protocol: ETH_P.IP, handler: { receive: () => NET_RX_SUCCESS } });
    expect(receive()).toBe(NET_RX_SUCCESS);
    netif.remove(1);
    expect(receive()).toBe(NET_RX_DROP);
  });

  it('is closed when the CPU ends; frames that still come find nobody', () => {
    const { netif, handler, receive, take, counted } = stack();
    handler(1, ETH_P.IP);
    handler(2, ETH_P.ALL);
    netif.close();
    expect(take().sort()).toEqual(['close 1', 'close 2']);
    netif.close();
    receive();
    expect(take()).toEqual([]);
    expect(counted()).toEqual({ ...NOTHING, nohandler: 1 });
  });
});
