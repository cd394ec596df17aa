#!/bin/sh
# Runs a program of --config=aarch64 under emulation.
# Usage: emulate.sh PROGRAM [ARGUMENT]...
#
# Other programs, such as tests in Python, run as they are, with the path of this script in
# LENET_EMULATOR.
set -eu

root="$(cd "$(dirname "$0")" && pwd)"
if [ "$(od -An -j 18 -N 2 -t u1 "$1")" = " 183   0" ]; then # an ELF file for aarch64
  exec qemu-aarch64-static -L "${root}" "$@"
fi
export LENET_EMULATOR="${root}/${0##*/}"
exec "$@"
