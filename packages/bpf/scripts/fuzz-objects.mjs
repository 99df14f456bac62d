/**
 * Objects that no compiler wrote: mutants of real ones are read, linked and decoded, and only ObjectError and KernelError
 * may come out.
 *
 *   node packages/bpf/scripts/fuzz-objects.mjs [--count 200000] [--seed N] FILE.o …
 *
 * Needs the build of the package; without files it takes those of test/objects. Prints how many mutants ended how, the
 * slowest one and how far the memory grew. Exit status 1 after any other exception, a mutant that takes more than a
 * second, or memory without bounds; the mutant is kept in a file then. The same seed and files give the same mutants.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { KernelError } from '@cpumap/uapi';
import { decodeProgram, linkProgram, ObjectError, readObject } from '../dist/index.js';

const OBJECTS = join(import.meta.dirname, '../test/objects');
const SLOW_MS = 1000;
const MEMORY_LIMIT_MB = 512;
const MB = 1024 * 1024;

const { values, positionals } = parseArgs({
  options: { count: { type: 'string', default: '200000' }, seed: { type: 'string', default: '1' } },
  allowPositionals: true,
});
const count = Number(values.count);
const seed = Number(values.seed);
if (!Number.isSafeInteger(count) || count < 1 || !Number.isSafeInteger(seed)) {
  console.error('--count is a whole number from 1, --seed a whole number');
  process.exit(2);
}
const paths =
  positionals.length > 0
    ? positionals
    : readdirSync(OBJECTS)
        .filter((name) => name.endsWith('.o'))
        .sort()
        .map((name) => join(OBJECTS, name));
const originals = paths.map((path) => ({ name: basename(path), bytes: new Uint8Array(readFileSync(path)) }));

/** Whole numbers below a bound, from the seed: mulberry32. */
let state = seed;
function random(below) {
  state = (state + 0x6d2b79f5) | 0;
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) % below;
}
const pick = (list) => list[random(list.length)];

const viewOf = (bytes) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** [offset, size] of each field of the structs of ELF64. */
const fields = (...sizes) =>
  sizes.map((size, i) => [sizes.slice(0, i).reduce((offset, before) => offset + before, 0), size]);
const ELF_HEADER = fields(...new Array(16).fill(1), 2, 2, 4, 8, 8, 8, 4, 2, 2, 2, 2, 2, 2);
const SECTION_HEADER = fields(4, 4, 8, 8, 8, 8, 4, 4, 8, 8);
const SYMBOL = fields(4, 1, 1, 2, 8, 8);
const RELOCATION = fields(8, 4, 4);
const WORD = fields(4);
const SYMTAB = 2;
const REL = 9;

/** The tables of an original: where each entry lies, and its fields. */
function tablesOf(bytes) {
  const view = viewOf(bytes);
  const start = Number(view.getBigUint64(40, true));
  const sections = Array.from({ length: view.getUint16(60, true) }, (_, i) => {
    const at = start + i * 64;
    return {
      name: view.getUint32(at, true),
      type: view.getUint32(at + 4, true),
      offset: Number(view.getBigUint64(at + 24, true)),
      size: Number(view.getBigUint64(at + 32, true)),
    };
  });
  const names = sections[view.getUint16(62, true)].offset;
  const nameOf = ({ name }) => {
    const from = names + name;
    return Buffer.from(bytes.subarray(from, bytes.indexOf(0, from))).toString();
  };
  const entries = (section, size) =>
    Array.from({ length: Math.floor(section.size / size) }, (_, i) => section.offset + i * size);
  const table = (chosen, layout, size) => ({ layout, at: chosen.flatMap((section) => entries(section, size)) });
  return [
    { layout: ELF_HEADER, at: [0] },
    { layout: SECTION_HEADER, at: sections.map((_section, i) => start + i * 64) },
    table(
      sections.filter(({ type }) => type === SYMTAB),
      SYMBOL,
      24,
    ),
    table(
      sections.filter(({ type }) => type === REL),
      RELOCATION,
      16,
    ),
    table(
      sections.filter((section) => nameOf(section) === '.BTF'),
      WORD,
      4,
    ),
    table(
      sections.filter((section) => nameOf(section) === '.BTF.ext'),
      WORD,
      4,
    ),
  ].filter(({ at }) => at.length > 0);
}
for (const original of originals) original.tables = tablesOf(original.bytes);

/** What a field may be set to: bounds of every width, places in the file, something near what it was. */
function interesting(old, length) {
  const near = [old + 1n, old - 1n, old * 2n, old ^ (1n << BigInt(random(64)))];
  const bounds = [0n, 1n, 0x7fn, 0xffn, 0xffffn, 0x7fffffffn, 0xffffffffn, (1n << 63n) - 1n, (1n << 64n) - 1n];
  return pick([...near, ...bounds, BigInt(length), BigInt(random(length + 1))]);
}

function setField(bytes, { tables }) {
  // the header and the section headers decide most and end most: three of four times it is another table
  const { layout, at } = pick(random(4) === 0 ? tables.slice(0, 2) : tables.slice(2));
  const [offset, size] = pick(layout);
  const place = pick(at) + offset;
  if (place + size > bytes.length) return bytes;
  let old = 0n;
  for (let i = size - 1; i >= 0; i--) old = (old << 8n) | BigInt(bytes[place + i]);
  let value = BigInt.asUintN(size * 8, interesting(old, bytes.length));
  for (let i = 0; i < size; i++, value >>= 8n) bytes[place + i] = Number(value & 0xffn);
  return bytes;
}

function flip(bytes) {
  const at = random(bytes.length);
  bytes[at] = random(2) === 0 ? random(256) : bytes[at] ^ (1 << random(8));
  return bytes;
}

function truncate(bytes) {
  return bytes.slice(0, random(bytes.length));
}

/** A stretch of another object, or of this one, over what is here, put in between, or taken out. */
function splice(bytes) {
  const from = pick(originals).bytes;
  const start = random(from.length);
  const piece = from.subarray(start, start + random(Math.min(512, from.length - start) + 1));
  const at = random(bytes.length);
  switch (random(3)) {
    case 0:
      bytes.set(piece.subarray(0, bytes.length - at), at);
      return bytes;
    case 1:
      return Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(at)]);
    default:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + piece.length)]);
  }
}

function mutate(original) {
  let bytes = original.bytes.slice();
  for (let changes = 1 + random(1 + random(6)); changes > 0 && bytes.length > 0; changes--) {
    const kind = random(32);
    if (kind < 18) bytes = setField(bytes, original);
    else if (kind < 28) bytes = flip(bytes);
    else if (kind < 31) bytes = splice(bytes);
    else bytes = truncate(bytes);
  }
  return bytes;
}

const nameOfError = (error) => `${error.name} ${error.code}`;
const isOurs = (error) => error instanceof ObjectError || error instanceof KernelError;

/** How reading, linking and decoding end; what else is thrown goes on. */
function outcome(bytes) {
  let spec;
  try {
    spec = readObject(bytes);
  } catch (error) {
    if (isOurs(error)) return nameOfError(error);
    throw error;
  }
  let ended = 'read and decoded';
  for (const name of spec.programs.keys()) {
    try {
      decodeProgram(linkProgram(spec, name).code);
    } catch (error) {
      if (!isOurs(error)) throw error;
      ended = `read, then ${nameOfError(error)}`;
    }
  }
  return ended;
}

const timed = (bytes) => {
  const start = performance.now();
  const ended = outcome(bytes);
  return { ended, took: performance.now() - start };
};

function fail(what, name, index, bytes) {
  const kept = join(tmpdir(), `fuzz-${seed}-${index}.o`);
  writeFileSync(kept, bytes);
  console.error(`mutant ${index} of seed ${seed}, made of ${name}, kept in ${kept}: ${what}`);
  process.exitCode = 1;
}

const before = process.memoryUsage().rss;
let peak = before;
let slowest = 0;
const ends = new Map();
const started = performance.now();
for (let i = 0; i < count; i++) {
  const original = originals[i % originals.length];
  const bytes = mutate(original);
  try {
    let { ended, took } = timed(bytes);
    // a busy machine stops anybody for a while: a mutant is slow if it is slow again
    if (took > SLOW_MS / 20) took = Math.min(took, timed(bytes).took);
    ends.set(ended, (ends.get(ended) ?? 0) + 1);
    slowest = Math.max(slowest, took);
    if (took > SLOW_MS) fail(`it took ${Math.round(took)} ms`, original.name, i, bytes);
  } catch (error) {
    fail(error.stack, original.name, i, bytes);
  }
  if (i % 64 === 0) peak = Math.max(peak, process.memoryUsage().rss);
  if (peak - before > MEMORY_LIMIT_MB * MB) {
    fail(`the memory grew by more than ${MEMORY_LIMIT_MB} MB`, original.name, i, bytes);
    break;
  }
}

console.log(
  `seed ${seed}, ${count} mutants of ${originals.length} objects, ${Math.round((performance.now() - started) / 1000)} s`,
);
for (const [ended, times] of [...ends].sort(([, a], [, b]) => b - a))
  console.log(`${String(times).padStart(8)}  ${ended}`);
console.log(`slowest ${slowest.toFixed(1)} ms, memory grew by at most ${Math.round((peak - before) / MB)} MB`);
