#!/usr/bin/env bash
# Checks a recorded capture and prints what is in it. Needs no root.
#
#     ./check.sh [FILE]        (default: everyday.pcapng beside this script)
#
# Exit status 1 when a frame is not valid, an address is not a documentation
# one, or a kind of traffic that the recording makes is not there.
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
FILE=${1:-$HERE/everyday.pcapng}
for tool in tshark capinfos; do
  command -v $tool >/dev/null 2>&1 || { echo "check.sh: $tool is missing" >&2; exit 1; }
done
[[ -r $FILE ]] || { echo "check.sh: cannot read $FILE" >&2; exit 1; }

failed=0
fail() {
  echo "FAILED: $*"
  failed=1
}
shark() { tshark -n -r "$FILE" "$@" 2>/dev/null; }
CHECKSUMS=(-o ip.check_checksum:TRUE -o tcp.check_checksum:TRUE -o udp.check_checksum:TRUE)
count() { shark "${CHECKSUMS[@]}" -Y "$1" -T fields -e frame.number | wc -l; }

frames=$(shark -T fields -e frame.number | wc -l)
echo "frames                         $frames"
echo "bytes in frames                $(shark -T fields -e frame.len | awk '{ n += $1 } END { print n }')"
echo "bytes in the file              $(stat -c %s "$FILE")"

# ---- Validity -------------------------------------------------------------

encapsulation=$(capinfos -TrmE "$FILE" | cut -d, -f2)
[[ $encapsulation == ether ]] || fail "link type $encapsulation"
cut_short=$(count 'frame.cap_len != frame.len')
((cut_short == 0)) || fail "$cut_short frames are cut short"
longest=$(shark -T fields -e frame.len | sort -n | tail -1)
echo "longest frame                  $longest"
((longest <= 1514)) || fail "a frame of $longest bytes"
nanoseconds=$(shark -T fields -e frame.time_epoch | grep -vc '000$' || true)
((nanoseconds > frames / 2)) || fail "time stamps are not in nanoseconds"
malformed=$(count '_ws.malformed')
((malformed == 0)) || fail "$malformed malformed frames"
for protocol in ip tcp udp icmp icmpv6; do
  bad=$(count "$protocol.checksum.status == 0")
  good=$(count "$protocol.checksum.status == 1")
  printf '%-30s %s good, %s bad\n' "$protocol checksums" "$good" "$bad"
  ((bad == 0)) || fail "$bad bad $protocol checksums"
  ((good > 0)) || fail "no $protocol checksum was checked"
done
foreign=$(shark -T fields -E occurrence=a -E aggregator=' ' \
  -e ip.src -e ip.dst -e ipv6.src -e ipv6.dst -e arp.src.proto_ipv4 -e arp.dst.proto_ipv4 |
  tr '[:blank:]' '\n' | sort -u | grep -Ev '^$|^192\.0\.2\.|^198\.51\.100\.|^2001:db8:|^fe80::|^ff02::|^::$' || true)
[[ -z $foreign ]] || fail "addresses outside the documentation ranges: $foreign"
stations=$(shark -T fields -e eth.src | sort -u | paste -sd' ')
[[ $stations == "02:00:00:00:00:0a" ]] || fail "frames from $stations"

# ---- Contents -------------------------------------------------------------

echo
while IFS='|' read -r name filter; do
  n=$(count "$filter")
  printf '%-30s %s\n' "$name" "$n"
  ((n > 0)) || fail "no frames: $name"
done <<'KINDS'
IPv4|ip
IPv6|ipv6
ARP|arp
neighbour discovery|icmpv6.type >= 133 && icmpv6.type <= 136
ICMP echo|icmp.type == 0 || icmp.type == 8
ICMPv6 echo|icmpv6.type == 128 || icmpv6.type == 129
ICMP port unreachable|icmp.type == 3
ICMPv6 port unreachable|icmpv6.type == 1
TCP over IPv4|ip && tcp
TCP over IPv6|ipv6 && tcp
TCP SYN or SYN-ACK|tcp.flags.syn == 1
TCP port 80|tcp.port == 80
TCP port 5001 (bulk)|tcp.port == 5001
TCP port 5201 (iperf3 control)|tcp.port == 5201
UDP over IPv4|ip && udp && !icmp
UDP over IPv6|ipv6 && udp && !icmpv6
UDP to port 9 (discard)|udp.dstport == 9
UDP to port 5201 (iperf3)|udp.dstport == 5201
DNS over UDP|dns && udp && !icmp && !icmpv6
DNS over TCP|dns && tcp
IPv4 fragments|ip.flags.mf == 1 || ip.frag_offset > 0
IPv6 fragments|ipv6.fraghdr
one VLAN tag|vlan && !ieee8021ad
802.1ad tag, then a VLAN tag|ieee8021ad
tagged, IPv4|(vlan || ieee8021ad) && ip
tagged, IPv6|(vlan || ieee8021ad) && ipv6
KINDS

# Flows are counted before reassembly: a fragment after the first has no ports.
echo
shark -o ip.defragment:FALSE -o ipv6.defragment:FALSE -T fields -E occurrence=f \
  -e ip.src -e ip.dst -e ip.proto -e ipv6.src -e ipv6.dst -e ipv6.nxt \
  -e tcp.srcport -e tcp.dstport -e udp.srcport -e udp.dstport -e icmp.type -e icmpv6.type |
  awk -F'\t' '
    { source = $1 $4; target = $2 $5 }
    source == "" { next }
    { pairs[source " " target]++ }
    $11 != "" || $12 != "" { next }
    $7 != "" { tcp[source " " target " " $7 " " $8]++ }
    $9 != "" { udp[source " " target " " $9 " " $10]++ }
    END {
      for (k in pairs) np++
      for (k in tcp) nt++
      for (k in udp) nu++
      printf "%-30s %d\n%-30s %d\n%-30s %d\n", "address pairs", np, "TCP 5-tuples", nt, "UDP 5-tuples", nu
      if (np < 16 || nt < 32 || nu < 32) exit 1
    }' || fail "too few flows"

if ((failed)); then
  exit 1
fi
echo
echo "all checks passed"
