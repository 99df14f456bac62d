/**
 * BPF_MAP_TYPE_XSKMAP without AF_XDP sockets: programs that use one load and run, and every slot stays empty, as in a
 * kernel where nobody has put a socket in. A redirect to an empty slot is the miss verdict of bpf_redirect_map.
 */
import { BPF_MAP, bytesOfU32, type MapType, u32Of } from '@cpumap/bpf';
import type { Allocator, Memory } from '@cpumap/smp';
import { BPF_F_NUMA_NODE, BPF_F_RDONLY, BPF_F_WRONLY, type ErrnoName, KernelError } from '@cpumap/uapi';

const CREATE_FLAGS = BPF_F_NUMA_NODE | BPF_F_RDONLY | BPF_F_WRONLY;

function refuse(code: ErrnoName, command: string, hint: string): never {
  throw new KernelError(code, `bpf(${command})`, { hint });
}

export function xskMapType({ u32 }: Memory, allocator: Allocator): MapType {
  const max = (map: number): number => u32[(map + BPF_MAP.max_entries) >> 2]!;
  return {
    allocCheck({ keySize, valueSize, maxEntries, flags }) {
      if (maxEntries === 0 || keySize !== 4 || valueSize !== 4 || (flags & ~CREATE_FLAGS) !== 0) {
        refuse('EINVAL', 'BPF_MAP_CREATE', 'an xskmap has keys and values of 4 bytes and at least one entry');
      }
    },
    alloc(map) {
      u32[(map + BPF_MAP.element_size) >> 2] = 4;
      u32[(map + BPF_MAP.elements) >> 2] = allocator.alloc(max(map) * 4);
    },
    // mirrors xsk_map_lookup_elem_sys_only
    lookup: () => refuse('EOPNOTSUPP', 'BPF_MAP_LOOKUP_ELEM', 'sockets cannot be read back'),
    update(map, key, value, flags) {
      // mirrors xsk_map_update_elem: flags, bounds, then the socket
      if (flags > 2) refuse('EINVAL', 'BPF_MAP_UPDATE_ELEM', `flags ${flags} are not known here`);
      if (u32Of(key) >= max(map)) refuse('E2BIG', 'BPF_MAP_UPDATE_ELEM', `index ${u32Of(key)} is out of range`);
      refuse('EBADF', 'BPF_MAP_UPDATE_ELEM', `${u32Of(value)} is no AF_XDP socket: the engine has none`);
    },
    delete(map, key) {
      if (u32Of(key) >= max(map)) refuse('EINVAL', 'BPF_MAP_DELETE_ELEM', `index ${u32Of(key)} is out of range`);
    },
    getNextKey(map, keyBytes) {
      const key = keyBytes === undefined ? undefined : u32Of(keyBytes);
      if (key === undefined || key >= max(map)) return bytesOfU32(0);
      if (key === max(map) - 1) refuse('ENOENT', 'BPF_MAP_GET_NEXT_KEY', 'that was the last index');
      return bytesOfU32(key + 1);
    },
    free(map) {
      allocator.free(u32[(map + BPF_MAP.elements) >> 2]!);
    },
  };
}
