/**
 * A CPU whose programs use maps that others use at the same time. Posts the number of times that something was as it must
 * not be, by name. Values are one 32-bit word with the same 16 bits twice, so that half of another one shows.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { attachMapOps } from '@cpumap/bpf';
import { attachMemory, createPrng } from '@cpumap/smp';
import { startTogether } from './start-together.js';

const { wasm, gate, workers, cpu, scratch, place, map, role, count, seed } = workerData;
const memory = attachMemory(wasm);
const { u32 } = memory;
const ops = attachMapOps(memory, cpu, workers, scratch);
const random = createPrng(seed);
const keyAt = place;
const valueAt = place + 32;
const wrong = {};
const expectThat = (what, holds) => {
  if (!holds) wrong[what] = (wrong[what] ?? 0) + 1;
};
const key = (...words) => {
  for (const [i, word] of words.entries()) u32[(keyAt >> 2) + i] = word;
  return keyAt;
};
const value = (n) => {
  u32[valueAt >> 2] = ((n & 0xffff) * 0x10001) >>> 0;
  return valueAt;
};
const isWhole = (at) => {
  const word = u32[at >> 2]; // once: it may change
  return word >>> 16 === (word & 0xffff);
};

function visit(_map, _key, at) {
  expectThat('a walk sees whole values', isWhole(at));
  return 0;
}

const STABLE = 8;
const OWN = 24;
/** Keys below STABLE are always there, and everybody changes them; the others come and go, each by one CPU. */
function hash() {
  const mine = new Set();
  for (let i = 0; i < count; i++) {
    const stable = key(random.below(STABLE));
    if (random.below(3) === 0) expectThat('update of a stable key', ops.update(map, stable, value(i), 0) === 0);
    const at = ops.lookup(map, stable);
    expectThat('a stable key is there', at !== 0);
    expectThat('a whole value', at === 0 || isWhole(at));
    const own = (cpu + 1) * 1000 + random.below(OWN);
    if (mine.has(own)) {
      expectThat('my key is there', ops.lookup(map, key(own)) !== 0);
      expectThat('delete of my key', ops.delete(map, key(own)) === 0);
      expectThat('my key is gone', ops.lookup(map, key(own)) === 0);
      mine.delete(own);
    } else {
      expectThat('insert of my key', ops.update(map, key(own), value(i), 1) === 0);
      mine.add(own);
      const found = ops.lookup(map, key(own));
      expectThat('my value', found !== 0 && u32[found >> 2] === u32[valueAt >> 2]);
    }
    if (i % 512 === 0) ops.forEach(map, visit);
  }
  return { left: mine.size };
}

function lru() {
  for (let i = 0; i < count; i++) {
    const k = key(random.below(200));
    const what = random.below(8);
    if (what === 0) ops.delete(map, k);
    else if (what < 4) expectThat('update', ops.update(map, k, value(i), 0) === 0);
    else {
      const at = ops.lookup(map, k);
      expectThat('a whole value', at === 0 || isWhole(at));
    }
  }
}

/** 10.0.0.0/8 is always there and always changes; longer prefixes within come and go. */
function lpm() {
  const ip = (a, b, c, d) => (a | (b << 8) | (c << 16) | (d << 24)) >>> 0;
  for (let i = 0; i < count; i++) {
    const what = random.below(8);
    if (what === 0) expectThat('update', ops.update(map, key(8, ip(10, 0, 0, 0)), value(i), 2) === 0);
    else if (what < 3) {
      const prefix = key(9 + random.below(24), ip(10, random.below(4) << 6, cpu, random.below(256)));
      if (what === 1) expectThat('insert', ops.update(map, prefix, value(i), 0) === 0);
      else ops.delete(map, prefix);
    } else {
      const at = ops.lookup(map, key(32, ip(10, random.below(256), random.below(4), random.below(256))));
      expectThat('a prefix is found', at !== 0);
      expectThat('a whole value', at === 0 || isWhole(at));
      expectThat('nothing else is found', ops.lookup(map, key(32, ip(11, 0, 0, 1))) === 0);
    }
  }
}

/** Puts the numbers cpu, 1, 2, … in the ring, by both ways, with some records thrown away between. */
function ringbuf() {
  for (let next = 1; next <= count; ) {
    const size = 8 + random.below(60);
    if (random.below(4) === 0) {
      u32[valueAt >> 2] = cpu;
      u32[(valueAt >> 2) + 1] = next;
      if (ops.ringbufOutput(map, valueAt, 8, 0) === 0) next++;
      else Atomics.wait(memory.i32, gate >> 2, workers, 0.05); // full: the consumer may need this processor
      continue;
    }
    const record = ops.ringbufReserve(map, size, 0);
    if (record === 0) {
      Atomics.wait(memory.i32, gate >> 2, workers, 0.05);
    } else if (random.below(8) === 0) {
      memory.u8.fill(0xff, record, record + size);
      ops.ringbufDiscard(record, 0);
    } else {
      u32[record >> 2] = cpu;
      u32[(record >> 2) + 1] = next++;
      for (let i = 8; i < size; i++) memory.u8[record + i] = next + i;
      ops.ringbufSubmit(record, 0);
    }
  }
}

/** Adds 1 to a plain word under the value's bpf_spin_lock. */
function lock() {
  const at = ops.lookup(map, key(0));
  for (let i = 0; i < count; i++) {
    ops.spinLock(at + 4);
    u32[at >> 2] += 1;
    ops.spinUnlock(at + 4);
  }
}

startTogether(memory.i32, gate, workers);
parentPort.postMessage({ ...{ hash, lru, lpm, ringbuf, lock }[role](), wrong });
