#!/bin/sh
# Runs a program of --config=aarch64 under emulation.
# Usage: emulate.sh PROGRAM [ARGUMENT]...
#
# Programs for the machine itself, such as tests in Python, start with LENET_EMULATOR set to the
# command that runs programs for aarch64.
set -eu

emulator="qemu-aarch64-static -L $(cd "$(dirname "$0")" && pwd)"
if [ "$(od -An -j 18 -N 2 -t u1 "$1")" != " 183   0" ]; then # not an ELF file for aarch64
  LENET_EMULATOR="${emulator}" exec "$@"
fi
exec ${emulator} "$@"
