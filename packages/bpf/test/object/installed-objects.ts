/**
 * Objects that other people compiled, where they are installed: Debian's xdp-tools, libxdp1 and
 * golang-github-cilium-ebpf-dev. None of them is part of this project.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface InstalledObject {
  readonly name: string;
  readonly bytes: Uint8Array;
}

function files(folder: string, pattern: RegExp): InstalledObject[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => pattern.test(name))
    .sort()
    .map((name) => ({ name, bytes: new Uint8Array(readFileSync(join(folder, name))) }));
}

/** Objects that a program carries inside (skeletons): whatever begins like an ELF file for machine 247. */
function embedded(path: string): InstalledObject[] {
  if (!existsSync(path)) return [];
  const bytes = readFileSync(path);
  const start = Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  const found: InstalledObject[] = [];
  for (let at = bytes.indexOf(start); at >= 0; at = bytes.indexOf(start, at + 1)) {
    if (at + 64 > bytes.length || bytes.readUInt16LE(at + 18) !== 247) continue;
    const sections = Number(bytes.readBigUInt64LE(at + 40));
    const size = sections + bytes.readUInt16LE(at + 60) * 64;
    found.push({ name: `${path.split('/').at(-1)}@0x${at.toString(16)}`, bytes: bytes.subarray(at, at + size) });
  }
  return found;
}

export function installedObjects(): InstalledObject[] {
  const libraries = existsSync('/usr/lib') ? readdirSync('/usr/lib') : [];
  const cilium = '/usr/share/gocode/src/github.com/cilium/ebpf';
  return [
    ...libraries.flatMap((name) => files(join('/usr/lib', name, 'bpf'), /\.o$/)),
    ...['xdp-bench', 'xdp-monitor', 'xdp-trafficgen', 'xdp-filter', 'xdpdump'].flatMap((name) =>
      embedded(`/usr/sbin/${name}`),
    ),
    ...files(join(cilium, 'testdata'), /-el\.elf$/),
    ...files(join(cilium, 'btf/testdata'), /-el\.elf$/),
  ];
}
