#!/bin/sh
# Compiles the objects that the tests read; needed only after a change of a source.
# Debian: apt-get install clang clang-19 llvm libbpf-dev linux-libc-dev
set -eu
cd "$(dirname "$0")"
strip=${LLVM_STRIP:-llvm-strip}
flags="-O2 -target bpf -Wall -I/usr/include/$(uname -m)-linux-gnu -ffile-prefix-map=$PWD=."

# without BTF, and with the longer map definition that samples of that time used too
clang $flags -c legacy-maps.bpf.c -o legacy-maps.o
clang $flags -DWITH_INNER -c legacy-maps.bpf.c -o legacy-maps-28.o

# -g writes .BTF and .BTF.ext; the DWARF beside them is of no use here
for compiler in clang clang-19; do
  suffix=${compiler#clang}
  $compiler $flags -g -c btf-maps.bpf.c -o "btf-maps$suffix.o"
  $strip -g "btf-maps$suffix.o"
done
