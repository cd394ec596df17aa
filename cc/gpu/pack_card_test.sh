#!/usr/bin/env bash
# Appends an archive to card_test.sh: the program, its shared libraries but glibc's, NVRTC and MNIST.
# usage: pack_card_test.sh OUTPUT SCRIPT PROGRAM FILE...
set -euo pipefail

output=$1 script=$2 program=$3
shift 3
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir -p "$folder"/{lib,nvrtc,mnist/train,mnist/test}
cp -L "$program" "$folder/card_test"
ldd "$program" | awk '$3 ~ /^\// && $1 !~ /^lib(c|m|dl|rt|pthread)\.so/ { print $3 }' |
  xargs -I{} cp -L {} "$folder/lib"
for file; do
  case $file in
    *libnvrtc*) cp -L "$file" "$folder/nvrtc" ;;
    *train-*) cp -L "$file" "$folder/mnist/train" ;;
    *t10k-*) cp -L "$file" "$folder/mnist/test" ;;
  esac
done
{
  cat "$script"
  tar -cz -C "$folder" .
} >"$output"
