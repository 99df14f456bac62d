/** The steering programs against the same in TypeScript: real packets, and frames cut off and changed at random. */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { verifyProgram, xdpContext } from '@cpumap/bpf';
import { BPF_ATTACH_TYPE, BPF_PROG_TYPE } from '@cpumap/uapi';
import { describeWithData } from '@cpumap/vitest-config/test-data';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { STEERING_PROGRAMS, type SteeringMode, sampleMaps, steeringProgram } from '../src/index.ts';
import { steeringHash } from './reference/steering.ts';
import { BEFORE, espFrame } from './support/encapsulations.ts';
import { ENGINES, type Engine, HEADROOM, load } from './support/harness.ts';
import { frame, ipv4, ipv6 } from './support/packets.ts';

const NR_CPUS = 11;
const cpusAvailable = Array.from({ length: NR_CPUS }, (_, i) => i);
const VARIANTS = ENGINES.flatMap((engine) => STEERING_PROGRAMS.map(({ mode }) => [engine, mode] as const));

function compare(engine: Engine, mode: SteeringMode) {
  const { bench, send } = load(engine, `steer_${mode}`, { cpusAvailable });
  return (packet: Uint8Array, shift = 0): void => {
    const hash = steeringHash(mode, packet);
    const { cpu } = send(packet, HEADROOM + shift);
    const expected = hash === 'pass' ? undefined : hash % NR_CPUS;
    if (cpu !== expected) expect.fail(`${cpu} for ${expected}: ${Buffer.from(packet).toString('hex')}`);
    bench.redirects.length = 0;
  };
}

describeWithData('real packets', 'kernel-6.18/verdicts.ndjson.gz', (path) => {
  const [, ...lines] = gunzipSync(readFileSync(path)).toString().trim().split('\n');
  const rows = lines.map((line) => JSON.parse(line) as [capture: string, index: number, hex: string]);
  const packets = rows.map(([, , hex]) => Buffer.from(hex, 'hex'));

  it.each(VARIANTS)('go where the reference says (%s, steer_%s)', (engine, mode) => {
    const check = compare(engine, mode);
    for (const packet of packets) check(packet);
  });

  it.each<[string, SteeringMode]>([
    ['geneve.pcap', 'geneve'],
    ['vxlan.pcap', 'vxlan'],
    ['mpls-over-udp.pcap', 'mpls'],
    ['NHRP-responder-address.pcap', 'gre'],
    ['espudp1.pcap', 'esp'],
    ['08-sunrise-sunset-esp2.pcap', 'esp'],
  ])('of %s are known to steer_%s', (capture, mode) => {
    const own = rows.filter(([name]) => name === capture || `${name}.pcap` === capture);
    expect(own.length).toBeGreaterThan(0);
    const hashes = (which: SteeringMode) => own.map(([, , hex]) => steeringHash(which, Buffer.from(hex, 'hex')));
    expect(hashes('auto')).toEqual(hashes(mode));
    // NHRP is not IP, so it goes by the outer header
    if (mode !== 'gre') expect(hashes(mode)).not.toEqual(hashes('qinq'));
  });
});

const byte = fc.integer({ min: 0, max: 255 });
const address = (length: number) => fc.array(byte, { minLength: length, maxLength: length });
const inner = fc.oneof(
  fc.tuple(fc.constantFrom(6, 17, 132, 1, 47), address(4), address(4)).map(([p, a, b]) => [4, ipv4(p, a, b)] as const),
  fc
    .tuple(fc.constantFrom(6, 17, 132, 58, 44, 0, 43, 60), address(16), address(16))
    .map(([p, a, b]) => [6, ipv6(p, a, b)] as const),
);
const changes = fc.array(fc.tuple(fc.nat(90), byte), { maxLength: 3 });

/** Encapsulated frames with up to three bytes changed, cut off anywhere. */
const packets = fc
  .tuple(
    fc.constantFrom(...Object.values(BEFORE)),
    inner,
    fc.uint8Array({ minLength: 24, maxLength: 24 }),
    changes,
    fc.nat(180),
  )
  .map(([{ bytes }, [version, header], rest, changed, length]) => {
    const whole = frame(bytes(version), header, [...rest]);
    for (const [at, value] of changed) if (at < whole.length) whole[at] = value;
    return whole.subarray(0, length);
  });

describe.each(VARIANTS)('on the %s, steer_%s', (engine, mode) => {
  it('answers as the reference to encapsulated frames that were changed and cut off', () => {
    const check = compare(engine, mode);
    fc.assert(fc.property(packets, fc.nat(7), check), { numRuns: 2000 });
  });

  it('answers as the reference to ESP and to any bytes', () => {
    const check = compare(engine, mode);
    const port = fc.constantFrom(4500, 4789, 1);
    const esp = fc
      .tuple(fc.nat(), fc.option(fc.tuple(port, port), { nil: undefined }), fc.nat(90))
      .map(([spi, ports, length]) => espFrame(spi, ports).subarray(0, length));
    fc.assert(
      fc.property(fc.oneof(esp, fc.uint8Array({ maxLength: 128 })), (packet) => check(packet)),
      { numRuns: 1000 },
    );
  });

  it('reads nothing outside the packet, and leaves it alone', () => {
    const { bench, send } = load(engine, `steer_${mode}`, { cpusAvailable });
    fc.assert(
      fc.property(packets, byte, (packet, poison) => {
        bench.arena.fill(0);
        const clean = send(packet);
        bench.arena.fill(poison);
        expect(send(packet)).toEqual(clean);
        expect(bench.arena.subarray(HEADROOM, HEADROOM + packet.length)).toEqual(packet);
      }),
    );
  });
});

describe('the verifier', () => {
  const specs = sampleMaps(12);
  const maps = Object.fromEntries(specs.map(({ name }, i) => [name, { id: i + 1, pointer: 8 }]));

  it.each(STEERING_PROGRAMS.map(({ name }) => name))('accepts %s', (name) => {
    const { instructions, mapReferences } = steeringProgram(name, { maps, nrCpus: 12 }).code.bytecode;
    const bySlot = new Map(
      mapReferences.map(({ slot, target }) => [slot, specs.findIndex((map) => map.name === target)]),
    );
    const result = verifyProgram({
      name,
      instructions,
      programType: BPF_PROG_TYPE.XDP,
      expectedAttachType: BPF_ATTACH_TYPE.XDP,
      license: '',
      mapAt: (slot) => {
        const at = bySlot.get(slot);
        return at === undefined ? undefined : { ...specs[at]!, id: at + 1, flags: 0 };
      },
      context: xdpContext(BPF_ATTACH_TYPE.XDP),
      logLevel: 0,
    });
    expect(result).toBeDefined();
  });
});
