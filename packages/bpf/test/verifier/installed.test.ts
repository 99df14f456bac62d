/** Programs that other people compiled: whatever this engine runs of them must be accepted, as Linux accepts them. */
import { BPF_F_RDONLY_PROG, BPF_PROG_TYPE } from '@cpumap/uapi';
import { describe, expect, it } from 'vitest';
import { decodeProgram } from '../../src/isa/codec.ts';
import { linkProgram } from '../../src/object/link-program.ts';
import { readObject } from '../../src/object/read-object.ts';
import type { ObjectMap } from '../../src/object/spec.ts';
import { rawTracepointContext, tracepointContext, xdpContext } from '../../src/verifier/context-models.ts';
import type { ContextModel, VerifierMap, VerifierStruct } from '../../src/verifier/verifier-types.ts';
import { verifyProgram } from '../../src/verifier/verify-program.ts';
import { installedObjects } from '../object/installed-objects.ts';
import { refusalOf } from '../objects/load.ts';

const DEVICE = { name: 'net_device', size: 2560 };
const PROGRAM = { name: 'bpf_prog', size: 72 };
const STATS = { name: 'xdp_cpumap_stats', size: 12 };
const REDIRECT = [DEVICE, PROGRAM, 'scalar', 'scalar', 'scalar', 'scalar', 'scalar'] as const;
/** What the tracepoints give to their programs. */
const ARGUMENTS: Readonly<Record<string, readonly ('scalar' | VerifierStruct)[]>> = {
  xdp_cpumap_kthread: ['scalar', 'scalar', 'scalar', 'scalar', STATS],
  xdp_cpumap_enqueue: ['scalar', 'scalar', 'scalar', 'scalar'],
  xdp_exception: [DEVICE, PROGRAM, 'scalar'],
  xdp_devmap_xmit: [DEVICE, DEVICE, 'scalar', 'scalar', 'scalar'],
  xdp_redirect: REDIRECT,
  xdp_redirect_err: REDIRECT,
  xdp_redirect_map: REDIRECT,
  xdp_redirect_map_err: REDIRECT,
};

/** struct flow_state of xdp-trafficgen begins with its lock. */
const LOCKS: Readonly<Record<string, number>> = { flow_state_map: 0 };

function mapOf({ name, type, keySize, valueSize, maxEntries, flags, data }: ObjectMap, id: number): VerifierMap {
  const map = { id, name, type, keySize, valueSize, maxEntries, flags };
  const lock = LOCKS[name];
  if (lock !== undefined) return { ...map, spinLockOffset: lock };
  if (data?.frozen !== true) return map;
  const constantValue = (offset: number, size: number): bigint => {
    let value = 0n;
    for (let i = size - 1; i >= 0; i--) value = (value << 8n) | BigInt(data.contents?.[offset + i] ?? 0);
    return value;
  };
  return { ...map, flags: flags | BPF_F_RDONLY_PROG, constantValue };
}

function contextOf(type: number, attachType: number, attachTo: string): ContextModel | undefined {
  if (type === BPF_PROG_TYPE.XDP) return xdpContext(attachType);
  if (type === BPF_PROG_TYPE.TRACEPOINT) return tracepointContext(128);
  const args = ARGUMENTS[attachTo.split('/').at(-1)!];
  const isTraced = type === BPF_PROG_TYPE.RAW_TRACEPOINT || (type === BPF_PROG_TYPE.TRACING && attachType === 23);
  return isTraced && args !== undefined ? rawTracepointContext(args) : undefined;
}

const objects = installedObjects();
if (objects.length === 0) {
  console.warn('SKIPPED: no compiled objects are installed (Debian: xdp-tools libxdp1 golang-github-cilium-ebpf-dev)');
}

describe.skipIf(objects.length === 0)('programs that others compiled', () => {
  it('are accepted', { timeout: 60_000 }, () => {
    let count = 0;
    let processed = 0;
    for (const { name, bytes } of objects) {
      if (refusalOf(() => readObject(bytes)) !== undefined) continue;
      const spec = readObject(bytes);
      const maps = new Map([...spec.maps].map(([key, map], i) => [key, mapOf(map, i + 1)]));
      for (const { name: programName, programType = 0, attachType = 0, attachTo } of spec.programs.values()) {
        const context = contextOf(programType, attachType, attachTo);
        if (context === undefined) continue;
        const linked = linkProgram(spec, programName);
        const targets = new Map(linked.references.map(({ slot, target }) => [slot, target]));
        processed += verifyProgram({
          name: `${name} ${programName}`,
          instructions: decodeProgram(linked.code),
          programType,
          expectedAttachType: attachType,
          license: spec.license,
          mapAt: (slot) => maps.get(targets.get(slot) ?? ''),
          context,
          logLevel: 0,
        }).processedInsns;
        count++;
      }
    }
    console.info(`${count} programs, ${processed} instructions followed`);
    expect(count).toBeGreaterThan(0);
  });
});
