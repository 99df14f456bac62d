/**
 * What GRO makes of sequences of packets, on the engine and on the kernel, list by list and byte by byte. COMPLIANCE_GRO
 * says how many random sequences (default 150).
 */
import { describe, expect, it } from 'vitest';
import { engineGro } from '../src/gro/engine-gro.ts';
import { kernelGro } from '../src/gro/kernel-gro.ts';
import type { GroPacket } from '../src/gro/sequence.ts';
import { framesOf, GRO_CASES, type GroCase, randomGroCase } from '../src/gro/table.ts';
import { needKernel } from './support/kernel.ts';

const COUNT = Number(process.env.COMPLIANCE_GRO ?? 150);
const SEED = Number(process.env.COMPLIANCE_SEED ?? 1);

const shown = ({ bytes, ...rest }: GroPacket) => ({
  length: bytes.length,
  ...rest,
  bytes: Buffer.from(bytes).toString('hex'),
});

/** A kernel without CONFIG_VLAN_8021Q merges no tagged packets, so it has no answer to these. */
const hasVlans = ({ packets }: GroCase): boolean => packets.some(({ vlans = [] }) => vlans.length > 0);

/** The differences, in words; a line or two per case. */
async function differences(cases: readonly GroCase[]): Promise<string[]> {
  const kernel = kernelGro();
  const engine = await engineGro();
  const found: string[] = [];
  try {
    for (const question of cases) {
      if (!kernel.vlans && hasVlans(question)) continue;
      const frames = framesOf(question);
      const [ours, theirs] = [
        (await engine.run(frames, question.udpForwarding)).map(shown),
        (await kernel.run(frames, question.udpForwarding)).map(shown),
      ];
      if (JSON.stringify(ours) === JSON.stringify(theirs)) continue;
      const at = theirs.findIndex((packet, index) => JSON.stringify(packet) !== JSON.stringify(ours[index]));
      found.push(
        `${question.name}: packet ${at}\n  engine ${ours.map(({ length }) => length)}\n  kernel ${theirs.map(({ length }) => length)}\n` +
          `  ${JSON.stringify(ours[at])?.slice(0, 400)}\n  ${JSON.stringify(theirs[at])?.slice(0, 400)}`,
      );
    }
  } finally {
    await engine.close();
    await kernel.close();
  }
  return found;
}

describe('GRO on engine and kernel', () => {
  it(`${GRO_CASES.length} questions`, { timeout: 60_000 }, async ({ skip }) => {
    needKernel(skip);
    expect((await differences(GRO_CASES)).join('\n')).toBe('');
  });

  it(`${COUNT} random sequences from seed ${SEED} on`, { timeout: 60_000 + COUNT * 100 }, async ({ skip }) => {
    needKernel(skip);
    const cases = Array.from({ length: COUNT }, (_, index) => randomGroCase(SEED + index));
    expect((await differences(cases)).slice(0, 5).join('\n')).toBe('');
  });
});
