/** `explain`: texts of a few frames, and that it says of any frame what a run's probes say. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HOOKS, type ProbeRecord } from '@cpumap/host';
import { decodeCapture } from '@cpumap/nic';
import { XDP_REDIRECT, xdpActionName } from '@cpumap/uapi';
import { describeWithData, testData } from '@cpumap/vitest-config/test-data';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { explainFrame } from '../src/explain/explain.ts';
import { describeExplain, type ExplainOptions } from '../src/explain/explain-options.ts';
import { describePacket } from '../src/explain/packet.ts';
import type { Explanation } from '../src/explain/steps.ts';
import { readInput } from '../src/input.ts';
import { buildMachine } from '../src/machine.ts';
import { EVERYDAY, runCommand } from './support/command.ts';
import { objectPath, pcapOf } from './support/objects.ts';

const scratch = mkdtempSync(join(tmpdir(), 'xdp-redirect-cpu-'));
afterAll(() => rmSync(scratch, { recursive: true }));

const explained = async (...args: string[]): Promise<string[]> => {
  const { stdout, stderr, code } = await runCommand(['explain', ...args]);
  expect({ stderr, code }).toEqual({ stderr: '', code: 0 });
  return stdout.split('\n').map((line) => line.trimEnd());
};

describe('the text', () => {
  it('of the first frame with no-touch', async () => {
    const [first, , ...rest] = await explained('--input', EVERYDAY, '--cpu', '1');
    expect(first).toBe('Frame 1 of 909: 42 bytes, 02:00:00:00:00:0a > ff:ff:ff:ff:ff:ff, ARP');
    expect(rest).toEqual([
      '',
      ' 1. queue           __napi_poll',
      '    RSS hash 0x00000000, indirection entry 0, RX queue 0, CPU 0',
      ' 2. program         bpf_prog_run_xdp',
      '    name no_touch, mode native, data_end - data 42, ingress_ifindex 2, rx_queue_index 0',
      '    verdict REDIRECT',
      '        5: bpf_map_lookup_elem(rx_cnt, 0)                 value {0 0 0}',
      '        6: if r0 == 0x0 goto +0x14                        value of rx_cnt and NULL: not taken',
      '       15: bpf_map_lookup_elem(cpus_available, 0)         value 1',
      '       16: if r0 == 0x0 goto +0xa                         value of cpus_available and NULL: not taken',
      '       18: if r2 >= 0x2 goto +0x5                         1 and 2: not taken',
      '       22: bpf_redirect_map(cpu_map, 1)                   REDIRECT',
      ' 3. redirect        xdp_do_redirect > cpu_map_enqueue',
      '    map cpu_map, from CPU 0, to CPU 1, place in the bulk queue 1 of 8',
      ' 4. enqueue         bq_flush_to_queue > __ptr_ring_produce',
      '    flushed as 1 of 8, ring slot 0 of 2048',
      ' 5. kthread         cpu_map_kthread_run > __ptr_ring_consume_batched',
      '    CPU 1, taken from slot 0, place in the batch 1 of 8',
      ' 6. sk_buff         __xdp_build_skb_from_frame > eth_type_trans',
      '    len 28, protocol ETH_P_ARP (0x0806), pkt_type PACKET_BROADCAST, skb_iif 2, queue_mapping 0',
      '    mac_header 256, network_header 270, truesize 2368',
      ' 7. stack           netif_receive_skb_list',
      '    CPU 1, handler ETH_P_ALL, verdict NET_RX_SUCCESS',
      '',
      'The stack took it.',
      '',
    ]);
  });

  it('of a frame that l4-filter drops', async () => {
    const lines = await explained('--pktgen', 'flows=4', '--cpu', '1', '-p', 'l4-filter', '--frame', '3');
    expect(lines.slice(lines.indexOf('    verdict DROP'))).toEqual([
      '    verdict DROP',
      '        7: bpf_map_lookup_elem(rx_cnt, 0)                 value {2 2 0}',
      '        8: if r0 == 0x0 goto +0x40                        value of rx_cnt and NULL: not taken',
      '       15: if r3 > r8 goto +0x40                          data + 14 and data_end: not taken',
      '       18: if r4 < 0x600 goto +0x3d                       0x800 and 0x600: not taken',
      '       19: if r4 == 0x8100 goto +0x1                      0x800 and 0x8100: not taken',
      '       20: if r4 != 0x88a8 goto +0xa                      0x800 and 0x88a8: taken, to 31',
      '       31: if r4 == 0x800 goto +0x2                       0x800 and 0x800: taken, to 34',
      '       36: if r5 > r8 goto +0x14                          data + 34 and data_end: not taken',
      '       43: if r5 == 0x11 goto +0x4                        17 and 17: taken, to 48',
      '       51: if r5 > r8 goto +0x5                           data + 42 and data_end: not taken',
      '       53: if r5 != 0x11 goto +0x3                        17 and 17: not taken',
      '       56: if r5 == 0x9 goto +0x12                        9 and 9: taken, to 75',
      ' 3. drop',
      '    CPU 0, reason xdp_drop',
      '    the program said XDP_DROP',
      '',
      'It was dropped.',
      '',
    ]);
  });

  it.each([
    // two CPUs by turns: the ninth frame is the fifth for the first of them
    ['round-robin', '9', 'CPU 1, place in the bulk queue 5 of 8', 'flushed as 5 of 8, ring slot 4 of 2048'],
    ['round-robin', '10', 'CPU 2, place in the bulk queue 5 of 8', 'flushed as 5 of 8, ring slot 4 of 2048'],
    // all to one: the ninth flushes the eight before it
    ['no-touch', '8', 'CPU 1, place in the bulk queue 8 of 8', 'flushed as 8 of 8, ring slot 7 of 2048'],
    ['no-touch', '9', 'CPU 1, place in the bulk queue 1 of 8', 'flushed as 1 of 8, ring slot 8 of 2048'],
    ['l4-hash', '100', 'CPU 2, place in the bulk queue 8 of 8', 'flushed as 8 of 8, ring slot 41 of 2048'],
  ])('%s, frame %s: to %s; %s', async (mode, frame, redirect, enqueue) => {
    const lines = await explained('--input', EVERYDAY, '--cpu', '1', '--cpu', '2', '-p', mode, '--frame', frame);
    expect(lines).toContain(`    map cpu_map, from CPU 0, to ${redirect}`);
    expect(lines).toContain(`    ${enqueue}`);
  });

  it('of a frame that finds the ring full', async () => {
    const lines = await explained('--pktgen', '', '--cpu', '1', '-q', '8', '--frame', '20');
    expect(lines.slice(-6)).toEqual([
      ' 4. drop            bq_flush_to_queue > xdp_return_frame',
      '    CPU 0, reason ring_full, to CPU 1, in the bulk 4 of 8, qsize 8',
      "    the ring of the cpumap's entry was full",
      '',
      'It was dropped.',
      '',
    ]);
  });

  it('of a frame that leaves by another device', async () => {
    const lines = await explained('--pktgen', '', '--cpu', '1', '-r', 'redirect', '-D', 'out0', '--frame', '2');
    expect(lines.slice(-11)).toEqual([
      '    name cpumap_redirect, verdict REDIRECT',
      '        5: if r1 > r3 goto +0xd                           data + 14 and data_end: not taken',
      '       18: bpf_redirect_map(tx_port, 0)                   REDIRECT',
      ' 7. redirect        xdp_do_redirect > dev_map_enqueue',
      '    map tx_port, from CPU 1, to device out0',
      ' 8. egress program  bq_xmit_all > dev_map_bpf_prog_run',
      '    name redirect_egress',
      '        5: if r1 > r3 goto +0x3                           data + 14 and data_end: not taken',
      '',
      'It left by another device.',
      '',
    ]);
  });

  it('of generic mode has the redirect around the enqueue', async () => {
    const lines = await explained('--pktgen', '', '--cpu', '1', '-S', '-r', 'drop');
    expect(lines.filter((line) => /^ ?\d+\. /.test(line))).toEqual([
      ' 1. queue           __napi_poll',
      ' 2. program         do_xdp_generic > bpf_prog_run_generic_xdp',
      ' 3. redirect        xdp_do_generic_redirect > cpu_map_generic_redirect',
      ' 4. enqueue         __ptr_ring_produce',
      ' 5. kthread         cpu_map_kthread_run > __ptr_ring_consume_batched',
      ' 6. second program  cpu_map_bpf_prog_run_skb > bpf_prog_run_generic_xdp',
      ' 7. drop            cpu_map_bpf_prog_run_skb',
    ]);
  });

  it('of a frame of several buffers says what the program sees of it', async () => {
    const lines = await explained('--pktgen', 'size=9000', '--mtu', '9000', '--cpu', '1');
    expect(lines).toContain(
      '    name no_touch, mode native, data_end - data 3520, length 8996, ingress_ifindex 2, rx_queue_index 0',
    );
    expect(lines).toContain('    mac_header 256, network_header 270, truesize 12544, data_len 5476');
  });

  it('of an object has functions and source lines', async () => {
    const object = ['--obj', objectPath('modern.o'), '--prog', 'xdp_spread', '--remote-prog', 'remote_filter'];
    const lines = await explained(...object, '--input', EVERYDAY, '--cpu', '1', '--frame', '77');
    expect(lines).toContain('      ; xdp_spread: if (counters) @ modern.bpf.c:126');
    expect(lines).toContain('       53: bpf_map_lookup_elem(cpus_available, 0)         value 1');
    expect(lines).toContain('    name remote_filter, verdict PASS');
  });

  it('of a JavaScript program says that there is nothing to follow', async () => {
    const file = join(scratch, 'pass.mjs');
    writeFileSync(file, 'export const pass = () => () => 2;');
    const lines = await explained('--module', `${file}#pass`, '--pktgen', '', '--cpu', '1', '--frame', '3');
    expect(lines).toContain('    it is JavaScript: there is no bytecode to follow');
    expect(lines.at(-2)).toBe('The stack took it.');
  });

  it('of a frame that is too long says so, and that nobody sees it', async () => {
    const file = join(scratch, 'long.pcap');
    writeFileSync(file, pcapOf([new Uint8Array(60), new Uint8Array(1600)]));
    const lines = await explained('--input', file, '--cpu', '1', '--frame', '2');
    expect(lines.slice(3)).toEqual([
      ' 1. device',
      '    length 1600, shortest 14, longest 1522',
      '    the device takes no frame of that length: it counts a length error, and nobody sees the frame',
      '',
      'It never reached a CPU.',
      '',
    ]);
  });

  it('of an aborted frame says what was thrown', async () => {
    const file = join(scratch, 'throws.mjs');
    writeFileSync(file, "export const throws = () => () => { throw new Error('no luck'); };");
    const lines = await explained('--module', `${file}#throws`, '--pktgen', '', '--cpu', '1');
    expect(lines.at(-4)).toMatch(/gave a verdict that there is not; program \d+ on CPU 0 threw Error: no luck$/);
  });

  it('of a capture that breaks off is followed by that, and the exit code says so', async () => {
    const whole = readFileSync(EVERYDAY);
    const file = join(scratch, 'broken.pcapng');
    writeFileSync(file, whole.subarray(0, 5000));
    const { code, stdout, stderr } = await runCommand(['explain', '--input', file, '--cpu', '1', '--frame', '2']);
    expect(code).toBe(1);
    expect(stdout).toContain('The stack took it.');
    expect(stderr).toMatch(/the file ends inside a block.*; the frames before it are used\n$/);
  });

  it('as JSON is the same', async () => {
    const { stdout } = await runCommand(['explain', '--input', EVERYDAY, '--cpu', '1', '--frame', '9', '--json']);
    const { frame, of, steps, end } = JSON.parse(stdout) as Explanation;
    expect([frame, of, end]).toEqual([9, 909, 'delivered']);
    expect(steps.map(({ step }) => step)).toEqual([
      'queue',
      'program',
      'redirect',
      'enqueue',
      'kthread',
      'sk_buff',
      'stack',
    ]);
    expect(steps[1]!.path).toContainEqual({ slot: 22, text: 'bpf_redirect_map(cpu_map, 1)', outcome: 'REDIRECT' });
  });
});

describe('refused', () => {
  it.each([
    [
      'a frame behind the last',
      ['--input', EVERYDAY, '--cpu', '1', '--frame', '910'],
      /--frame 910: there are 909 frames/,
    ],
    ['no frame', ['--input', EVERYDAY, '--cpu', '1', '--frame', '0'], /--frame is a whole number from 1/],
    ['nothing to receive', ['--cpu', '1'], /give --input FILE or --pktgen SPEC/],
    ['no CPU', ['--input', EVERYDAY], /give --cpu N/],
    ['an option of a run', ['--input', EVERYDAY, '--cpu', '1', '--loop'], /unknown option '--loop'/],
  ])('%s', async (_, args, message) => {
    const { code, stderr } = await runCommand(['explain', ...args]);
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
  });
});

function optionsOf(...args: string[]): ExplainOptions {
  let chosen: ExplainOptions | undefined;
  describeExplain((options) => {
    chosen = options;
  }).parse(args, { from: 'user' });
  return chosen!;
}

interface Outcome {
  readonly verdict: string;
  readonly to: number | undefined;
  readonly position: number | undefined;
  readonly reason: string | undefined;
}

/** What the probes of a compiled run say, frame by frame; on one queue, so that they come in the file's order. */
async function outcomesOf({ settings }: ExplainOptions): Promise<Outcome[]> {
  const input = readInput(settings);
  const machine = await buildMachine({ ...settings, bpfEngine: 'jit' }, input, { probes: true });
  const probe = machine.host.createProbe({ hooks: HOOKS, snaplen: 14, ringBytes: 2 ** 23 });
  const records: ProbeRecord[] = [];
  try {
    machine.device.start(input.source);
    await machine.host.advance(1e12, () => {
      records.push(...probe.read().records);
      return machine.device.wire!.done && machine.host.ledger().inFlight === 0;
    });
    records.push(...probe.read().records);
  } finally {
    await machine.close();
  }
  const own = records.filter(({ cpu, hook }) => cpu === 0 && ['xdp-in', 'redirect', 'drop'].includes(hook));
  return own.flatMap((record, index) => {
    if (record.hook !== 'xdp-in') return [];
    const next = own.slice(index + 1).find(({ reason }) => reason !== 'ring_full');
    const after = next?.frame === record.frame && next.hook !== 'xdp-in' ? next : undefined;
    const isRedirect = record.verdict === XDP_REDIRECT;
    return [
      {
        verdict: xdpActionName(record.verdict!),
        to: isRedirect ? after?.to : undefined,
        position: after?.position,
        reason: after?.reason,
      },
    ];
  });
}

function outcomeOf({ steps }: Explanation): Outcome {
  const values = (name: string) => steps.find(({ step }) => step === name)?.values ?? {};
  const redirect = values('redirect');
  const place = redirect['place in the bulk queue'];
  const drop = values('drop');
  const isLater = drop.reason === 'ring_full';
  return {
    verdict: values('program').verdict as string,
    to: (redirect['to CPU'] ?? (isLater ? undefined : (drop.to ?? drop['to ifindex']))) as number | undefined,
    position: place === undefined ? undefined : Number.parseInt(place as string, 10),
    reason: isLater ? undefined : (drop.reason as string | undefined),
  };
}

const MODES = ['no-touch', 'touch', 'round-robin', 'l4-proto', 'l4-filter', 'l4-hash', 'l4-sport', 'auto'];

async function checkCapture(path: string, frames: number, runs: number): Promise<void> {
  const known = new Map<string, Promise<Outcome[]>>();
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...MODES),
      fc.integer({ min: 1, max: frames }),
      fc.constantFrom('4.15', '6.18'),
      fc.constantFrom('16', '2048'),
      async (mode, frame, release, qsize) => {
        const machine = ['--input', path, '--cpu', '1', '--cpu', '2', '-p', mode, '--release', release, '-q', qsize];
        const options = optionsOf(...machine, '--frame', `${frame}`);
        const key = machine.join(' ');
        if (!known.has(key)) known.set(key, outcomesOf(options));
        const refused = decodeCapture(readFileSync(path))
          .frames.slice(0, frame)
          .filter(({ data }) => data.length < 14 || data.length > 1522).length;
        const explanation = await explainFrame(options);
        if (explanation.end === 'refused') return;
        expect(outcomeOf(explanation)).toEqual((await known.get(key)!)[frame - 1 - refused]);
      },
    ),
    { numRuns: runs },
  );
}

describe('any frame', () => {
  it('of the everyday capture has the verdict, target and place that a run gives it', async () => {
    await checkCapture(EVERYDAY, 909, 25);
  }, 60_000);
});

describeWithData('any frame of real captures', 'captures', () => {
  const names = readdirSync(testData('captures')!).filter((name) => /\.pcap(ng)?$/.test(name));
  const usable = names.flatMap((name) => {
    try {
      const { frames, problem } = decodeCapture(readFileSync(testData('captures', name)!));
      return problem === undefined && frames.length > 0 ? [[name, frames.length] as const] : [];
    } catch {
      return []; // refused by the reader, whose own tests say so
    }
  });

  it.each(usable)('%s (%i frames)', async (name, frames) => {
    await checkCapture(testData('captures', name)!, frames, 2);
  });
});

describe('a packet in one line', () => {
  it.each([
    ['0102', '2 bytes, no Ethernet header'],
    [`${'ff'.repeat(6)}020000000001${'88cc'}`, '02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff, EtherType 0x88cc'],
    [`0180c200000002000000000100264242`, '02:00:00:00:00:01 > 01:80:c2:00:00:00, 802.3, 38 bytes'],
    [
      `020000000002020000000001810000078100000808004500001400002000401100000a000001c0000201`,
      '02:00:00:00:00:01 > 02:00:00:00:00:02, VLAN 7, VLAN 8, IPv4 10.0.0.1 > 192.0.2.1, UDP',
    ],
    [
      `02000000000202000000000186dd6000000000083a40${'0'.repeat(31)}1${'ff02'}${'0'.repeat(27)}1`,
      '02:00:00:00:00:01 > 02:00:00:00:00:02, IPv6 ::1 > ff02::1, ICMPv6',
    ],
  ])('%s is %s', (hex, text) => {
    expect(describePacket(Buffer.from(hex, 'hex'))).toBe(text);
  });
});
