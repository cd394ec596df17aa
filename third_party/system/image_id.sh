#!/bin/sh
# Prints an identity of the system that compiles and runs: equal on machines that may share results.
# Usage: image_id.sh <packages.txt> <python3>
#
# On Debian and Ubuntu it is of the packages that builds use, with their versions; elsewhere of
# what compiler, C library and Python say of themselves.
set -eu

packages="$(sed -n 's|^/[^ ]* \([^ ]*\)$|\1|p' "$1")"
{
  uname -m
  "$2" -VV
  c++ --version
  if command -v dpkg-query >/dev/null; then
    # shellcheck disable=SC2086 # a list of words
    dpkg-query --show binutils libc6 libc6-dev ${packages} 2>/dev/null || true
  else
    ldd --version
    # shellcheck disable=SC2016 # the inner shell expands it
    pkg-config --list-all | cut -d ' ' -f 1 | sort | xargs -n 1 sh -c 'pkg-config --modversion "$0"'
  fi
} | sha256sum | cut -d ' ' -f 1
