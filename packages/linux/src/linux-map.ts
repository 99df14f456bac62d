/**
 * A map of the running kernel as a BpfMap. Its address, which programs hand to helpers, is the kernel's; here `pointer` is
 * the descriptor. Closing gives the descriptor back: the map lives on while a program, a map or a pin holds it.
 */
import { BatchError, type BpfMap, type MapBatch, type MapInfo, type MapKey, type MapSpec } from '@cpumap/bpf';
import { BPF_ANY, BPF_MAP_TYPE, type ErrnoName, KernelError } from '@cpumap/uapi';
import {
  type AttrFields,
  attrOf,
  BPF_CMD,
  type BpfCommand,
  MAP_BATCH_ATTR,
  MAP_CREATE_ATTR,
  nameWords,
} from './attr.ts';
import { createElementBlock } from './element-block.ts';
import { bpfError, libc } from './libc.ts';
import { MAP_INFO, nameAt, objectInfo } from './object-info.ts';
import { possibleCpus } from './possible-cpus.ts';
import { LOCKED_KEY_TYPE, LOCKED_VALUE_TYPE, loadLockedValueBtf } from './value-btf.ts';

/** A map of the kernel: what other commands of bpf(2) know it by. */
export interface LinuxMap extends BpfMap {
  readonly fd: number;
}

const { PERCPU_ARRAY, PERCPU_HASH, LRU_PERCPU_HASH, ARRAY_OF_MAPS, HASH_OF_MAPS } = BPF_MAP_TYPE;
const PER_CPU: readonly number[] = [PERCPU_ARRAY, PERCPU_HASH, LRU_PERCPU_HASH];

function infoOf(fd: number): MapInfo {
  const view = objectInfo(fd, MAP_INFO.sizeof);
  const u32 = (offset: number): number => view.getUint32(offset, true);
  return {
    id: u32(MAP_INFO.id),
    name: nameAt(view, MAP_INFO.name),
    type: u32(MAP_INFO.type),
    keySize: u32(MAP_INFO.key_size),
    valueSize: u32(MAP_INFO.value_size),
    maxEntries: u32(MAP_INFO.max_entries),
    flags: u32(MAP_INFO.map_flags),
    frozen: false,
  };
}

/** bpf(BPF_MAP_CREATE). @throws KernelError */
export function createLinuxMap(spec: MapSpec): LinuxMap {
  const c = libc();
  const [map_name_0, map_name_1, map_name_2, map_name_3] = nameWords(spec.name ?? '');
  const lock = spec.spinLockOffset;
  const btf = lock === undefined ? undefined : loadLockedValueBtf(spec.keySize, spec.valueSize, lock);
  const attr = attrOf(c, MAP_CREATE_ATTR, {
    map_type: spec.type,
    key_size: spec.keySize,
    value_size: spec.valueSize,
    max_entries: spec.maxEntries,
    map_flags: spec.flags,
    inner_map_fd: spec.innerMapFd,
    map_name_0,
    map_name_1,
    map_name_2,
    map_name_3,
    btf_fd: btf,
    btf_key_type_id: btf && LOCKED_KEY_TYPE,
    btf_value_type_id: btf && LOCKED_VALUE_TYPE,
  });
  const fd = c.bpf(BPF_CMD.MAP_CREATE, attr);
  if (btf !== undefined) c.close(btf); // the map holds it
  if (fd < 0) throw bpfError('BPF_MAP_CREATE', fd);
  return linuxMap(fd);
}

/** A map by its descriptor, which is the map's from now on. */
export function linuxMap(fd: number): LinuxMap {
  const c = libc();
  const info = infoOf(fd);
  const { id, name, type, keySize, valueSize } = info;
  const isPerCpu = PER_CPU.includes(type);
  const isOuter = type === ARRAY_OF_MAPS || type === HASH_OF_MAPS;
  const userValueSize = isPerCpu ? Math.ceil(valueSize / 8) * 8 * possibleCpus() : isOuter ? 4 : valueSize;
  const block = createElementBlock(c, fd, keySize, userValueSize);
  const numberKeyBytes = new Uint8Array(4);
  const numberKey = new DataView(numberKeyBytes.buffer);
  const theValue = (): Uint8Array => block.value.slice(0, userValueSize);
  const theKey = (): Uint8Array => block.value.slice(0, keySize);
  let open = true;
  let frozen = false;

  function refuse(code: ErrnoName, command: string, hint: string): never {
    throw new KernelError(code, `bpf(${command})`, { hint });
  }

  /** A key's bytes; those of a number until the next one. */
  function bytesOf(key: MapKey): Uint8Array {
    if (typeof key !== 'number') {
      if (key.length !== keySize) throw new RangeError(`a key of map ${id} has ${keySize} bytes, not ${key.length}`);
      return key;
    }
    if (keySize !== 4) throw new RangeError(`a key of map ${id} has ${keySize} bytes: a number stands for 4`);
    numberKey.setUint32(0, key, true);
    return numberKeyBytes;
  }

  /** One command on one element; what it gives is in `block.value`. */
  function element(command: BpfCommand, key: Uint8Array | undefined, hasValue: boolean, flags = 0): number {
    if (!open) refuse('EBADF', `BPF_${command}`, `map ${id} is closed`);
    return block.run(BPF_CMD[command], key, hasValue, flags);
  }

  function done(command: BpfCommand, answer: number): void {
    if (answer < 0) throw bpfError(`BPF_${command}`, answer);
  }

  /** Whether there was one; any errno but ENOENT is an error. */
  function found(command: BpfCommand, answer: number): boolean {
    if (answer >= 0) return true;
    const error = bpfError(`BPF_${command}`, answer);
    if (error.code === 'ENOENT') return false;
    throw error;
  }

  function batch(command: BpfCommand, fields: AttrFields<typeof MAP_BATCH_ATTR>): { answer: number; count: number } {
    if (!open) refuse('EBADF', `BPF_${command}`, `map ${id} is closed`);
    const attr = attrOf(c, MAP_BATCH_ATTR, { map_fd: fd, ...fields });
    const answer = c.bpf(BPF_CMD[command], attr);
    return { answer, count: attr.u32(MAP_BATCH_ATTR.count) };
  }

  function readBatch(command: BpfCommand, from: Uint8Array | undefined, count: number, elemFlags = 0): MapBatch {
    const keys = new Uint8Array(count * keySize);
    const values = new Uint8Array(count * userValueSize);
    const next = new Uint8Array(Math.max(keySize, 4));
    const fields = { in_batch: from, out_batch: next, keys, values, count, elem_flags: BigInt(elemFlags) };
    const { answer, count: n } = batch(command, fields);
    const ended = answer < 0 && bpfError(command, answer).code === 'ENOENT';
    if (answer < 0 && !ended) throw bpfError(`BPF_${command}`, answer);
    const part = (bytes: Uint8Array, size: number) =>
      Array.from({ length: n }, (_, i) => bytes.slice(i * size, (i + 1) * size));
    return { keys: part(keys, keySize), values: part(values, userValueSize), next: ended ? undefined : next };
  }

  function writeBatch(
    command: BpfCommand,
    keys: readonly MapKey[],
    values: readonly Uint8Array[],
    elemFlags = 0,
  ): void {
    const joined = (parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));
    const keyBytes = joined(keys.map((key) => bytesOf(key).slice()));
    const valueBytes = values.length === 0 ? undefined : joined(values);
    const fields = { keys: keyBytes, values: valueBytes, count: keys.length, elem_flags: BigInt(elemFlags) };
    const { answer, count } = batch(command, fields);
    if (answer >= 0) return;
    const error = bpfError(`BPF_${command}`, answer);
    // a batch that is refused before it begins leaves the count as it was
    throw count === keys.length ? error : new BatchError(error, count);
  }

  const map: LinuxMap = {
    fd,
    id,
    name,
    type,
    pointer: fd,
    info: () => ({ ...info, frozen }),
    lookup(key, flags = BPF_ANY) {
      done('MAP_LOOKUP_ELEM', element('MAP_LOOKUP_ELEM', bytesOf(key), true, flags));
      return theValue();
    },
    update(key, value, flags = BPF_ANY) {
      if (value.length !== userValueSize) {
        throw new RangeError(`a value of map ${id} has ${userValueSize} bytes, not ${value.length}`);
      }
      block.setValue(value);
      done('MAP_UPDATE_ELEM', element('MAP_UPDATE_ELEM', bytesOf(key), true, flags));
    },
    delete(key) {
      done('MAP_DELETE_ELEM', element('MAP_DELETE_ELEM', bytesOf(key), false));
    },
    getNextKey(key) {
      done('MAP_GET_NEXT_KEY', element('MAP_GET_NEXT_KEY', key === undefined ? undefined : bytesOf(key), true));
      return theKey();
    },
    *keys() {
      for (let last: Uint8Array | undefined; found('MAP_GET_NEXT_KEY', element('MAP_GET_NEXT_KEY', last, true)); ) {
        last = theKey();
        yield last.slice();
      }
    },
    *entries() {
      for (const key of map.keys()) {
        if (found('MAP_LOOKUP_ELEM', element('MAP_LOOKUP_ELEM', key, true))) yield [key, theValue()];
      }
    },
    lookupAndDelete(key, flags = BPF_ANY) {
      done('MAP_LOOKUP_AND_DELETE_ELEM', element('MAP_LOOKUP_AND_DELETE_ELEM', bytesOf(key), true, flags));
      return theValue();
    },
    lookupBatch: (from, count, { elemFlags } = {}) => readBatch('MAP_LOOKUP_BATCH', from, count, elemFlags),
    lookupAndDeleteBatch: (from, count, { elemFlags } = {}) =>
      readBatch('MAP_LOOKUP_AND_DELETE_BATCH', from, count, elemFlags),
    updateBatch: (keys, values, { elemFlags } = {}) => writeBatch('MAP_UPDATE_BATCH', keys, values, elemFlags),
    deleteBatch: (keys, { elemFlags } = {}) => writeBatch('MAP_DELETE_BATCH', keys, [], elemFlags),
    freeze() {
      done('MAP_FREEZE', element('MAP_FREEZE', undefined, false));
      frozen = true;
    },
    close() {
      if (!open) return;
      open = false;
      c.close(fd);
    },
  };
  return map;
}
