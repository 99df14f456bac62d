/** What the kernel's tables in /proc say. The tables are of Linux 6.18. */
import { describe, expect, it } from 'vitest';
import { defaultRouteInterfaces } from '../src/default-route.ts';
import { parseDeviceCounters } from '../src/device-counters.ts';

const ROUTE = `Iface	Destination	Gateway 	Flags	RefCnt	Use	Metric	Mask		MTU	Window	IRTT
eth0	00000000	010200C0	0003	0	0	0	00000000	0	0	0
eth1	000200C0	00000000	0001	0	0	0	00FFFFFF	0	0	0
eth2	00000000	00000000	0001	0	0	0	00000080	0	0	0
`;
const zeros = '0'.repeat(32);
const ROUTE6 = `${zeros} 00 ${zeros} 00 fe800000000000000000000000000001 00000400 00000001 00000000 00000003     eth3
fe800000000000000000000000000000 40 ${zeros} 00 ${zeros} 00000100 00000001 00000000 00000001     eth1
${zeros} 00 ${zeros} 00 ${zeros} ffffffff 00000001 00000000 00200200       lo
`;

describe('the interfaces of the default routes', () => {
  it('are those of routes to everywhere', () => {
    expect(defaultRouteInterfaces(ROUTE, ROUTE6)).toEqual(new Set(['eth0', 'eth3']));
  });
  it('are none without routes', () => {
    expect(defaultRouteInterfaces('', '')).toEqual(new Set());
  });
});

it('the counters of all interfaces', () => {
  const text = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:       1        2    3    4    5     6          7         8        9       10   11   12   13    14      15         16
eth0:1: 6400 100    0    0    0     0          0         0        0       0    0    0    0     0       0          0
`;
  const counters = parseDeviceCounters(text);
  expect([...counters.keys()]).toEqual(['lo', 'eth0:1']);
  expect(counters.get('lo')).toMatchObject({ rx_bytes: 1, rx_packets: 2, rx_dropped: 4, multicast: 8, tx_bytes: 9 });
  expect(counters.get('lo')).toMatchObject({ tx_dropped: 12, collisions: 14, tx_compressed: 16 });
  expect(counters.get('eth0:1')).toMatchObject({ rx_packets: 100 });
});
