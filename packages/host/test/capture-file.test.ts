/** Frames that were delivered, written to one pcapng file by all CPUs. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beginCaptureFile, CAPTURE_FILE, type CaptureFileOptions, createHost } from '@cpumap/host';
import { decodeCapture } from '@cpumap/nic';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { numberedFrame, numberOf, sourceOf } from './support/frames.ts';
import { cpuMap, endClean, load, send } from './support/machine.ts';
import { programCode } from './support/threads.ts';

const MIB = 1024 * 1024;
const CPUS = 3;
const EPOCH = 1_700_000_000_000_000_000n;
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cpumap-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe.each(['virtual', 'threads'] as const)('on the %s executor', (executor) => {
  it('holds every frame once, by CPU, with the time it was delivered', async () => {
    const path = join(folder, 'out.pcapng');
    const interfaces = Array.from({ length: CPUS }, (_, cpu) => `cpu${cpu}`);
    const options: CaptureFileOptions = { path, application: 'test', interfaces, epochNs: EPOCH };
    beginCaptureFile(options);
    const empty = decodeCapture(readFileSync(path));
    expect([empty.frames.length, empty.interfaces.map(({ name }) => name)]).toEqual([0, interfaces]);

    const host = await createHost({ cpus: CPUS, executor, memoryBytes: 64 * MIB });
    const nic = host.createDevice({ irqCpus: [0], buffers: 512 });
    const map = cpuMap(host);
    for (let cpu = 0; cpu < CPUS; cpu++) map.set(cpu, { qsize: 2048 });
    const id = await host.addHandler(CAPTURE_FILE, { options });
    const constants = { first: 0, cpus: CPUS };
    host.attachXdp('nic0', await load(host, programCode('redirectByFlow'), { map, constants }));
    const frames = Array.from({ length: 3000 }, (_, n) => numberedFrame(n, n % 7, 60 + (n % 900)));
    await send(host, nic, sourceOf(frames));
    await host.removeHandler(id); // each CPU flushes and closes its file
    const end = EPOCH + BigInt(Math.ceil(host.now()));

    const { frames: written, problem } = decodeCapture(readFileSync(path));
    expect(problem).toBeUndefined();
    expect(written).toHaveLength(3000);
    const sorted = [...written].sort((a, b) => numberOf(a.data) - numberOf(b.data));
    for (const [n, { data, interfaceId }] of sorted.entries()) {
      expect(Buffer.compare(data, frames[n]!)).toBe(0);
      expect(interfaceId).toBe((n % 7) % CPUS);
    }
    for (let cpu = 0; cpu < CPUS; cpu++) {
      const times = written.filter((frame) => frame.interfaceId === cpu).map(({ timestampNs }) => timestampNs);
      expect(times).toEqual([...times].sort((a, b) => (a < b ? -1 : 1)));
      expect(times[0]! >= EPOCH && times.at(-1)! <= end).toBe(true);
    }
    await endClean(host);
  });
});
