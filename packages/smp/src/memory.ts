/**
 * The one memory of a host: a shared WebAssembly.Memory and one view of each width.
 *
 * Created once, by the host; every CPU attaches to the same object. A pointer is a byte offset, 0 is NULL, so the first
 * page is never handed out. The size is fixed at creation: the operating system commits a page when it is first
 * touched, so a large memory costs address space, not RAM.
 */
import { KernelError } from '@cpumap/uapi';

const WASM_PAGE = 65536;
/** Addresses stay below 2^31, so that they are small integers everywhere and a ring's slot is never negative. */
const MAX_BYTES = 2 * 1024 ** 3;

export interface Memory {
  readonly wasm: WebAssembly.Memory;
  readonly bytes: number;
  readonly u8: Uint8Array<SharedArrayBuffer>;
  readonly u16: Uint16Array<SharedArrayBuffer>;
  readonly u32: Uint32Array<SharedArrayBuffer>;
  readonly i32: Int32Array<SharedArrayBuffer>;
  readonly f64: Float64Array<SharedArrayBuffer>;
}

/** @throws KernelError ENOMEM when the size is beyond 2 GiB or the system cannot reserve it. */
export function createMemory(bytes: number): Memory {
  const pages = Math.ceil(bytes / WASM_PAGE);
  if (!(bytes > 0) || pages * WASM_PAGE > MAX_BYTES) {
    throw new KernelError('ENOMEM', 'createMemory', {
      hint: `${bytes} bytes asked, between 1 and ${MAX_BYTES} are possible: use fewer CPUs, frames or shorter rings`,
    });
  }
  try {
    return attachMemory(new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true }));
  } catch (cause) {
    throw new KernelError('ENOMEM', 'createMemory', {
      hint: `the system does not give ${pages * WASM_PAGE} bytes of shared memory`,
      cause,
    });
  }
}

/** The views of a memory that was created elsewhere, in another thread for instance. */
export function attachMemory(wasm: WebAssembly.Memory): Memory {
  const buffer = wasm.buffer as unknown as SharedArrayBuffer;
  return {
    wasm,
    bytes: buffer.byteLength,
    u8: new Uint8Array(buffer),
    u16: new Uint16Array(buffer),
    u32: new Uint32Array(buffer),
    i32: new Int32Array(buffer),
    f64: new Float64Array(buffer),
  };
}
