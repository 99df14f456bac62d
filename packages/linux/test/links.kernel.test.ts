import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { assembleProgram } from '@cpumap/bpf';
import { afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { createLinuxBackend, type LinuxBackend } from '../src/backend.ts';
import { libc } from '../src/libc.ts';
import { attachXdpLink, type LinuxLink } from '../src/link.ts';
import { detachLink, linkIds, linkInfo, linkInfoById, xdpLinkOf } from '../src/link-info.ts';
import { loadLinuxProgram } from '../src/linux-program.ts';
import { attachedXdp } from '../src/netlink.ts';
import { describeInNamespace } from './support/kernel.ts';
import { createVeth } from './support/namespace.ts';

const PASS = { name: 'pass', code: { bytecode: assembleProgram('r0 = 2\nexit') } };
const NOTHING = 0x7fffffff;
const iproute = ['/sbin/ip', '/usr/sbin/ip', '/bin/ip'].find(existsSync);

describeInNamespace('links', () => {
  let linux: LinuxBackend;
  let ifindex: number;
  beforeAll(() => {
    createVeth('cpumap0', 'cpumap1');
    ifindex = libc().ifindexOf('cpumap0');
  });
  beforeEach(() => {
    linux = createLinuxBackend();
  });
  afterEach(() => linux.close());

  it('are listed, ascending, with what they hold and where', async () => {
    const program = await linux.loadProgram(PASS);
    linux.attachXdp('cpumap0', program);
    linux.attachXdp('cpumap1', program, 'generic');
    const ids = [...linkIds()];
    expect(ids).toEqual([...ids].sort((a, b) => a - b));
    const mine = ids.map(linkInfoById).filter(({ progId }) => progId === program.id);
    expect(mine.map((info) => info.ifindex).sort()).toEqual([ifindex, libc().ifindexOf('cpumap1')].sort());
    expect(xdpLinkOf(ifindex, program.id)).toEqual(mine.find((info) => info.ifindex === ifindex));
    expect(xdpLinkOf(ifindex, program.id + 1)).toBeUndefined();
  });

  it('that are gone are said to be gone', () => {
    expect(() => linkInfoById(NOTHING)).toThrow(/ENOENT/);
  });

  it('take the program off when they are detached by somebody else, and stay to be looked at', async () => {
    const program = loadLinuxProgram(PASS, { maps: {} });
    const link = attachXdpLink(program.fd, ifindex, 'native') as LinuxLink;
    expect(attachedXdp(ifindex)).toEqual({ mode: 'native', progId: program.id });
    expect(detachLink(link.fd)).toBe(0);
    expect(attachedXdp(ifindex)).toEqual({ mode: 'none', progId: 0 });
    expect(linkInfo(link.fd)).toMatchObject({ progId: program.id, ifindex: 0 });
    link.close();
    program.close();
  });

  it.skipIf(iproute === undefined)('hold what ip cannot take off: the reason why the hint names the link', async () => {
    linux.attachXdp('cpumap0', await linux.loadProgram(PASS));
    const off = () => execFileSync(iproute!, ['link', 'set', 'dev', 'cpumap0', 'xdp', 'off'], { stdio: 'pipe' });
    expect(off).toThrow();
  });
});
