/** What is read of the system and its interfaces, against what iproute2 and the files say, in a namespace of its own. */
import { readFileSync } from 'node:fs';
import { assembleProgram } from '@cpumap/bpf';
import { beforeAll, expect, it } from 'vitest';
import { createLinuxBackend } from '../src/backend.ts';
import { interfaceFacts, interfaceNames } from '../src/interface-facts.ts';
import { systemFacts } from '../src/system-facts.ts';
import { describeInNamespace } from './support/kernel.ts';
import { asNobody, createVeth, run } from './support/namespace.ts';

describeInNamespace('facts', () => {
  beforeAll(() => {
    createVeth('cpumap0', 'cpumap1');
  });

  it('of the system', () => {
    const { possible, online, tracepoints, nrCpus, missingCapabilities } = systemFacts();
    expect(online.length).toBe(Number(run('nproc --all')));
    expect(possible.length).toBeGreaterThanOrEqual(online.length);
    expect(nrCpus).toBeGreaterThanOrEqual(possible.length);
    expect(tracepoints).toContain('xdp_cpumap_enqueue');
    expect(missingCapabilities).toEqual([]);
    expect(asNobody(systemFacts).rightsHint).toContain('setcap');
  });

  it('of the interfaces of this namespace and no other', () => {
    expect(
      interfaceNames()
        .filter((name) => /^(lo|cpumap)/.test(name))
        .sort(),
    ).toEqual(['cpumap0', 'cpumap1', 'lo']);
    expect(interfaceFacts('nope')).toBeUndefined();
    const [shown] = JSON.parse(run('ip -j -d link show dev cpumap0'));
    const facts = interfaceFacts('cpumap0')!;
    expect(facts).toMatchObject({
      ifindex: shown.ifindex,
      up: true,
      mtu: 1500,
      kind: 'veth',
      peer: interfaceFacts('cpumap1')!.ifindex,
      rxQueues: shown.num_rx_queues,
      driver: 'veth',
      xdp: { mode: 'none', progId: 0 },
      defaultRoute: false,
      peerName: 'cpumap1',
      peerTxChecksum: true,
      linkId: undefined,
    });
    expect(Buffer.from(facts.address).toString('hex')).toBe(shown.address.replaceAll(':', ''));
    run('ethtool -K cpumap1 tx off');
    expect(interfaceFacts('cpumap0')!.peerTxChecksum).toBe(false);
  });

  // include/uapi/linux/netdev.h; a veth can be redirected to once its peer receives by NAPI
  it('of what the driver can do with XDP', async () => {
    expect(interfaceFacts('lo')!.xdpFeatures).toMatchObject({ native: false, redirect: false });
    const able = { native: true, redirect: true, frags: true };
    expect(interfaceFacts('cpumap0')!.xdpFeatures).toEqual({ ...able, redirectTarget: false, fragsTarget: false });
    const linux = createLinuxBackend();
    linux.attachXdp(
      'cpumap1',
      await linux.loadProgram({ name: 'pass', code: { bytecode: assembleProgram('r0 = 2\nexit') } }),
    );
    expect(interfaceFacts('cpumap0')!.xdpFeatures).toEqual({ ...able, redirectTarget: true, fragsTarget: true });
    await linux.close();
  });

  it('of a program on an interface, whose name takes rights', async () => {
    const linux = createLinuxBackend();
    const program = await linux.loadProgram({ name: 'pass', code: { bytecode: assembleProgram('r0 = 2\nexit') } });
    linux.attachXdp('cpumap0', program, 'generic');
    const xdp = { mode: 'generic', progId: program.id };
    expect(interfaceFacts('cpumap0')).toMatchObject({ xdp, programName: 'pass', linkId: expect.any(Number) });
    expect(asNobody(() => interfaceFacts('cpumap0'))).toMatchObject({ xdp, programName: undefined });
    await linux.close();
  });

  it('of the default route', () => {
    run('ip route add default dev cpumap0');
    expect(readFileSync('/proc/thread-self/net/route', 'utf8')).toContain('cpumap0');
    expect(interfaceFacts('cpumap0')!.defaultRoute).toBe(true);
    expect(interfaceFacts('cpumap1')!.defaultRoute).toBe(false);
    run('ip route del default');
  });
});
