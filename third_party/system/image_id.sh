#!/bin/sh
# Prints a hash that identifies this system; machines with equal hashes may share build results.
# Usage: image_id.sh PACKAGES_TXT PYTHON
#
# The hash covers the processor type, the compiler, Python, and the versions of the packages in
# PACKAGES_TXT (Debian, Ubuntu) or of the C library and of all pkg-config modules (others).
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
