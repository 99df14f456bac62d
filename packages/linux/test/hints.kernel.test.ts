/** Each mistake that the kernel answers with an errno alone, and what the error says in addition. Linux 6.18's errnos. */
import { assembleProgram, type ProgramSpec } from '@cpumap/bpf';
import { cpuMapOf } from '@cpumap/host';
import { BPF_ATTACH_TYPE, BPF_FUNC, BPF_MAP_TYPE, BPF_NOEXIST, BPF_PROG_TYPE, KernelError } from '@cpumap/uapi';
import { afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { createLinuxBackend, type LinuxBackend } from '../src/backend.ts';
import { libc } from '../src/libc.ts';
import { xdpLinkOf } from '../src/link-info.ts';
import { nrCpus, possibleCpus } from '../src/possible-cpus.ts';
import { describeInNamespace } from './support/kernel.ts';
import { asNobody, createVeth, run } from './support/namespace.ts';

const code = (text: string) => ({ bytecode: assembleProgram(text) });
const PASS: ProgramSpec = { name: 'pass', code: code('r0 = 2\nexit') };
const ENTRY: ProgramSpec = { ...PASS, name: 'entry', expectedAttachType: BPF_ATTACH_TYPE.XDP_CPUMAP };

let linux: LinuxBackend;
const open: LinuxBackend[] = [];
function create(force = false): LinuxBackend {
  const backend = createLinuxBackend({ force });
  open.push(backend);
  return backend;
}

const cpuMap = (maxEntries = 2) =>
  linux.createMap({ name: 'cpu_map', type: BPF_MAP_TYPE.CPUMAP, keySize: 4, valueSize: 8, maxEntries });

/** A program that makes itself the owner of a map. */
function user(map: ReturnType<typeof cpuMap>, frags: boolean): ProgramSpec {
  const text = `r1 = map(cpu_map) ll\nr2 = 0\nr3 = 0\ncall ${BPF_FUNC.redirect_map}\nexit`;
  return { name: 'main', code: code(text), maps: { cpu_map: map }, frags };
}

/** `EPERM: the hint` */
async function refusal(act: () => unknown): Promise<string> {
  try {
    await act();
    return 'no error';
  } catch (error) {
    if (error instanceof KernelError) return `${error.code}: ${error.hint}`;
    throw error;
  }
}

describeInNamespace('an error of the kernel says what was wrong', () => {
  beforeAll(() => {
    createVeth('cpumap0', 'cpumap1');
  });
  beforeEach(() => {
    linux = create();
  });
  afterEach(async () => {
    for (const backend of open.splice(0)) await backend.close();
  });

  it('without rights: which are missing, and how to get them', async () => {
    const said = await asNobody(() => refusal(() => cpuMap()));
    expect(said).toMatch(
      /^EPERM: the process lacks CAP_BPF, CAP_NET_ADMIN, CAP_PERFMON: run it as root, or once: setcap /,
    );
    expect(said).toContain('setcap cap_bpf,cap_net_admin,cap_perfmon+ep');
  });

  it('without rights to load', async () => {
    const spec = PASS;
    expect(await asNobody(() => refusal(() => linux.loadProgram(spec)))).toMatch(/^EPERM: the process lacks CAP_BPF/);
  });

  it('without rights to listen: everything but counting works', async () => {
    const said = await asNobody(() => refusal(() => linux.statistics()));
    expect(said).toMatch(/^EPERM: no counting and tracing: the process lacks CAP_BPF, CAP_NET_ADMIN, CAP_PERFMON/);
    cpuMapOf(cpuMap()).set(1, { qsize: 64 });
    linux.attachXdp('cpumap0', await linux.loadProgram(PASS)).detach();
    expect(await refusal(() => linux.statistics())).toBe(said);
    expect(await refusal(() => linux.trace.subscribe())).toBe(said);
  });

  it('no such interface', async () => {
    const program = await linux.loadProgram(PASS);
    expect(await refusal(() => linux.attachXdp('nosuch0', program))).toBe(
      'ENODEV: this network namespace has no interface of that name: ip link shows those that it has',
    );
  });

  it.each(['native', 'generic'] as const)('another instance on the interface, in %s mode', async (mode) => {
    const other = create();
    const first = await other.loadProgram({ ...PASS, name: 'first' });
    other.attachXdp('cpumap0', first, mode);
    const program = await linux.loadProgram(PASS);
    const link = xdpLinkOf(libc().ifindexOf('cpumap0'), first.id);
    expect(await refusal(() => linux.attachXdp('cpumap0', program, mode))).toBe(
      `EBUSY: cpumap0 has program ${first.id} "first" in ${mode} mode: end the process that holds it, or bpftool link detach id ${link!.id}`,
    );
    const otherMode = mode === 'native' ? 'generic' : 'native';
    expect(await refusal(() => linux.attachXdp('cpumap0', program, otherMode))).toMatch(
      new RegExp(`^E(BUSY|EXIST): cpumap0 has program ${first.id} "first" in ${mode} mode`),
    );
  });

  it('a driver without native XDP', async () => {
    const program = await linux.loadProgram(PASS);
    expect(await refusal(() => linux.attachXdp('lo', program))).toBe(
      'EOPNOTSUPP: the driver of lo has no native XDP: attach in generic mode',
    );
    linux.attachXdp('lo', program, 'generic').detach();
  });

  it('a program for entries on an interface', async () => {
    const program = await linux.loadProgram(ENTRY);
    expect(await refusal(() => linux.attachXdp('cpumap0', program))).toBe(
      'EINVAL: programs for map entries can not be attached to a device: put it in an entry',
    );
  });

  it('a program of another kind on an interface', async () => {
    const program = await linux.loadProgram({ ...PASS, type: BPF_PROG_TYPE.RAW_TRACEPOINT, attachTo: 'xdp_exception' });
    expect(await refusal(() => linux.attachXdp('cpumap0', program))).toBe(
      'EINVAL: it is of type raw_tracepoint, not an XDP program',
    );
    const xdp = await linux.loadProgram(PASS);
    expect(await refusal(() => linux.attachTracepoint(xdp))).toBe(
      'EINVAL: it is a program of type xdp, not a tracing one',
    );
  });

  it('an MTU that a program without frags cannot have', async () => {
    run('ip link set cpumap1 mtu 9000');
    const program = await linux.loadProgram(PASS);
    expect(await refusal(() => linux.attachXdp('cpumap0', program))).toBe(
      'ERANGE: the MTU of cpumap0 or of its peer is too large for a program without frags support',
    );
    run('ip link set cpumap1 mtu 1500');
  });

  it('the interface of the default route, without force', async () => {
    run('ip route add default dev cpumap0');
    const program = await linux.loadProgram(PASS);
    expect(await refusal(() => linux.attachXdp('cpumap0', program))).toBe(
      'EPERM: cpumap0 carries the default route, and a program can cut the machine off: createLinuxBackend({ force: true }) allows it',
    );
    linux.attachXdp('cpumap1', program).detach();
    const forced = create(true);
    forced.attachXdp('cpumap0', await forced.loadProgram(PASS)).detach();
    run('ip route del default dev cpumap0');
  });

  it('the interface of the default route of IPv6', async () => {
    run('ip -6 route add default dev cpumap0');
    const program = await linux.loadProgram(PASS);
    expect(await refusal(() => linux.attachXdp('cpumap0', program))).toMatch(
      /^EPERM: cpumap0 carries the default route/,
    );
    run('ip -6 route del default dev cpumap0');
  });

  it('a map that is too large', async () => {
    const most = nrCpus();
    expect(await refusal(() => cpuMap(most + 1))).toBe(
      `E2BIG: max_entries is ${most + 1}, above NR_CPUS, with which this kernel was built: ${most}`,
    );
  });

  it.each([
    ['keys', { keySize: 8 }, 'keys of a cpumap have 4 bytes, not 8'],
    ['values', { valueSize: 6 }, 'values of a cpumap have 4 or 8 bytes, not 6'],
    ['entries', { maxEntries: 0 }, 'max_entries is 0'],
  ])('%s that no cpumap has', async (_, wrong, hint) => {
    const spec = { type: BPF_MAP_TYPE.CPUMAP, keySize: 4, valueSize: 8, maxEntries: 2, ...wrong };
    expect(await refusal(() => linux.createMap(spec))).toBe(`EINVAL: ${hint}`);
  });

  it('a CPU that is not possible', async () => {
    const cpus = possibleCpus();
    const list = Array.from({ length: cpus }, (_, cpu) => cpu).join(', ');
    expect(await refusal(() => cpuMapOf(cpuMap(cpus + 1)).set(cpus, { qsize: 64 }))).toBe(
      `ENODEV: CPU ${cpus} is not possible here: possible are ${list}`,
    );
  });

  it('an update that the map cannot take', async () => {
    const map = cpuMapOf(cpuMap());
    expect(await refusal(() => map.set(2, { qsize: 64 }))).toBe('E2BIG: the map has CPUs 0 to 1, not 2');
    expect(await refusal(() => map.set(0, { qsize: 20000 }))).toBe(
      'EOVERFLOW: a ring holds up to 16384 frames, not 20000',
    );
    expect(await refusal(() => map.set(0, { qsize: 64 }, BPF_NOEXIST))).toBe(
      'EEXIST: a cpumap has no empty places: with BPF_NOEXIST the answer is always this',
    );
    map.map.freeze();
    expect(await refusal(() => map.set(0, { qsize: 64 }))).toMatch(/^EPERM: the map is frozen/);
  });

  it('an entry with what is no program', async () => {
    const map = cpuMap();
    expect(await refusal(() => cpuMapOf(map).set(0, { qsize: 64, program: 9999 }))).toBe(
      'ENOMEM: descriptor 9999 is of no program that this backend loaded',
    );
    expect(await refusal(() => cpuMapOf(map).set(0, { qsize: 64, program: map.fd }))).toBe(
      `ENOMEM: descriptor ${map.fd} is of no program that this backend loaded`,
    );
  });

  it('an entry with a program for another place', async () => {
    const { fd } = await linux.loadProgram(PASS);
    expect(await refusal(() => cpuMapOf(cpuMap()).set(0, { qsize: 64, program: fd }))).toBe(
      'ENOMEM: program pass was loaded for another place: programs of entries have the expected attach type BPF_XDP_CPUMAP',
    );
  });

  it.each([
    [true, 'program entry has no frags support, but the map belongs to main, which has frags support'],
    [false, 'program entry has frags support, but the map belongs to main, which has no frags support'],
  ])('an entry whose program differs in frags support (map with: %s)', async (frags, hint) => {
    const map = cpuMap();
    await linux.loadProgram(user(map, frags));
    const { fd } = await linux.loadProgram({ ...ENTRY, frags: !frags });
    expect(await refusal(() => cpuMapOf(map).set(0, { qsize: 64, program: fd }))).toBe(
      `ENOMEM: ${hint}: load both with or both without`,
    );
  });

  it('a program that differs in frags support from the one that owns its map', async () => {
    const map = cpuMap();
    const first = await linux.loadProgram({ ...ENTRY, frags: true });
    cpuMapOf(map).set(0, { qsize: 64, program: first.fd });
    expect(await refusal(() => linux.loadProgram(user(map, false)))).toBe(
      'EINVAL: program main has no frags support, but the map belongs to entry, which has frags support: load both with or both without',
    );
  });

  it('a map that is closed', async () => {
    const map = cpuMap();
    const { id } = map;
    map.close();
    const another = linux.createMap({ type: BPF_MAP_TYPE.ARRAY, keySize: 4, valueSize: 4, maxEntries: 1 });
    expect(another.fd).toBe(map.fd); // the number was given again
    expect(await refusal(() => linux.loadProgram(user(map, false)))).toBe(
      `EBADF: program main: map cpu_map (id ${id}) is closed, or not of this kernel`,
    );
  });

  it('a program that is closed, or of another backend', async () => {
    const program = await linux.loadProgram(PASS);
    program.close();
    const hint = 'EBADF: it was not loaded by this backend, or is closed';
    expect(await refusal(() => linux.attachXdp('cpumap0', program))).toBe(hint);
    const foreign = await create().loadProgram(PASS);
    expect(await refusal(() => linux.attachXdp('cpumap0', foreign))).toBe(hint);
  });

  it('a tracepoint that this kernel has not', async () => {
    const type = BPF_PROG_TYPE.RAW_TRACEPOINT;
    const program = await linux.loadProgram({ ...PASS, type, attachTo: 'xdp_redirect_map' });
    expect(await refusal(() => linux.attachTracepoint(program))).toMatch(
      /^ENOENT: this kernel has xdp_redirect, xdp_redirect_err, xdp_exception/,
    );
  });

  it('a tracepoint program where tracefs is not mounted', async () => {
    const type = BPF_PROG_TYPE.TRACEPOINT;
    const program = await linux.loadProgram({ ...PASS, type, attachTo: 'xdp_exception' });
    expect(await refusal(() => linux.attachTracepoint(program))).toMatch(
      /^ENOENT: tracefs is not mounted: mount -t tracefs nodev \/sys\/kernel\/tracing/,
    );
  });

  it('a backend that is closed', async () => {
    await linux.close();
    await linux.close();
    expect(await refusal(() => cpuMap())).toBe('EBADF: the backend is closed');
    expect(await refusal(() => linux.statistics())).toBe('EBADF: the backend is closed');
  });
});
