/** Compiled objects to run, and captures of packets whose verdicts Linux gave. */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { readObject } from '@cpumap/bpf';

/** A path of an object that @cpumap/bpf's tests read; their sources lie beside them. */
export function objectPath(name: string): string {
  return fileURLToPath(new URL(`../../../../packages/bpf/test/objects/${name}`, import.meta.url));
}

const EM_BPF = 247;
const BENCH = '/usr/sbin/xdp-bench';

/** The object that Debian's xdp-bench carries for redirect-cpu; undefined where it is not installed. */
export function benchObject(): Uint8Array | undefined {
  if (!existsSync(BENCH)) return undefined;
  const bytes = readFileSync(BENCH);
  const magic = Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  for (let at = bytes.indexOf(magic); at >= 0; at = bytes.indexOf(magic, at + 1)) {
    if (at + 64 > bytes.length || bytes.readUInt16LE(at + 18) !== EM_BPF) continue;
    const size = Number(bytes.readBigUInt64LE(at + 40)) + bytes.readUInt16LE(at + 60) * 64;
    const object = bytes.subarray(at, at + size);
    if (readObject(object).maps.has('cpu_map')) return object;
  }
  return undefined;
}

/** A classic pcap file of Ethernet frames. */
export function pcapOf(frames: readonly Uint8Array[]): Uint8Array {
  const header = Buffer.alloc(24);
  header.writeUInt32LE(0xa1b2c3d4, 0);
  header.writeUInt16LE(2, 4);
  header.writeUInt16LE(4, 6);
  header.writeUInt32LE(65535, 16);
  header.writeUInt32LE(1, 20);
  const records = frames.flatMap((frame, index) => {
    const record = Buffer.alloc(16);
    record.writeUInt32LE(index, 0);
    record.writeUInt32LE(frame.length, 8);
    record.writeUInt32LE(frame.length, 12);
    return [record, frame];
  });
  return Buffer.concat([header, ...records]);
}

/** What a program does to all packets: by index in cpus_available, and the verdicts that are no redirect. */
export interface Distribution {
  readonly redirects: readonly number[];
  readonly pass: number;
  readonly drop: number;
}

export interface RecordedVerdicts {
  readonly frames: readonly Uint8Array[];
  /** How many CPUs the programs spread over. */
  readonly cpusCount: number;
  /** By xdp-bench's name of the program, with `_`. */
  distribution(program: string): Distribution;
}

/** The file kernel-6.18/verdicts.ndjson.gz of the test data. */
export function recordedVerdicts(path: string): RecordedVerdicts {
  const [legend, ...rows] = gunzipSync(readFileSync(path))
    .toString()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const cpusCount: number = legend.cpus_count;
  return {
    frames: rows.map(([, , hex]) => Buffer.from(hex, 'hex')),
    cpusCount,
    distribution(program) {
      const column = legend.programs.indexOf(program);
      const verdicts: string[] = rows.map((row) => row[3].split(' ')[column]);
      const count = (verdict: string): number => verdicts.filter((one) => one === verdict).length;
      const redirects = Array.from({ length: cpusCount }, (_, index) => count(`R${index}`));
      return { redirects, pass: count('P'), drop: count('D') };
    },
  };
}
