#!/usr/bin/env bash
# Tests and measures the GPU kernels on a real card, without MindSpore. The build appends an archive of
# the program, NVRTC and MNIST, so that this one file runs on any x86-64 Linux with an NVIDIA driver.
# Exit codes: 0 all is right; 3 there is no card; 4 wrong results; others are failures.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
archive=$(grep -anm1 '^__ARCHIVE__$' "$0" | cut -d: -f1)
tail -n "+$((archive + 1))" "$0" | tar -xz -C "$folder"

"$folder/card_test" "$folder/nvrtc" "$folder/mnist"
if command -v compute-sanitizer >/dev/null; then
  for tool in memcheck racecheck synccheck; do
    compute-sanitizer --tool "$tool" --error-exitcode 4 "$folder/card_test" "$folder/nvrtc" --quick
  done
else
  echo "compute-sanitizer is not installed: not run"
fi
exit
__ARCHIVE__
