#!/usr/bin/env bash
# One C++ file: clang_tidy.sh <clang-tidy> <configuration> <file> <report> <flag>…
# Prints what is found, with paths of the repository; writes the report, empty, if that is nothing.
set -euo pipefail

readonly program="$1" config="$2" file="$3" report="$4"
shift 4

if ! output="$("${program}" --quiet "--config-file=${config}" "${file}" -- "$@" 2>&1)"; then
  # Bazel's sandbox has another name for each action. The counts are about headers of others.
  sed -e "s|${PWD}/\(\./\)\?||g" -e '/^[0-9]* warning.* \(generated\|treated as error\)/d' \
    <<<"${output}"
  exit 1
fi
: >"${report}"
