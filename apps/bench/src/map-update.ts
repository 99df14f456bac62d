/**
 * map-update: bpf(BPF_MAP_UPDATE_ELEM) on an array of the running kernel, through package linux and from a C program that
 * does nothing else, in turn. Needs Linux, the right to create maps, and a C compiler.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLinuxMap } from '@cpumap/linux';
import { BPF_MAP_TYPE, KernelError } from '@cpumap/uapi';
import { spreadOf } from './stats.ts';
import type { Suite } from './suite.ts';

const ENTRIES = 256;

/** Prints nanoseconds an update; its argument says how many. */
const IN_C = `
#include <linux/bpf.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static double now(void) {
  struct timespec at;
  clock_gettime(CLOCK_MONOTONIC, &at);
  return at.tv_sec * 1e9 + at.tv_nsec;
}

int main(int argc, char **argv) {
  long count = atol(argv[argc - 1]);
  union bpf_attr attr;
  memset(&attr, 0, sizeof(attr));
  attr.map_type = BPF_MAP_TYPE_ARRAY;
  attr.key_size = 4;
  attr.value_size = 8;
  attr.max_entries = ${ENTRIES};
  int fd = syscall(__NR_bpf, BPF_MAP_CREATE, &attr, sizeof(attr));
  if (fd < 0) return 1;
  double begin = now();
  for (long i = 0; i < count; i++) {
    uint32_t key = i % ${ENTRIES};
    uint64_t value = i;
    memset(&attr, 0, sizeof(attr));
    attr.map_fd = fd;
    attr.key = (uintptr_t)&key;
    attr.value = (uintptr_t)&value;
    if (syscall(__NR_bpf, BPF_MAP_UPDATE_ELEM, &attr, 32) < 0) return 2;
  }
  printf("%f\\n", (now() - begin) / count);
  return 0;
}
`;

function compile(folder: string): string {
  const program = join(folder, 'update');
  writeFileSync(`${program}.c`, IN_C);
  execFileSync('cc', ['-O2', '-o', program, `${program}.c`], { stdio: 'pipe' });
  return program;
}

function update(count: number): number {
  const map = createLinuxMap({ type: BPF_MAP_TYPE.ARRAY, keySize: 4, valueSize: 8, maxEntries: ENTRIES });
  try {
    const value = new Uint8Array(8);
    const numbers = new DataView(value.buffer);
    const begin = performance.now();
    for (let i = 0; i < count; i++) {
      numbers.setUint32(0, i, true);
      map.update(i % ENTRIES, value);
    }
    const ns = ((performance.now() - begin) * 1e6) / count;
    const last = new DataView(map.lookup((count - 1) % ENTRIES).buffer).getUint32(0, true);
    if (last !== count - 1) throw new Error(`the map holds ${last}, not ${count - 1}`);
    return ns;
  } finally {
    map.close();
  }
}

export const mapUpdate: Suite = {
  name: 'map-update',
  what: "an update of a kernel's map, through package linux and from C",
  async run({ smoke, rounds = smoke ? 2 : 11 }) {
    const count = smoke ? 5_000 : 300_000;
    const folder = mkdtempSync(join(tmpdir(), 'cpumap-bench-'));
    try {
      const program = compile(folder);
      update(count); // warm-up
      const ours: number[] = [];
      const inC: number[] = [];
      for (let i = 0; i < rounds; i++) {
        ours.push(update(count));
        inC.push(Number(execFileSync(program, [String(count)], { encoding: 'utf8' })));
      }
      return {
        figures: [
          { name: 'update', unit: 'ns', ...spreadOf(ours) },
          { name: '  from C', unit: 'ns', ...spreadOf(inC) },
          { name: '  ratio', unit: 'package / C', ...spreadOf(ours.map((ns, i) => ns / inC[i]!)) },
        ],
      };
    } catch (error) {
      const missing = (error as NodeJS.ErrnoException).code === 'ENOENT' || error instanceof KernelError;
      if (!missing) throw error;
      return { figures: [], skipped: [`all of it: ${(error as Error).message}`] };
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};
