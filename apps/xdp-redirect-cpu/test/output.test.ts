import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeCapture } from '@cpumap/nic';
import { afterAll, expect, it } from 'vitest';
import { EVERYDAY, runCommand, summaryOf } from './support/command.ts';

const scratch = mkdtempSync(join(tmpdir(), 'xdp-redirect-cpu-'));
afterAll(() => rmSync(scratch, { recursive: true }));

const sent = decodeCapture(readFileSync(EVERYDAY)).frames.map(({ data }) => Buffer.from(data).toString('hex'));

it.each([
  ['threads', '6.18'],
  ['threads', '4.15'],
  ['virtual', '6.18'],
  ['virtual', '4.15'],
])('what each CPU delivered is in the output file, frame by frame (%s, %s)', async (executor, release) => {
  const path = join(scratch, `${executor}-${release}.pcapng`);
  const finished = await runCommand(
    [
      '--input',
      EVERYDAY,
      '--cpus',
      '3',
      '--cpu',
      '1',
      '--cpu',
      '2',
      '--prognum',
      '5',
      '--output',
      path,
      '--json',
    ].concat('--executor', executor, '--release', release),
  );
  expect(finished).toMatchObject({ code: 0, stderr: '' });
  const written = decodeCapture(readFileSync(path));
  expect(written.problem).toBeUndefined();
  expect(written.interfaces.map(({ name }) => name)).toEqual(['cpu0', 'cpu1', 'cpu2']);

  const hex = written.frames.map(({ data, interfaceId }) => ({ data: Buffer.from(data).toString('hex'), interfaceId }));
  expect(hex.map(({ data }) => data).sort()).toEqual([...sent].sort());
  for (const { cpu, delivered } of summaryOf(finished).kthread) {
    // one queue and a flow hash: each CPU gets its frames in the order in which they came
    const own = hex.filter(({ interfaceId }) => interfaceId === cpu).map(({ data }) => data);
    const counts = new Map<string, number>();
    for (const data of own) counts.set(data, (counts.get(data) ?? 0) + 1);
    const expected = sent.filter((data) => {
      const left = counts.get(data) ?? 0;
      counts.set(data, left - 1);
      return left > 0;
    });
    expect(own).toHaveLength(delivered);
    expect(own).toEqual(expected);
  }
});

it('a virtual run writes the same bytes again', async () => {
  const paths = ['a', 'b'].map((name) => join(scratch, `${name}.pcapng`));
  for (const path of paths) {
    await runCommand(['--input', EVERYDAY, '--cpu', '1', '--executor', 'virtual', '--output', path, '--json']);
  }
  expect(readFileSync(paths[0]!).equals(readFileSync(paths[1]!))).toBe(true);
});
