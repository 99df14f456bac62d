/**
 * What GRO makes of sequences of packets, as Linux 6.18.44 answered (answers/gro-linux-6.18.json.gz): without a kernel.
 * COMPLIANCE_RECORD=1 writes the running kernel's answers down instead. A packet is recorded as its length, its GSO size
 * and type, its checksum's place, and the hash of its bytes. Tagged packets are left out: that kernel knows no VLANs.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { engineGro, type GroSubject } from '../src/gro/engine-gro.ts';
import { kernelGro } from '../src/gro/kernel-gro.ts';
import type { GroPacket } from '../src/gro/sequence.ts';
import { framesOf, GRO_CASES, type GroCase, randomGroCase } from '../src/gro/table.ts';
import { needKernel } from './support/kernel.ts';

const RANDOM = 200;
const file = new URL('answers/gro-linux-6.18.json.gz', import.meta.url);
const isRecording = process.env.COMPLIANCE_RECORD === '1';
type Answers = Record<string, readonly string[]>;

const CASES: readonly GroCase[] = [
  ...GRO_CASES,
  ...Array.from({ length: RANDOM }, (_, index) => randomGroCase(1_000_001 + index)),
].filter(({ packets }) => packets.every(({ vlans = [] }) => vlans.length === 0));

function recordOf({ bytes, gsoSize, gsoType, csumStart, csumOffset }: GroPacket): string {
  const hash = createHash('sha256').update(bytes).digest('hex').slice(0, 12);
  return [bytes.length, gsoSize, gsoType, csumStart, csumOffset, hash].join(' ');
}

async function answersOf(subject: GroSubject): Promise<Answers> {
  const answers: Answers = {};
  try {
    for (const question of CASES) {
      answers[question.name] = (await subject.run(framesOf(question), question.udpForwarding)).map(recordOf);
    }
  } finally {
    await subject.close();
  }
  return answers;
}

describe('GRO on the engine', () => {
  it(`answers ${CASES.length} sequences as Linux 6.18.44 did`, { timeout: 60_000 }, async ({ skip }) => {
    if (isRecording) skip('the answers are being recorded');
    const recorded = existsSync(file) ? (JSON.parse(gunzipSync(readFileSync(file)).toString()) as Answers) : {};
    expect(await answersOf(await engineGro())).toEqual(recorded);
  });

  it('records what the kernel answers', { timeout: 60_000 }, async ({ skip }) => {
    if (!isRecording) skip('COMPLIANCE_RECORD=1 asks for it');
    needKernel(skip);
    writeFileSync(file, gzipSync(JSON.stringify(await answersOf(kernelGro())), { level: 9 }));
  });

  it('merges tagged packets of one tag, as kernels with CONFIG_VLAN_8021Q do', async () => {
    const engine = await engineGro();
    const tagged = GRO_CASES.filter(({ packets }) => packets.some(({ vlans = [] }) => vlans.length > 0));
    const lengths: Record<string, readonly number[]> = {};
    for (const question of tagged) {
      const got = await engine.run(framesOf(question), question.udpForwarding);
      lengths[question.name] = got.map(({ bytes }) => bytes.length);
    }
    await engine.close();
    expect(lengths).toEqual({
      'tcp: VLAN': [558],
      'tcp: VLAN, another in the third': [258, 158, 358],
      'tcp: two VLAN tags': [562],
      'tcp: VLAN, IPv6': [578],
      'udp: VLAN': [546],
    });
  });
});
