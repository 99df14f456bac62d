#!/usr/bin/env bash
# Records everyday.pcapng: real programs talking across a veth pair between two
# network namespaces, captured as one of the two ends receives it.
#
#     sudo ./record.sh [OUTPUT]        (default: everyday.pcapng beside this script)
#
# The namespaces are made here and removed on every exit; no packet leaves them.
set -Eeuo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
OUTPUT=${1:-$HERE/everyday.pcapng}
MAX_BYTES=$((600 * 1000))

A=cpumap-rec-a          # sends most of the traffic
B=cpumap-rec-b          # receives it: the capture is taken here, inbound
DEV=wire0               # the veth, the same name at both ends
MAC_A=02:00:00:00:00:0a # locally administered
MAC_B=02:00:00:00:00:0b
B4=192.0.2.2
B6=2001:db8:0:1::2

die() {
  echo "record.sh: $*" >&2
  exit 1
}

[[ $EUID -eq 0 ]] || die "needs root (network namespaces, raw sockets)"
missing=()
need() { command -v "$1" >/dev/null 2>&1 || missing+=("$1 (Debian: $2)"); }
need ip iproute2
need ss iproute2
need ethtool ethtool
need tcpdump tcpdump
need editcap wireshark-common
need capinfos wireshark-common
need tshark tshark
need python3 python3
need curl curl
need ping iputils-ping
need dig dnsutils
need dnsmasq dnsmasq-base
need nc netcat-openbsd
need iperf3 iperf3
if ((${#missing[@]})); then
  printf 'record.sh: missing: %s\n' "${missing[@]}" >&2
  die "install the tools above first"
fi
[[ -c /dev/net/tun ]] || die "no /dev/net/tun: the VLAN ports are TAP devices"
for ns in $A $B; do
  [[ ! -e /run/netns/$ns ]] ||
    die "namespace $ns exists: another run, or a killed one (then: ip netns del $ns)"
done

WORK=$(mktemp -d)
PIDS=()
MADE=()
cleanup() {
  local status=$?
  trap - EXIT INT TERM HUP ERR
  set +e
  if ((${#PIDS[@]})); then
    kill "${PIDS[@]}" 2>/dev/null
    wait "${PIDS[@]}" 2>/dev/null
  fi
  for ns in "${MADE[@]}"; do ip netns del "$ns"; done
  if ((status && status < 128)) && [[ -s $WORK/log ]]; then
    echo "record.sh: last output of the programs:" >&2
    tail -n 20 "$WORK/log" >&2
  fi
  rm -rf "$WORK"
  exit "$status"
}
trap cleanup EXIT
trap 'echo "record.sh: line $LINENO failed: $BASH_COMMAND" >&2' ERR
trap 'exit 130' INT
trap 'exit 143' TERM HUP

in_a() { ip netns exec $A "$@"; }
in_b() { ip netns exec $B "$@"; }
# Runs a server in the background: serve NAMESPACE COMMAND...
serve() {
  ip netns exec "$@" >/dev/null 2>>"$WORK/log" </dev/null &
  PIDS+=($!)
}
# Waits up to 10 s for a command to succeed: await WHAT COMMAND...
await() {
  local what=$1 i
  shift
  for ((i = 0; i < 200; i++)); do
    if "$@" >/dev/null 2>&1; then return; fi
    sleep 0.05
  done
  die "gave up waiting for $what"
}
# Duplicate address detection of the link-local addresses is over.
settled() { # NAMESPACE
  [[ -n $(ip -n "$1" -6 addr show scope link -tentative) ]] &&
    [[ -z $(ip -n "$1" -6 addr show tentative) ]]
}
listening() { # NAMESPACE -t|-u PORT
  [[ -n $(ip netns exec "$1" ss -Hln "$2" "sport = :$3") ]]
}
# A traffic program that must succeed: its output goes to the log.
run() { "$@" >>"$WORK/log" 2>&1 || die "failed: $*"; }

# ---- The two ends ---------------------------------------------------------

for ns in $A $B; do
  ip netns add "$ns"
  MADE+=("$ns")
  ip -n "$ns" link set lo up
done
ip link add $DEV netns $A mtu 1500 address $MAC_A type veth \
  peer name $DEV netns $B mtu 1500 address $MAC_B

# What is captured must be what a real wire carries: each segment and fragment
# in its own frame, each checksum filled in, each VLAN tag in the frame.
for ns in $A $B; do
  for feature in rx tx sg tso gso gro lro rxvlan txvlan; do
    ip netns exec "$ns" ethtool -K $DEV $feature off >>"$WORK/log" 2>&1 || true
  done
  for feature in tx-checksumming tcp-segmentation-offload \
    generic-segmentation-offload generic-receive-offload \
    rx-vlan-offload tx-vlan-offload; do
    ip netns exec "$ns" ethtool -k $DEV | grep "^$feature: off" >/dev/null ||
      die "$feature cannot be turned off on $DEV in $ns"
  done
  # Link-local addresses come from the MAC; addresses are announced over ARP;
  # TCP does not depend on the defaults of the machine.
  ip netns exec "$ns" sh -c "
    echo reno > /proc/sys/net/ipv4/tcp_congestion_control
    echo 0 > /proc/sys/net/ipv6/conf/$DEV/addr_gen_mode
    echo 1 > /proc/sys/net/ipv6/conf/$DEV/accept_dad
    echo 1 > /proc/sys/net/ipv4/conf/$DEV/arp_notify"
done

# Eight addresses of each family at end A, so that a hash over the address
# pair has something to spread.
for i in 11 12 13 14 15 16 17 18; do
  ip -n $A addr add 192.0.2.$i/24 dev $DEV
  ip -n $A addr add 2001:db8:0:1::$i/64 dev $DEV nodad
done
ip -n $B addr add $B4/24 dev $DEV
ip -n $B addr add $B6/64 dev $DEV nodad
ip -n $B link set $DEV up

# ---- The capture ----------------------------------------------------------

ip netns exec $B tcpdump -Z root -i $DEV -Q in -n -s 0 -B 8192 -U --immediate-mode \
  --time-stamp-precision=nano -w "$WORK/capture.pcap" 2>"$WORK/tcpdump" &
TCPDUMP=$!
PIDS+=("$TCPDUMP")
await "tcpdump" grep -q 'listening on' "$WORK/tcpdump"

ip -n $A link set $DEV up
await "the link" in_a ping -c 1 -W 1 -I 192.0.2.11 $B4

# ---- VLAN 100, and VLAN 30 inside service VLAN 200 --------------------------

vlan_port() { # NAME IPV4-PREFIX IPV6-PREFIX MTU TAG...
  local name=$1 prefix4=$2 prefix6=$3 mtu=$4 ns end
  shift 4
  for ns in $A $B; do
    serve "$ns" python3 "$HERE/vlan-port.py" $DEV "$name" "$@"
    await "$name in $ns" ip -n "$ns" link show "$name"
    end=1
    [[ $ns == "$A" ]] || end=2
    ip netns exec "$ns" sh -c "echo 0 > /proc/sys/net/ipv6/conf/$name/addr_gen_mode"
    ip -n "$ns" link set "$name" mtu "$mtu"
    # /25: the two VLANs share 198.51.100.0/24.
    ip -n "$ns" addr add "${prefix4%.*}.$((${prefix4##*.} + end))/25" dev "$name"
    ip -n "$ns" addr add "${prefix6}$end/64" dev "$name" nodad
    ip -n "$ns" link set "$name" up
  done
}
# The MTU leaves room for the tags, so that no frame exceeds 1514 bytes.
vlan_port vlan100 198.51.100.0 2001:db8:0:2:: 1496 8100:100:3
vlan_port qinq30 198.51.100.128 2001:db8:0:3:: 1492 88a8:200:5 8100:30:0

await "the addresses at end A" settled $A
await "the addresses at end B" settled $B

# ---- Servers --------------------------------------------------------------

# Files to fetch: text, because text compresses well in the repository.
mkdir "$WORK/www"
for size in 200 2000 9000 24000; do
  text=$(seq -f 'line %06g of a file fetched over HTTP' 1 $((size / 38 + 1)))
  printf '%s' "${text:0:size}" >"$WORK/www/file-$size.txt"
done
for ns in $A $B; do
  serve "$ns" python3 -m http.server --bind :: --directory "$WORK/www" 80
  listen=("--listen-address=$B4" "--listen-address=$B6")
  [[ $ns == "$B" ]] || listen=(--listen-address=192.0.2.11 --listen-address=2001:db8:0:1::11)
  serve "$ns" dnsmasq --keep-in-foreground --conf-file=/dev/null --user=root --group= \
    --no-hosts --no-resolv --no-poll --pid-file= --bind-interfaces "${listen[@]}" \
    --local-ttl=300 --local=/example.com/ \
    --host-record=www.example.com,198.51.100.10,2001:db8:0:10::10 \
    --host-record=mail.example.com,198.51.100.25,2001:db8:0:10::25 \
    --mx-host=example.com,mail.example.com,10 \
    --cname=ftp.example.com,www.example.com \
    --srv-host=_http._tcp.example.com,www.example.com,80 \
    --txt-record="big.example.com,$(seq -s ' ' 1 80),$(seq -s ' ' 101 160),$(seq -s ' ' 201 260)"
done
# The discard service, and one for datagrams that have no protocol of their own.
for port in 9 5005; do
  serve $B nc -4 -k -u -l $B4 $port
  serve $B nc -6 -k -u -l $B6 $port
done
# A sink for bulk TCP, and iperf3 for UDP streams.
serve $B nc -4 -k -l $B4 5001
serve $B nc -6 -k -l $B6 5001
serve $B iperf3 -s
for ns in $A $B; do
  await "HTTP in $ns" listening "$ns" -t 80
  await "DNS in $ns" listening "$ns" -u 53
done
await "the discard service" listening $B -u 9
await "the datagram service" listening $B -u 5005
await "the bulk sink" listening $B -t 5001
await "iperf3" listening $B -t 5201

# ---- Traffic --------------------------------------------------------------

get() { # NAMESPACE CURL-ARGUMENTS...
  run ip netns exec "$1" curl -sS --fail --noproxy '*' --max-time 10 -o /dev/null "${@:2}"
}
datagram() { # SOURCE SOURCE-PORT DESTINATION PORT, payload on standard input
  in_a nc -u -q 0 -s "$1" -p "$2" "$3" "$4" >>"$WORK/log" 2>&1 || die "failed: nc $*"
}
ask() { # NAMESPACE DIG-ARGUMENTS...
  run ip netns exec "$1" dig +tries=2 +time=2 "${@:2}"
}

echo "ping"
jobs=()
for i in 11 12 13 14; do
  run in_a ping -c 4 -i 0.05 -I 192.0.2.$i $B4 & jobs+=($!)
  run in_a ping -c 4 -i 0.05 -I 2001:db8:0:1::$i $B6 & jobs+=($!)
done
run in_b ping -c 4 -i 0.05 192.0.2.15 & jobs+=($!)
run in_b ping -c 4 -i 0.05 2001:db8:0:1::15 & jobs+=($!)
run in_a ping -c 2 -i 0.05 -I $DEV fe80::ff:fe00:b & jobs+=($!)
for job in "${jobs[@]}"; do wait "$job"; done

echo "HTTP"
# End B fetches: it receives the files.
get $B http://192.0.2.11/file-24000.txt
get $B -g "http://[2001:db8:0:1::11]/file-24000.txt"
for i in 12 13 14; do
  get $B http://192.0.2.$i/file-2000.txt
  get $B http://192.0.2.$i/file-9000.txt
  get $B -g "http://[2001:db8:0:1::$i]/file-2000.txt"
done
# End A fetches, from each of its addresses: B receives requests and ACKs.
for i in 11 12 13 14 15 16 17 18; do
  get $A --interface 192.0.2.$i http://$B4/file-9000.txt
  get $A --interface 2001:db8:0:1::$i -g "http://[$B6]/file-2000.txt"
done
# Four connections at the same time.
get $A --parallel "http://$B4/file-{200,2000,9000,24000}.txt"

echo "DNS"
for i in 11 13 15 17; do
  ask $A -b 192.0.2.$i @$B4 www.example.com A
  ask $A -b 2001:db8:0:1::$i @$B6 www.example.com AAAA
done
ask $A @$B4 example.com MX
ask $A @$B4 ftp.example.com A
ask $A @$B6 _http._tcp.example.com SRV
ask $A @$B4 -x 198.51.100.10
ask $A @$B4 nosuch.example.com A
ask $A +tcp @$B4 www.example.com A
ask $B @192.0.2.11 www.example.com A
ask $B @2001:db8:0:1::11 www.example.com AAAA
ask $B @192.0.2.11 example.com MX
ask $B +tcp @192.0.2.11 mail.example.com A
# The answer does not fit: truncated over UDP, then asked again over TCP.
ask $B +noedns @2001:db8:0:1::11 big.example.com TXT
# Nobody listens there: end B receives an ICMP port unreachable.
in_b dig +tries=1 +time=1 @192.0.2.18 www.example.com >>"$WORK/log" 2>&1 || true
in_b dig +tries=1 +time=1 @2001:db8:0:1::18 www.example.com >>"$WORK/log" 2>&1 || true

echo "UDP"
for i in 11 12 13 14 15 16 17 18; do
  for n in 1 2 3; do
    seq -s ' ' 1 $((n * 20)) | datagram 192.0.2.$i $((40000 + i)) $B4 9
    seq -s ' ' 1 $((n * 30)) | datagram 2001:db8:0:1::$i $((41000 + i)) $B6 9
    seq -s ' ' 1 $((n * 60)) | datagram 192.0.2.$i $((42000 + i * 7)) $B4 5005
    seq -s ' ' 1 $((n * 10)) | datagram 2001:db8:0:1::$i $((43000 + i * 7)) $B6 5005
  done
done
run in_a iperf3 -c $B4 -u -b 20M -k 80 -l 400 -P 4 -B 192.0.2.16 --repeating-payload

echo "fragments"
run in_a ping -c 3 -i 0.05 -s 4000 -I 192.0.2.11 $B4
run in_a ping -c 3 -i 0.05 -s 4000 -I 2001:db8:0:1::11 $B6
text=$(seq -s ' ' 1 2000)
for i in 12 14; do
  printf '%s' "${text:0:4000}" | datagram 192.0.2.$i $((44000 + i)) $B4 5005
  printf '%s' "${text:0:4000}" | datagram 2001:db8:0:1::$i $((45000 + i)) $B6 5005
done

echo "VLAN"
for net in "198.51.100.1 198.51.100.2 2001:db8:0:2::1 2001:db8:0:2::2" \
  "198.51.100.129 198.51.100.130 2001:db8:0:3::1 2001:db8:0:3::2"; do
  read -r a4 b4 a6 b6 <<<"$net"
  run in_a ping -c 4 -i 0.05 "$b4"
  run in_a ping -c 4 -i 0.05 "$b6"
  get $B "http://$a4/file-9000.txt"
  get $B -g "http://[$a6]/file-9000.txt"
  get $A "http://$b4/file-2000.txt"
  get $A -g "http://[$b6]/file-2000.txt"
  run in_a ping -c 1 -s 4000 "$b4"
done

echo "bulk TCP"
text=$(seq -f 'line %06g of a stream of text' 1 5000)
send() { # SOURCE DESTINATION BYTES
  printf '%s' "${text:0:$3}" | in_a nc -N -w 10 -s "$1" "$2" 5001 >>"$WORK/log" 2>&1 ||
    die "failed: nc $2 5001"
}
send 192.0.2.17 $B4 120000
send 2001:db8:0:1::17 $B6 60000

# ---- The file -------------------------------------------------------------

# The last frame is a known one: once it is in the file, all of them are.
echo "end of the recording" | datagram 192.0.2.11 40011 $B4 9
await "the last frame" grep -aqF "end of the recording" "$WORK/capture.pcap"
kill -INT "$TCPDUMP"
wait "$TCPDUMP" || die "tcpdump failed: $(cat "$WORK/tcpdump")"
PIDS=("${PIDS[@]:1}") # tcpdump was the first
grep -q '^0 packets dropped by kernel' "$WORK/tcpdump" ||
  die "the kernel dropped packets: $(cat "$WORK/tcpdump")"

editcap -F pcapng "$WORK/capture.pcap" "$WORK/capture.pcapng"
bytes=$(stat -c %s "$WORK/capture.pcapng")
((bytes <= MAX_BYTES)) || die "the capture has $bytes bytes, more than $MAX_BYTES"
for word in "$(uname -n)" "$(uname -r)" "$WORK" "$HERE" "$HOME/"; do
  if ((${#word} > 3)) && [[ $word != localhost ]] &&
    grep -aqF -- "$word" "$WORK/capture.pcapng"; then
    die "the capture names this machine: $word"
  fi
done
"$HERE/check.sh" "$WORK/capture.pcapng" >"$WORK/check" ||
  { cat "$WORK/check" >&2; die "the capture fails check.sh"; }
cp "$WORK/capture.pcapng" "$OUTPUT.part"
mv "$OUTPUT.part" "$OUTPUT"
cat "$WORK/check"
