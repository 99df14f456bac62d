/**
 * Reading a BPF_MAP_TYPE_RINGBUF: its pages mapped into this process, so that reading is no system call.
 *
 * Layout (Linux 5.8): a page with the consumer's position, which we write; a page with the producers'; the data, mapped
 * twice, so that a record that runs over the end is contiguous. A record begins with a word: its length and two bits.
 * Memory order: the producers' position and a record's first word are loaded atomically before what they announce is
 * read; the consumer's position is stored atomically after.
 */
import type { RingBuffer } from '@cpumap/bpf';
import {
  BPF_MAP_TYPE,
  BPF_RINGBUF_BUSY_BIT,
  BPF_RINGBUF_DISCARD_BIT,
  BPF_RINGBUF_HDR_SZ,
  KernelError,
} from '@cpumap/uapi';
import { libc, type Mapping, systemError } from './libc.ts';
import type { LinuxMap } from './linux-map.ts';

const LENGTH = ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);

export interface LinuxRingBuffer extends RingBuffer {
  /** Gives the mapping back. Safe to call twice. */
  close(): void;
}

/** @throws KernelError EINVAL for other maps, EPERM, ENOMEM */
export function openLinuxRingBuffer(map: LinuxMap): LinuxRingBuffer {
  if (map.type !== BPF_MAP_TYPE.RINGBUF) {
    throw new KernelError('EINVAL', 'openLinuxRingBuffer', { hint: `map ${map.id} is no ring buffer` });
  }
  const size = map.info().maxEntries;
  const { pageSize } = libc();
  const mapped = (bytes: number, offset: number, access: 'read' | 'write'): Mapping => {
    const mapping = libc().map(map.fd, bytes, offset, access);
    if (typeof mapping === 'number') throw systemError('mmap of a ring buffer', mapping);
    return mapping;
  };
  const consumer = mapped(pageSize, 0, 'write');
  let producer: Mapping;
  try {
    producer = mapped(pageSize + 2 * size, pageSize, 'read');
  } catch (error) {
    consumer.unmap();
    throw error;
  }
  const consumerPosition = new BigUint64Array(consumer.buffer, 0, 1);
  const producerPosition = new BigUint64Array(producer.buffer, 0, 1);
  const words = new Uint32Array(producer.buffer, pageSize);
  const bytes = new Uint8Array(producer.buffer, pageSize);
  const mask = BigInt(size - 1);
  let open = true;

  function checkOpen(): void {
    if (!open) throw new KernelError('EBADF', 'ring buffer', { hint: `the reader of map ${map.id} is closed` });
  }

  return {
    consume(callback) {
      checkOpen();
      let taken = 0;
      let at = consumerPosition[0]!;
      const end = Atomics.load(producerPosition, 0); // what comes meanwhile is for the next call: this one ends
      while (open && at !== end) {
        const offset = Number(at & mask);
        const head = Atomics.load(words, offset >> 2);
        if ((head & BPF_RINGBUF_BUSY_BIT) !== 0) break;
        const length = head & LENGTH;
        const record = bytes.slice(offset + BPF_RINGBUF_HDR_SZ, offset + BPF_RINGBUF_HDR_SZ + length);
        at += BigInt((BPF_RINGBUF_HDR_SZ + length + 7) & ~7);
        Atomics.store(consumerPosition, 0, at);
        if ((head & BPF_RINGBUF_DISCARD_BIT) !== 0) continue;
        taken++;
        callback(record);
      }
      return taken;
    },
    poll() {
      checkOpen();
      return consumerPosition[0] !== Atomics.load(producerPosition, 0);
    },
    close() {
      if (!open) return;
      open = false;
      consumer.unmap();
      producer.unmap();
    },
  };
}
