import { errnoName, featuresOf, KernelError, layout, XDP_FRAME, XDP_PACKET_HEADROOM } from '@cpumap/uapi';

// What a kernel can do, by its `uname -r`.
for (const release of ['4.15', '5.10.0-28-amd64', '6.18.44']) {
  const { cpumapProgram, cpumapGro } = featuresOf(release);
  console.log(`${release}: second program: ${cpumapProgram}, GRO: ${cpumapGro}`);
}

// The descriptor of a redirected frame takes the top of the headroom; the rest is what a program can push.
console.log(`xdp_frame has ${XDP_FRAME.sizeof} bytes: ${XDP_PACKET_HEADROOM - XDP_FRAME.sizeof} are left to push`);

// A struct of your own, laid out as C does it.
const flow = layout({ protocol: 'u8', port: 'u16', packets: 'u64' });
console.log(`port at ${flow.port}, packets at ${flow.packets}, ${flow.sizeof} bytes`);

// An answer of the kernel, with the part that it does not say.
const error = new KernelError('E2BIG', 'bpf(BPF_MAP_CREATE)', { hint: 'max_entries is 1024, NR_CPUS is 256' });
console.log(error.message);
console.log(error.errno, errnoName(-7));
