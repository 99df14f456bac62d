/** Captures that other programs wrote, read and compared with what tshark reads in them. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describeWithData } from '@cpumap/vitest-config/test-data';
import { expect, it } from 'vitest';
import { decodeCapture } from '../../src/capture/decode.ts';
import type { CapturedFrame } from '../../src/capture/types.ts';
import { captureErrorOf } from '../support/capture-error-of.ts';
import { ETHERNET_FRAMES, NOT_ETHERNET, WITH_ANOTHER_LINK_TYPE } from '../support/tshark-answers.ts';

const NS_PER_SECOND = 1_000_000_000n;

function digest(frames: readonly CapturedFrame[]): string {
  const lines = createHash('sha256');
  for (const { data, originalLength, timestampNs } of frames) {
    const seconds = timestampNs / NS_PER_SECOND;
    const nanoseconds = String(timestampNs % NS_PER_SECOND).padStart(9, '0');
    const md5 = createHash('md5').update(data).digest('hex');
    lines.update(`${seconds}.${nanoseconds}\t${originalLength}\t${data.length}\t${md5}\n`);
  }
  return lines.digest('hex').slice(0, 16);
}

for (const folder of ['captures', 'pcapng']) {
  describeWithData(`the files in ${folder}`, folder, (path) => {
    const inFolder = (file: string) => file.startsWith(`${folder}/`);
    const read = (file: string) => readFileSync(join(path, file.slice(folder.length + 1)));
    const known = [...ETHERNET_FRAMES.map(([file]) => file), ...NOT_ETHERNET].filter(inFolder);

    it('are all in the tables', () => {
      const files = readdirSync(path).filter((name) => /\.pcap(ng)?$/.test(name));
      expect(files.map((name) => `${folder}/${name}`).sort()).toEqual(known.sort());
    });

    it.each(ETHERNET_FRAMES.filter(([file]) => inFolder(file)))('%s has %i frames', (file, count, expected) => {
      const { frames, problem } = decodeCapture(read(file));
      expect(frames).toHaveLength(count);
      expect(digest(frames)).toBe(expected);
      expect(problem?.code).toBe(WITH_ANOTHER_LINK_TYPE.includes(file) ? 'LINKTYPE' : undefined);
    });

    it.each(NOT_ETHERNET.filter(inFolder))('%s is refused', (file) => {
      expect(captureErrorOf(read(file))).toMatchObject({ code: 'LINKTYPE', offset: 60 });
    });

    it.each(known.filter((file) => !NOT_ETHERNET.includes(file)))('%s keeps what is before a cut', (file) => {
      const bytes = read(file);
      const starts = decodeCapture(bytes).frames.map((frame) => frame.data.byteOffset - bytes.byteOffset);
      const headers = 208; // the longest section header among these files; a cut in it leaves nothing
      const step = Math.max(1, Math.floor((bytes.length - headers) / 50));
      for (let length = headers; length < bytes.length; length += step) {
        const kept = decodeCapture(bytes.subarray(0, length)).frames;
        expect(kept.map((frame) => frame.data.byteOffset - bytes.byteOffset)).toEqual(starts.slice(0, kept.length));
        // the first frame that is missing was cut itself, so the one after it begins behind the cut
        expect(starts[kept.length + 1] ?? length).toBeGreaterThanOrEqual(length);
      }
    });
  });
}
