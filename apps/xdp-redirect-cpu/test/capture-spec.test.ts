/** The language of --capture: what each key means, and what is said of one that is wrong. */
import { describe, expect, it } from 'vitest';
import { CAPTURE_KEYS, parseCaptureSpec } from '../src/capture/capture-spec.ts';

const BOUNDS = { every: 1, snaplen: 65_535, limit: 100_000, size: 100e6 };

describe('is read', () => {
  it.each([
    ['drop:a.pcapng', { hook: 'drop', file: 'a.pcapng', filterText: '', filter: {}, ...BOUNDS }],
    ['drop:a.pcapng:', { filter: {} }],
    ['xdp-in:/tmp/x y.pcapng:proto=udp', { file: '/tmp/x y.pcapng', filter: { protocol: 17 } }],
    ['remote:a:proto=arp', { filter: { etherType: 0x0806 } }],
    ['remote:a:proto=89', { filter: { protocol: 89 } }],
    ['remote:a:src=10.0.0.0/8', { filter: { src: { bytes: [10, 0, 0, 0], prefix: 8 } } }],
    ['remote:a:dst=192.0.2.1', { filter: { dst: { bytes: [192, 0, 2, 1], prefix: 32 } } }],
    [
      'remote:a:src=2001:db8::/32,dport=53',
      { filter: { src: { bytes: [0x20, 1, 0xd, 0xb8, ...new Array(12).fill(0)], prefix: 32 }, dport: 53 } },
    ],
    ['remote:a:dst=::1', { filter: { dst: { bytes: [...new Array(15).fill(0), 1], prefix: 128 } } }],
    ['deliver:a:sport=0,dport=65535,vlan=100,cpu=3', { filter: { sport: 0, dport: 65_535, vlan: 100, cpu: 3 } }],
    ['redirect:a: to=2 , verdict=REDIRECT', { filter: { to: 2, verdict: 4 } }],
    ['xdp-in:a:verdict=aborted', { filter: { verdict: 0 } }],
    ['drop:a:reason=redirect_einval', { filter: { reason: 'redirect_einval' } }],
    ['enqueue-drop:a:reason=ring_full', { filter: { reason: 'ring_full' } }],
    ['enqueue:a:every=64,snaplen=128,limit=5k,size=2G', { every: 64, snaplen: 128, limit: 5000, size: 2e9 }],
  ])('%s', (text, spec) => {
    expect(parseCaptureSpec(text)).toMatchObject(spec);
  });
});

describe('is refused', () => {
  it.each([
    ['', /write HOOK:FILE/],
    ['drop', /write HOOK:FILE/],
    ['drop:', /write HOOK:FILE/],
    ['xdp_in:a', /no hook 'xdp_in'; there is xdp-in, redirect/],
    ['drop:a:b.pcapng', /no key 'b.pcapng'; there is proto, src/],
    ['drop:a:host=1.2.3.4', /no key 'host'/],
    ['drop:a:proto=udp,', /no key ''/],
    ['drop:a:proto', /proto='': allowed is icmp, tcp, udp/],
    ['drop:a:proto=http', /proto='http': allowed is icmp/],
    ['drop:a:proto=256', /proto='256'/],
    ['drop:a:src=10.0.0', /src='10.0.0': allowed is an IPv4 or IPv6 address/],
    ['drop:a:src=10.0.0.0/33', /src=/],
    ['drop:a:dst=2001:db8/32', /dst=/],
    ['drop:a:dport=65536', /dport='65536': allowed is 0 to 65535/],
    ['drop:a:dport=-1', /dport/],
    ['drop:a:dport=9.5', /dport/],
    ['drop:a:cpu=256', /cpu='256': allowed is 0 to 255/],
    ['drop:a:verdict=maybe', /verdict='maybe': allowed is aborted, drop/],
    ['drop:a:reason=bad', /reason='bad'/],
    ['drop:a:dport=1,dport=2', /dport is given twice/],
    ['deliver:a:verdict=pass', /verdict says nothing at deliver, only at xdp-in, redirect, drop/],
    ['xdp-in:a:reason=ring_full', /reason says nothing at xdp-in/],
    ['remote:a:to=1', /to says nothing at remote/],
    ['drop:a:every=0', /every='0': allowed is 1 or more/],
    ['drop:a:snaplen=65536', /snaplen/],
    ['drop:a:size=1', /size='1': allowed is 1000 or more/],
  ])('%s', (text, message) => {
    expect(() => parseCaptureSpec(text)).toThrow(message);
  });
});

it('every key says what it allows and means', () => {
  for (const { allowed, meaning } of CAPTURE_KEYS)
    expect([allowed.length > 0, meaning.length > 0]).toEqual([true, true]);
});
