import * as skb from '@cpumap/skb';
import { createAllocator, createMemory } from '@cpumap/smp';
import { ETH_P, featuresOf, NET_RX_SUCCESS, XDP_PACKET_HEADROOM } from '@cpumap/uapi';

const memory = createMemory(1 << 20);
const { u8, u32 } = memory;
const allocator = createAllocator(memory);
const features = featuresOf('6.18');
const poolsAt = skb.createFramePools(memory, allocator, 2);
const pool = skb.createFramePool(memory, allocator, poolsAt, { count: 64, maxFrame: 1514, cpu: 0 });
const address = Uint8Array.of(2, 0, 0, 0, 0, 1);
const dev = skb.createNetDevice(memory, allocator, { ifindex: 2, address, maxFrame: 1514 });
const frames = skb.attachXdpFrames(memory, features);

// CPU 0 receives: a buffer from the pool, the frame behind the headroom, the xdp_buff that a program would see.
const list = allocator.alloc(64);
const buff = allocator.alloc(skb.XDP_BUFF.sizeof);
const cpu0 = skb.attachFramePools(memory, poolsAt, 0);
cpu0.allocBulk(pool, list, 1);
const hardStart = u32[list >> 2]!;
const data = hardStart + XDP_PACKET_HEADROOM;
u8.set([...address, 2, 0, 0, 0, 0, 9, 0x08, 0x00, ...new Uint8Array(46)], data);
const fields = {
  data,
  data_end: data + 60,
  data_meta: data,
  data_hard_start: hardStart,
  frame_sz: skb.frameSize(1514),
};
for (const name of Object.keys(fields) as (keyof typeof fields)[]) u32[(buff + skb.XDP_BUFF[name]) >> 2] = fields[name];

// CPU 0 redirects: the descriptor goes into the headroom, and its address travels.
const frame = frames.fromBuff(buff);
if (frame === 0) throw new Error('EOVERFLOW: no room for the descriptor');
frames.setDevRx(frame, dev);

// CPU 1 takes over: builds the sk_buff and hands it to the packet handlers.
const cpu1 = skb.attachFramePools(memory, poolsAt, 1);
const skbs = skb.attachSkBuffs(memory, frames, features);
const counters = allocator.alloc(skb.STACK_COUNTERS.sizeof);
const netif = skb.attachNetifReceive({ memory, skbs, pools: cpu1, counters, onError: console.error });
const receive = (packet: number): number => {
  const { len, truesize, skb_iif } = skb.readSkBuff(memory, packet);
  console.log(`${len} bytes of IPv4 from interface ${skb_iif}, truesize ${truesize}`);
  return NET_RX_SUCCESS;
};
netif.add({ id: 1, protocol: ETH_P.IP, handler: { receive } });
netif.receive(skbs.fromFrame(frame));
console.log(`${skb.framePoolFree(memory, pool)} of 64 buffers are in the pool`);
cpu1.flush(); // at the end of a poll: what this CPU freed goes home
console.log(`${skb.framePoolFree(memory, pool)} of 64 buffers are in the pool`);
