/**
 * What bpf_probe_read_kernel may read on the engine. The kernel's reads any address of the kernel; a program of the
 * engine gets what it could have a pointer to: its stack, its context and what the context points to, and its maps.
 */
export type Readable = (address: number, size: number) => boolean;
