import { readdirSync, readFileSync } from 'node:fs';
import { CaptureError, decodeCapture } from '@cpumap/nic';
import { describeWithData, testData } from '@cpumap/vitest-config/test-data';
import { expect, it } from 'vitest';
import { runCommand, summaryOf } from './support/command.ts';

describeWithData('real captures of many protocols', 'captures', () => {
  const names = readdirSync(testData('captures')!).filter((name) => /\.pcap(ng)?$/.test(name));

  /** Frames in the file, or why it cannot be used. */
  function framesIn(path: string): number | CaptureError {
    try {
      return decodeCapture(readFileSync(path)).frames.length;
    } catch (error) {
      if (error instanceof CaptureError) return error;
      throw error;
    }
  }

  it.each(names)('%s runs through, or is refused with a reason', async (name) => {
    const path = testData('captures', name)!;
    const frames = framesIn(path);
    const finished = await runCommand(
      ['--input', path, '--cpus', '4', '--cpu', '1', '--cpu', '2', '--cpu', '3', '--prognum', '3', '--json'].concat(
        '--executor',
        'virtual',
      ),
    );
    if (frames instanceof CaptureError) {
      expect(finished.code).toBe(1);
      expect(finished.stderr).toContain(frames.message);
      return;
    }
    const { rx, xdp, ledger } = summaryOf(finished);
    expect(rx.packets + rx.length_errors).toBe(frames);
    expect(Object.values(xdp).reduce((sum, count) => sum + count, 0)).toBe(rx.packets);
    expect(ledger).toEqual({ balanced: true, in_flight: 0, lost: [], problems: [] });
  });
});
