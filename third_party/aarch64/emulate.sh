#!/bin/sh
# Runs a program of --config=aarch64 under emulation.
# Usage: emulate.sh PROGRAM [ARGUMENT]...
#
# Other programs, such as tests in Python, run as they are. LENET_EMULATOR is set to the path of this
# script, for tests that start programs.
set -eu

root="$(dirname "$0")"
for runfiles in "$0".runfiles/*aarch64; do # under `bazel run`
  [ ! -e "${runfiles}/qemu" ] || root="${runfiles}"
done
root="$(cd "${root}" && pwd)"
export LENET_EMULATOR="${root}/${0##*/}"
if [ "$(od -An -j 18 -N 2 -t u1 "$1")" = " 183   0" ]; then # an ELF file for aarch64
  exec "${root}/qemu" -L "${root}" "$@"
fi
exec "$@"
