import { ETH_P, XDP_ABORTED, XDP_DROP, XDP_PASS, XDP_REDIRECT } from '@cpumap/uapi';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SAMPLE_PROGRAMS } from '../src/index.ts';
import { REFERENCE } from './reference/index.ts';
import { createBench, ENGINES, HEADROOM, load } from './support/harness.ts';
import { ethernet, frame, ipv4, ipv6 } from './support/packets.ts';

const RECEIVING = ENGINES.flatMap((engine) => SAMPLE_PROGRAMS.map(({ name }) => [engine, name] as const));

const byte = fc.integer({ min: 0, max: 255 });
const address = (length: number) => fc.array(byte, { minLength: length, maxLength: length });
const tags = fc.array(fc.constantFrom(0x8100, 0x88a8), { maxLength: 3 });
const types = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom<number>(ETH_P.IP, ETH_P.IPV6) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 0xffff }) },
);
const protocols = fc.oneof(fc.constantFrom(1, 6, 17, 58), byte);

/** Frames that look like something often enough: headers in order, random fields, any length. */
const packets = fc
  .tuple(tags, types, protocols, fc.uint8Array({ minLength: 64, maxLength: 64 }), fc.nat(86))
  .map(([outer, type, protocol, body, length]) => {
    body[type === ETH_P.IPV6 ? 6 : 9] = protocol;
    return { bytes: frame(ethernet(type, outer), [...body]), length };
  });

describe.each(RECEIVING)('on the %s, %s', (engine, name) => {
  it('reads nothing outside the packet, wherever it lies', () => {
    const { bench, send } = load(engine, name);
    fc.assert(
      fc.property(packets, fc.nat(7), byte, ({ bytes, length: wanted }, shift, poison) => {
        const length = Math.min(wanted, bytes.length);
        bench.maps.cpus_iterator.update(0, new Uint8Array(12 * 8));
        bench.arena.fill(0);
        const before = bench.counters();
        const whole = send(bytes, HEADROOM + shift, length); // the rest of the packet lies behind its end
        const between = bench.counters();
        bench.maps.cpus_iterator.update(0, new Uint8Array(12 * 8));
        bench.arena.fill(poison);
        const poisoned = send(bytes.subarray(0, length), HEADROOM);
        const after = bench.counters();
        expect(poisoned).toEqual(whole);
        for (const counter of ['processed', 'dropped', 'issue'] as const) {
          expect(after[counter] - between[counter]).toBe(between[counter] - before[counter]);
        }
      }),
    );
  });

  it('has a verdict for any bytes, never throws, and leaves them alone', () => {
    const { bench, send } = load(engine, name);
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array({ maxLength: 128 }),
          packets.map(({ bytes }) => bytes),
        ),
        (bytes) => {
          const { verdict, cpu } = send(bytes);
          expect([XDP_ABORTED, XDP_DROP, XDP_PASS, XDP_REDIRECT]).toContain(verdict);
          expect(cpu === undefined).toBe(verdict !== XDP_REDIRECT);
          expect(bench.arena.subarray(HEADROOM, HEADROOM + bytes.length)).toEqual(bytes);
        },
      ),
    );
  });

  it('stays inside the memory with a packet that ends where the memory ends', () => {
    const { bench } = load(engine, name);
    const { memory } = bench;
    const instance = bench.instantiate(engine, name);
    fc.assert(
      fc.property(packets, ({ bytes, length }) => {
        const ctx = bench.place(new Uint8Array(0));
        const packet = bytes.subarray(0, length);
        memory.u8.set(packet, memory.bytes - packet.length);
        memory.u32[ctx >> 2] = memory.bytes - packet.length;
        memory.u32[(ctx >> 2) + 1] = memory.bytes;
        expect(() => instance(ctx)).not.toThrow();
      }),
    );
  });
});

describe('lb_hash_ip_pairs', () => {
  const { send } = load('jit', 'lb_hash_ip_pairs', { cpusAvailable: Array.from({ length: 11 }, (_, i) => i) });

  it('sends both directions of a pair to the same CPU', () => {
    fc.assert(
      fc.property(protocols, address(4), address(4), (protocol, a, b) => {
        const there = frame(ethernet(ETH_P.IP), ipv4(protocol, a, b));
        const back = frame(ethernet(ETH_P.IP), ipv4(protocol, b, a));
        expect(send(there)).toEqual(send(back));
      }),
    );
    fc.assert(
      fc.property(protocols, address(16), address(16), (protocol, a, b) => {
        const there = frame(ethernet(ETH_P.IPV6), ipv6(protocol, a, b));
        const back = frame(ethernet(ETH_P.IPV6), ipv6(protocol, b, a));
        expect(send(there)).toEqual(send(back));
      }),
    );
  });

  it('spreads many pairs over all CPUs', () => {
    const seen = new Map<number | undefined, number>();
    for (let i = 0; i < 11_000; i++) {
      const { cpu } = send(frame(ethernet(ETH_P.IP), ipv4(6, [10, 0, i >> 8, i & 0xff], [192, 0, 2, 1])));
      seen.set(cpu, (seen.get(cpu) ?? 0) + 1);
    }
    expect(seen.size).toBe(11);
    for (const packets of seen.values()) expect(packets).toBeGreaterThan(500);
  });
});

describe.each(RECEIVING)('on the %s, %s', (engine, name) => {
  it('answers and counts as the same program in TypeScript', () => {
    const cpus = { cpusAvailable: Array.from({ length: 11 }, (_, i) => i) };
    const [bytecode, typescript] = [createBench(cpus), createBench(cpus)];
    const ours = bytecode.instantiate(engine, name);
    const reference = REFERENCE[name](typescript.env);
    fc.assert(
      fc.property(packets, fc.nat(7), fc.oneof(fc.constant(0), fc.nat(12)), ({ bytes, length }, shift, count) => {
        const packet = bytes.subarray(0, length);
        bytecode.setCount(count);
        typescript.setCount(count);
        const answer = bytecode.run(ours, bytecode.place(packet, HEADROOM + shift));
        expect(answer).toEqual(typescript.run(reference, typescript.place(packet, HEADROOM + shift)));
        expect(bytecode.counters()).toEqual(typescript.counters());
      }),
      { numRuns: 1000 },
    );
  });
});
