#!/bin/sh
# Compiles the objects that the tests read; needed only after a change of a source.
# build.sh --check compiles them elsewhere and fails where the code is another than that of the objects here; without
# the compilers that these were made with it says so, and its exit status is 3.
# Debian: apt-get install clang clang-19 llvm libbpf-dev linux-libc-dev
set -eu
cd "$(dirname "$0")"
strip=${LLVM_STRIP:-llvm-strip}
objdump=${LLVM_OBJDUMP:-llvm-objdump}
flags="-O2 -target bpf -Wall -I/usr/include/$(uname -m)-linux-gnu -ffile-prefix-map=$PWD=."

for tool in clang clang-19 "$strip" "$objdump"; do
  command -v "$tool" >/dev/null && continue
  echo "$tool is not here: nothing was compiled and nothing was compared"
  exit 3
done

out=.
if [ "${1-}" = --check ]; then
  for compiler in "clang 14" "clang-19 19"; do
    ${compiler% *} --version | grep -q "clang version ${compiler#* }\." && continue
    echo "${compiler% *} is not of version ${compiler#* }: its code may well be another, nothing was compared"
    exit 3
  done
  out=$(mktemp -d)
  trap 'rm -r "$out"' EXIT
fi

# without BTF, and with the longer map definition that samples of that time used too
clang $flags -c legacy-maps.bpf.c -o "$out/legacy-maps.o"
clang $flags -DWITH_INNER -c legacy-maps.bpf.c -o "$out/legacy-maps-28.o"
for compiler in clang clang-19; do
  suffix=${compiler#clang}
  $compiler $flags -c seed-style.bpf.c -o "$out/seed-style$suffix.o"
  # -g writes .BTF and .BTF.ext; the DWARF beside them is of no use here
  for name in btf-maps modern core; do
    $compiler $flags -g -c "$name.bpf.c" -o "$out/$name$suffix.o"
    "$strip" -g "$out/$name$suffix.o"
  done
done
# the types that core.bpf.c is moved to
clang $flags -g -DTARGET -c core.bpf.c -o "$out/core-target.o"
"$strip" -g "$out/core-target.o"

[ "$out" = . ] && exit 0
different=0
for object in *.o; do
  # instructions, their bytes and what they refer to; the first lines name the file
  for at in . "$out"; do "$objdump" -dr "$at/$object" | tail -n +4 >"$out/code${at##*/}"; done
  if cmp -s "$out/code." "$out/code${out##*/}"; then
    echo "$object: the same code"
  else
    echo "$object: other code than its source gives now"
    different=1
  fi
done
exit $different
