import * as skb from '@cpumap/skb';
import { createAllocator, createMemory } from '@cpumap/smp';
import { attachTracepoints, createTraceArea, createTraceControl } from '@cpumap/tracepoints';
import { featuresOf, XDP_REDIRECT } from '@cpumap/uapi';
import { attachXdp, createXdp, NO_XDP_XMIT } from '@cpumap/xdp';

// One CPU. A package above would register what redirects through its maps go to, as a RedirectTarget.
const features = featuresOf('6.18');
const memory = createMemory(1 << 20);
const { u32 } = memory;
const allocator = createAllocator(memory);
const clock = { now: () => 0 };
const trace = createTraceArea(allocator, 1, 16);
const tracepoints = attachTracepoints(memory, trace, 0, features, clock);
const frames = skb.attachXdpFrames(memory, features);
const pools = skb.attachFramePools(memory, skb.createFramePools(memory, allocator, 1), 0);
const parts = { memory, cpu: 0, clock, features, frames, tracepoints, pools, seed: 1 };
const redirects = { targets: [], device: NO_XDP_XMIT };
const xdp = attachXdp({ ...parts, ...redirects, onProgramError: console.error }, createXdp(allocator, 1));

// A frame of 60 bytes behind its headroom of 256: the context that a program gets is the address of its xdp_buff.
const ctx = allocator.alloc(skb.XDP_BUFF.sizeof);
const hardStart = allocator.alloc(2048);
const address = Uint8Array.of(2, 0, 0, 0, 0, 1);
const dev = skb.createNetDevice(memory, allocator, { ifindex: 2, address, maxFrame: 1514 });
const data = hardStart + 256;
const fields = { data, data_end: data + 60, data_meta: data, data_hard_start: hardStart, frame_sz: 2048, dev };
for (const name of Object.keys(fields) as (keyof typeof fields)[]) u32[(ctx + skb.XDP_BUFF[name]) >> 2] = fields[name];

// What a program may do with it.
const { xdpAdjustHead, xdpAdjustMeta } = xdp.helpers;
console.log('push 217:', xdpAdjustHead(ctx, -217), ' push 216:', xdpAdjustHead(ctx, -216));
console.log('back:', xdpAdjustHead(ctx, 216), ' 6 bytes of metadata:', xdpAdjustMeta(ctx, -6));

// What becomes of XDP_REDIRECT: the driver asks after each one, and flushes at the end of its poll.
const control = createTraceControl(memory, trace, features);
const events = control.subscribe();
xdp.begin(7);
const verdict = xdp.helpers.redirect(9, 0); // to device 9, which is not there
if (verdict === XDP_REDIRECT) console.log('errno', xdp.doRedirect(ctx));
xdp.flush();
for (const record of events.read().records) console.log(control.format(record));
