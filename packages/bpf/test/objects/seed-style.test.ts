/**
 * The programs of seed-style.o on the packets whose verdicts were recorded. Linux 6.18.44 accepted every program of both
 * objects, and gave the same verdicts and counts with these five (BPF_PROG_TEST_RUN).
 */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { createMemory } from '@cpumap/smp';
import { BPF_FUNC, DATAREC, XDP_MD, XDP_REDIRECT } from '@cpumap/uapi';
import { describeWithData } from '@cpumap/vitest-config/test-data';
import { describe, expect, it } from 'vitest';
import { createInterpreter } from '../../src/interp/interpreter.ts';
import { decodeProgram } from '../../src/isa/codec.ts';
import { relocate } from '../../src/isa/relocate.ts';
import { compileProgram } from '../../src/jit/compile.ts';
import { instantiateProgram } from '../../src/jit/instance.ts';
import { writeRegionList } from '../../src/jit/regions.ts';
import { linkProgram } from '../../src/object/link-program.ts';
import { readObject } from '../../src/object/read-object.ts';
import { objectBytes } from './load.ts';

const STACK = 0x1000;
const REGIONS = 0x3000;
const CONTEXT = 0x3100;
const MAPS = 0x4000; // a page each; a map's address stands for its first value
const PACKET = 0x1_0000;
const PAGE = 0x100;

const PROGRAMS: Record<string, string> = {
  no_touch: 'xdp_prognum0_no_touch',
  touch_data: 'xdp_prognum1_touch_data',
  l4_proto: 'xdp_prognum3_proto_separate',
  l4_filter: 'xdp_prognum4_ddos_filter_pktgen',
  l4_hash: 'xdp_prognum5_lb_hash_ip_pairs',
};

/** A program on one CPU whose maps are arrays in this memory, and what it answers to a packet. */
function start(engine: 'interpreter' | 'jit', object: 'seed-style.o' | 'seed-style-19.o', name: string) {
  const memory = createMemory(0x2_0000);
  const { u8, u32 } = memory;
  const spec = readObject(objectBytes(object));
  const maps = [...spec.maps.values()];
  const addressOf = (map: string): number => MAPS + PAGE * maps.findIndex((one) => one.name === map);
  u32.set([0, 1, 2, 3, 12, 12, 12, 12, 12, 12, 12, 12], addressOf('cpus_available') >> 2);
  u32[addressOf('cpus_count') >> 2] = 4;

  const { code, references } = linkProgram(spec, name);
  const target = new Map(references.map((reference) => [reference.slot, reference.target]));
  const instructions = relocate(decodeProgram(code), ({ slot }) => addressOf(target.get(slot)!));
  let redirectedTo = '';
  const lookup = (map: number, key: number): number => {
    const { maxEntries, valueSize } = maps[(map - MAPS) / PAGE]!;
    const index = u32[key >> 2]!;
    return index < maxEntries ? map + index * valueSize : 0;
  };
  const redirect = (map: number, key: number, flags: number): number => {
    expect([map, flags]).toEqual([addressOf('cpu_map'), 0]);
    redirectedTo = `R${key}`;
    return XDP_REDIRECT;
  };
  const helpers = { [BPF_FUNC.map_lookup_elem]: lookup, [BPF_FUNC.redirect_map]: redirect };

  function run(): number {
    if (engine === 'interpreter') return interpreter.run(CONTEXT);
    const verdict = jit.run(CONTEXT);
    if (verdict < 0) throw jit.fault();
    return verdict;
  }
  const end = MAPS + PAGE * maps.length;
  const interpreter = createInterpreter({
    memory,
    instructions,
    stack: STACK,
    mayAccess: (at, size, write) =>
      (at >= MAPS && at + size <= end) ||
      (at >= PACKET && at + size <= u32[(CONTEXT + XDP_MD.data_end) >> 2]!) ||
      (!write && at >= CONTEXT && at + size <= CONTEXT + XDP_MD.sizeof),
    helpers,
  });
  writeRegionList(memory, REGIONS, [{ start: MAPS, length: end - MAPS, writable: true }]);
  const packet = { data: XDP_MD.data, dataEnd: XDP_MD.data_end, dataMeta: XDP_MD.data_meta };
  const compiled = compileProgram(instructions, {
    context: { size: XDP_MD.sizeof, packet },
    helpers: { [BPF_FUNC.map_lookup_elem]: { result: 'u32', keepsPacket: true }, [BPF_FUNC.redirect_map]: {} },
  });
  const jit = instantiateProgram(compiled, { memory, stack: STACK, regions: REGIONS, helpers });

  return {
    send(bytes: Uint8Array): string {
      u8.set(bytes, PACKET);
      u32.set([PACKET, PACKET + bytes.length, PACKET], CONTEXT >> 2);
      const verdict = run();
      return verdict === XDP_REDIRECT ? redirectedTo : 'ADP'[verdict]!;
    },
    counted: () =>
      [DATAREC.processed, DATAREC.dropped, DATAREC.issue].map((at) => u32[(addressOf('rx_cnt') + at) >> 2]),
  };
}

type Row = [capture: string, index: number, hex: string, verdicts: string];

describeWithData('what seed-style.o answers', 'kernel-6.18/verdicts.ndjson.gz', (path) => {
  const [first, ...lines] = gunzipSync(readFileSync(path)).toString().trim().split('\n');
  const legend: { programs: string[] } = JSON.parse(first!);
  const rows = lines.map((line) => JSON.parse(line) as Row);

  describe.each(['interpreter', 'jit'] as const)('on the %s', (engine) => {
    const cases = Object.entries(PROGRAMS).flatMap(([mode, program]) =>
      (['seed-style.o', 'seed-style-19.o'] as const).map((object) => [object, mode, program] as const),
    );
    it.each(cases)('%s, %s, is what Linux answered', (object, mode, program) => {
      const { send, counted } = start(engine, object, program);
      const column = legend.programs.indexOf(mode);
      const linux = rows.map(([, , , verdicts]) => verdicts.split(' ')[column]);
      expect(rows.map(([, , hex]) => send(Buffer.from(hex, 'hex')))).toEqual(linux);
      expect(counted()).toEqual([rows.length, linux.filter((verdict) => verdict === 'D').length, 0]);
    });
  });
});
