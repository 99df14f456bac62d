/** doctor: the warnings that facts give, the parts of the page, and the command on the running kernel. */
import { describe, expect, it } from 'vitest';
import type { InterfaceView } from '../src/doctor/diagnosis.ts';
import { interruptNames, numbersOf } from '../src/doctor/host-facts.ts';
import { pageOf, ranges } from '../src/doctor/page.ts';
import { warningsFor } from '../src/doctor/warnings.ts';
import { COMMAND, runCommand } from './support/command.ts';
import { createNamespace, describeOnLinux, tool } from './support/kernel.ts';

const QUIET: InterfaceView = {
  name: 'eth1',
  ifindex: 2,
  up: true,
  mtu: 1500,
  address: new Uint8Array(6),
  kind: undefined,
  peer: undefined,
  rxQueues: 1,
  xdp: { mode: 'none', progId: 0 },
  driver: 'ixgbe',
  bus: '0000:01:00.0',
  channels: { rx: 2, max: 8 },
  rxRing: { size: 4096, max: 4096 },
  indirection: [0, 1, 0, 1],
  txChecksum: true,
  defaultRoute: false,
  programName: undefined,
  linkId: undefined,
  xdpFeatures: { native: true, redirect: true, redirectTarget: true, frags: true, fragsTarget: true },
  peerName: undefined,
  peerTxChecksum: undefined,
  interrupts: [],
  xpsQueues: [],
};
const irq = (...effective: number[]) => ({ irq: 40, name: 'eth1-TxRx-0', affinity: '0-3', effective });
const system = {
  release: '6.18.44',
  machine: 'x64',
  missingCapabilities: [],
  rightsHint: undefined,
  nrCpus: 256,
  possible: [0, 1, 2, 3],
  online: [0, 1, 2, 3],
  tracepoints: ['xdp_redirect'],
  tracefs: true,
} as never;
const warnings = (view: Partial<InterfaceView>, siblings: number[][] = []) =>
  warningsFor({ system, siblings, interfaces: [{ ...QUIET, ...view }] });

describe('warnings', () => {
  it('are not given without cause', () => {
    expect(warnings({})).toEqual([]);
    expect(warnings({ kind: 'veth', peerTxChecksum: false })).toEqual([]);
    expect(warnings({ xpsQueues: undefined, rxRing: undefined })).toEqual([]);
  });

  // Linux 6.18: 100 datagrams of a veth's peer through a cpumap: 100 InCsumErrors; after ethtool -K tx off 100 received
  it.each<[string, Partial<InterfaceView>, RegExp, RegExp]>([
    [
      'unfinished checksums',
      { kind: 'veth', peerName: 'eth2', peerTxChecksum: true },
      /CHECKSUM_PARTIAL/,
      /ethtool -K eth2 tx off$/,
    ],
    ['a peer that cannot be seen', { kind: 'veth' }, /CHECKSUM_PARTIAL/, /in its namespace, ethtool -K PEER tx off$/],
    ['XPS', { xpsQueues: ['tx-0', 'tx-1'] }, /XPS is set on tx-0, tx-1/, /xps_cpus/],
    ['RX CPUs', { interrupts: [irq(0), irq(1)] }, /CPU 0, 1 receives/, /free are 2, 3/],
    ['RX on all CPUs', { interrupts: [irq(0, 1, 2, 3)] }, /CPU 0, 1, 2, 3 receives/, /ethtool -L eth1 combined N/],
    ['a short ring', { rxRing: { size: 256, max: 4096 } }, /RX ring of 256/, /--qsize 256, or ethtool -G eth1 rx 4096/],
    ['a short ring at its most', { rxRing: { size: 256, max: 256 } }, /RX ring of 256/, /--qsize 256$/],
    ['the default route', { defaultRoute: true }, /default route/, /--force/],
    [
      "somebody's program",
      { xdp: { mode: 'generic', progId: 7 }, programName: 'theirs' },
      /theirs \(id 7\) is attached in generic mode/,
      /xdp off/,
    ],
    [
      "somebody's program that a link holds",
      { xdp: { mode: 'native', progId: 7 }, programName: 'theirs', linkId: 12 },
      /theirs \(id 7\) is attached in native mode/,
      /bpftool link detach id 12/,
    ],
  ])('%s', (_, view, problem, advice) => {
    const found = warnings(view);
    expect(found).toMatchObject([{ about: 'eth1' }]);
    expect(found[0]!.problem).toMatch(problem);
    expect(found[0]!.advice).toMatch(advice);
  });

  it('hyper-thread siblings', () => {
    expect(warnings({}, [[0, 2]])).toMatchObject([{ about: 'machine', problem: expect.stringMatching(/^CPUs 0, 2 /) }]);
  });
});

describe('the page', () => {
  it.each([
    [[], 'none'],
    [[3], '3'],
    [[0, 1, 2, 5, 7, 8], '0-2,5,7-8'],
  ])('writes %j as %s', (numbers, text) => {
    expect(ranges(numbers)).toBe(text);
    if (numbers.length > 0) expect(numbersOf(text)).toEqual(numbers);
  });

  it('reads /proc/interrupts', () => {
    const text = `           CPU0       CPU1
  38:        0     120911 PCI-MSIX-0000:00:03.0   1-edge      virtio2-input.0
 LOC:  4661947    4161175   Local timer interrupts`;
    expect([...interruptNames(text)]).toEqual([[38, 'virtio2-input.0']]);
  });

  it('shows an interface', () => {
    const interfaces = [{ ...QUIET, interrupts: [irq(0)], xdp: { mode: 'native', progId: 9 } as const }];
    const page = pageOf({ system, siblings: [[0, 2]], abilities: [], interfaces }, []).join('\n');
    expect(page).toMatch(/eth1: ixgbe at 0000:01:00\.0, up, MTU 1500/);
    expect(page).toMatch(/RSS +4 slots: queue 0: 2, queue 1: 2/);
    expect(page).toMatch(/interrupt 40 \(eth1-TxRx-0\) +CPU 0-3, served by 0/);
    expect(page).toMatch(/XDP +native: program \(id 9\)/);
    expect(page).toMatch(/share a core +0\+2/);
    expect(page).toContain('xdp_redirect_map_err');
  });
});

describeOnLinux('doctor on the running kernel', () => {
  it('shows the namespace that it runs in, and changes nothing there', async () => {
    const namespace = await createNamespace();
    try {
      namespace.run('ip link add va type veth peer name vb');
      const before = namespace.run('ip -d link');
      const page = await namespace.start(['doctor']).finished;
      expect(page).toMatchObject({ code: 0, stderr: '' });
      expect(page.stdout).toMatch(/^Linux \d/);
      expect(page.stdout).toMatch(/ {2}second program in entries +yes {2}since Linux 5\.9\n/);
      expect(page.stdout).toMatch(/\nva: veth, down, MTU 1500\n/);
      expect(page.stdout).toMatch(/XPS +not visible/);
      expect(page.stdout).toContain('finish them: ethtool -K vb tx off');
      expect(namespace.run('ip -d link')).toBe(before);
      const one = await namespace.start(['doctor', '--dev', 'va', '--json']).finished;
      expect(JSON.parse(one.stdout)).toMatchObject({
        type: 'doctor',
        interfaces: [{ name: 'va', kind: 'veth', driver: 'veth', xdp: { mode: 'none' }, peerTxChecksum: true }],
      });
    } finally {
      namespace.close();
    }
  });

  it('says without rights what it could not ask', () => {
    const user = ['--reuid=65534', '--regid=65534', '--clear-groups'];
    const page = tool('setpriv', [...user, process.execPath, COMMAND, 'doctor', '--dev', 'lo']);
    expect(page).toMatch(/rights +the process lacks CAP_BPF, CAP_NET_ADMIN, CAP_PERFMON/);
    expect(page).toMatch(/cpumap +yes {2}by its release, since Linux 4\.15; not asked: no rights/);
    expect(page).toContain('lo: no driver, up');
  });

  it('names the interfaces when the one that it is asked for is not there', async () => {
    const finished = await runCommand(['doctor', '--dev', 'nope']);
    expect(finished.code).toBe(3);
    expect(finished.stderr).toMatch(/--dev nope: .* it has lo/);
  });
});
