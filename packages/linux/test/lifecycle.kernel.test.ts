/** What is left of a backend: nothing, however it ended. */
import { spawn } from 'node:child_process';
import { readdirSync, readlinkSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { assembleProgram } from '@cpumap/bpf';
import { cpuMapOf } from '@cpumap/host';
import { BPF_MAP_TYPE, BPF_PROG_TYPE, KernelError } from '@cpumap/uapi';
import { beforeAll, expect, it } from 'vitest';
import { attrOf, BPF_CMD, FD_BY_ID_ATTR } from '../src/attr.ts';
import { createLinuxBackend } from '../src/backend.ts';
import { bpfError, libc } from '../src/libc.ts';
import { linkInfoById, xdpLinkOf } from '../src/link-info.ts';
import { attachedXdp } from '../src/netlink.ts';
import { programInfoById } from '../src/object-info.ts';
import { describeInNamespace } from './support/kernel.ts';
import { createVeth, until } from './support/namespace.ts';

/** A working day's worth by hand: CPUMAP_CYCLES=5000. */
const CYCLES = Number(process.env.CPUMAP_CYCLES ?? 30);
const PASS = { name: 'pass', code: { bytecode: assembleProgram('r0 = 2\nexit') } };
const attached = (device: string) => attachedXdp(libc().ifindexOf(device));

function isGone(look: () => void): boolean {
  try {
    look();
    return false;
  } catch (error) {
    if (error instanceof KernelError && error.code === 'ENOENT') return true;
    throw error;
  }
}
function lookAtMap(id: number): void {
  const c = libc();
  const fd = c.bpf(BPF_CMD.MAP_GET_FD_BY_ID, attrOf(c, FD_BY_ID_ATTR, { id }));
  if (fd < 0) throw bpfError('BPF_MAP_GET_FD_BY_ID', fd);
  c.close(fd);
}

/** The process's descriptors of maps, programs, links and perf events. */
function kernelObjects(): string[] {
  return readdirSync('/proc/self/fd')
    .map((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`);
      } catch {
        return ''; // that of readdirSync itself
      }
    })
    .filter((target) => /bpf|perf_event/.test(target));
}

describeInNamespace('a backend that ends', () => {
  beforeAll(() => {
    createVeth('cpumap0', 'cpumap1');
  });

  it('by close gives everything back', async () => {
    const before = kernelObjects();
    const linux = createLinuxBackend();
    const map = linux.createMap({ type: BPF_MAP_TYPE.CPUMAP, keySize: 4, valueSize: 8, maxEntries: 2 });
    cpuMapOf(map).set(1, { qsize: 64 });
    const program = await linux.loadProgram(PASS);
    const tracing = { ...PASS, type: BPF_PROG_TYPE.RAW_TRACEPOINT, attachTo: 'xdp_exception' };
    await linux.attachTracepoint(await linux.loadProgram(tracing));
    linux.attachXdp('cpumap0', program);
    linux.attachXdp('cpumap1', program, 'generic');
    linux.trace.subscribe();
    linux.statistics();
    expect(attached('cpumap0')).toEqual({ mode: 'native', progId: program.id });
    expect(attached('cpumap1')).toEqual({ mode: 'generic', progId: program.id });
    expect(kernelObjects().length).toBeGreaterThan(before.length + 10);
    await linux.close();
    expect(kernelObjects()).toEqual(before);
    expect(attached('cpumap0')).toEqual({ mode: 'none', progId: 0 });
    expect(attached('cpumap1')).toEqual({ mode: 'none', progId: 0 });
    await until('program and map are gone', () => isGone(() => programInfoById(program.id)));
    await until('the map is gone', () => isGone(() => lookAtMap(map.id)));
  });

  it(
    `${CYCLES} times leaves no descriptor, link, program or map`,
    async () => {
      const before = kernelObjects();
      const links: number[] = [];
      const programs: number[] = [];
      const maps: number[] = [];
      for (let i = 0; i < CYCLES; i++) {
        const linux = createLinuxBackend();
        const map = linux.createMap({ type: BPF_MAP_TYPE.CPUMAP, keySize: 4, valueSize: 8, maxEntries: 2 });
        cpuMapOf(map).set(0, { qsize: 8 });
        const program = await linux.loadProgram(PASS);
        linux.attachXdp('cpumap0', program, i % 2 === 0 ? 'native' : 'generic');
        links.push(xdpLinkOf(libc().ifindexOf('cpumap0'), program.id)!.id);
        programs.push(program.id);
        maps.push(map.id);
        await linux.close();
        expect(attached('cpumap0')).toEqual({ mode: 'none', progId: 0 });
      }
      expect(kernelObjects()).toEqual(before);
      await until('all are gone', () =>
        [
          ...links.map((id) => () => void linkInfoById(id)),
          ...programs.map((id) => () => void programInfoById(id)),
          ...maps.map((id) => () => lookAtMap(id)),
        ].every(isGone),
      );
    },
    CYCLES * 500,
  );

  it('detaches at once, and only once', async () => {
    const linux = createLinuxBackend();
    const program = await linux.loadProgram(PASS);
    const link = linux.attachXdp('cpumap0', program);
    link.detach();
    expect(attached('cpumap0').mode).toBe('none');
    const again = linux.attachXdp('cpumap0', program);
    link.detach();
    expect(attached('cpumap0')).toEqual({ mode: 'native', progId: program.id });
    again.detach();
    await linux.close();
  });

  it('replaces its own program without a gap; the first link then holds nothing', async () => {
    const linux = createLinuxBackend();
    const first = linux.attachXdp('cpumap0', await linux.loadProgram(PASS));
    const program = await linux.loadProgram(PASS);
    const second = linux.attachXdp('cpumap0', program);
    first.detach();
    expect(attached('cpumap0')).toEqual({ mode: 'native', progId: program.id });
    second.detach();
    expect(attached('cpumap0').mode).toBe('none');
    await linux.close();
  });

  it('a program stays attached when its own descriptor is closed', async () => {
    const linux = createLinuxBackend();
    const program = await linux.loadProgram(PASS);
    const link = linux.attachXdp('cpumap0', program);
    program.close();
    expect(attached('cpumap0').progId).toBe(program.id);
    link.detach();
    expect(attached('cpumap0').progId).toBe(0);
    await linux.close();
  });

  it.each(['native', 'generic'])('by SIGKILL leaves nothing behind (%s)', async (mode) => {
    const script = new URL('./support/attached-process.js', import.meta.url).pathname;
    const child = spawn(process.execPath, [script, 'cpumap0', mode], { stdio: ['pipe', 'pipe', 'inherit'] });
    const exited = new Promise((resolve) => child.once('exit', (_, signal) => resolve(signal)));
    const [line] = (await Promise.race([
      new Promise((resolve) => createInterface(child.stdout).once('line', (text) => resolve([text]))),
      exited.then((signal) => Promise.reject(new Error(`the process ended by itself: ${signal}`))),
    ])) as [string];
    const ids = JSON.parse(line) as { map: number; program: number };
    expect(attached('cpumap0')).toEqual({ mode, progId: ids.program });
    child.kill('SIGKILL');
    expect(await exited).toBe('SIGKILL');
    await until('the program is off', () => attached('cpumap0').mode === 'none');
    await until('the program is gone', () => isGone(() => programInfoById(ids.program)));
    await until('the map is gone', () => isGone(() => lookAtMap(ids.map)));
  });
});
