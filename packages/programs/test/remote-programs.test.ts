import { createAllocator, createMemory } from '@cpumap/smp';
import { XDP_DROP, XDP_MD, XDP_PASS, XDP_REDIRECT } from '@cpumap/uapi';
import { describe, expect, it } from 'vitest';
import { type BytecodeSpec, egressProgram, remoteProgram } from '../src/index.ts';
import { startBytecode } from './support/engines.ts';
import { ENGINES, type Engine } from './support/harness.ts';

const TX_PORT = { id: 1, pointer: 0x40 };

/** Verdict, redirects and packet after one run. */
function run(engine: Engine, spec: BytecodeSpec, packet: Uint8Array) {
  const memory = createMemory(1 << 17);
  const allocator = createAllocator(memory);
  const redirects: number[][] = [];
  const instance = startBytecode(engine, spec, {
    memory,
    allocator,
    maps: { tx_port: TX_PORT.pointer },
    values: [],
    helpers: {
      mapLookupElem: () => 0,
      redirectMap(map, key, flags) {
        redirects.push([map, key, flags]);
        return XDP_REDIRECT;
      },
    },
    context: 'xdp_md',
  });
  const ctx = allocator.alloc(XDP_MD.sizeof);
  const data = allocator.alloc(64);
  memory.u8.set(packet, data);
  memory.u32.set([data, data + packet.length, data], ctx >> 2);
  const verdict = instance(ctx);
  return { verdict, redirects, packet: Buffer.from(memory.u8.slice(data, data + packet.length)).toString('hex') };
}

const FRAME = Uint8Array.from(Array.from({ length: 60 }, (_, i) => i));
const HEX = Buffer.from(FRAME).toString('hex');

describe.each(ENGINES)('on the %s', (engine) => {
  it('pass and drop do what they say with any frame', () => {
    for (const packet of [FRAME, FRAME.subarray(0, 0)]) {
      expect(run(engine, remoteProgram('pass'), packet).verdict).toBe(XDP_PASS);
      expect(run(engine, remoteProgram('drop'), packet).verdict).toBe(XDP_DROP);
    }
  });

  const redirect = remoteProgram('redirect', { maps: { tx_port: TX_PORT } });

  it('redirect swaps the addresses and asks for slot 0 of tx_port', () => {
    expect(run(engine, redirect, FRAME)).toEqual({
      verdict: XDP_REDIRECT,
      redirects: [[TX_PORT.pointer, 0, 0]],
      packet: `060708090a0b000102030405${HEX.slice(24)}`,
    });
  });

  const egress = egressProgram(Uint8Array.of(0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54));

  it('egress writes the source address', () => {
    const after = run(engine, egress, FRAME);
    expect(after).toEqual({
      verdict: XDP_PASS,
      redirects: [],
      packet: `000102030405fedcba987654${HEX.slice(24)}`,
    });
  });

  it.each([
    ['redirect', redirect],
    ['egress', egress],
  ])('%s drops what has no whole Ethernet header, and leaves it alone', (_name, spec) => {
    expect(run(engine, spec, FRAME.subarray(0, 13))).toEqual({
      verdict: XDP_DROP,
      redirects: [],
      packet: HEX.slice(0, 26),
    });
    expect(run(engine, spec, FRAME.subarray(0, 14)).verdict).not.toBe(XDP_DROP);
  });
});
