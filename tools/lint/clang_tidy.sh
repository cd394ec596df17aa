#!/usr/bin/env bash
# One C++ file: clang_tidy.sh <configuration> <file> <report> <flag>…
# Prints what is found, with paths of the repository; the report is written, and empty, if all is well.
set -uo pipefail

readonly config="$1" file="$2" report="$3"
shift 3

if ! output="$(clang-tidy --quiet "--config-file=${config}" "${file}" -- "$@" 2>&1)"; then
  # Bazel's sandbox has another name for each action. The counts are about headers of others.
  sed -e "s|${PWD}/\(\./\)\?||g" -e '/^[0-9]* warning.* \(generated\|treated as error\)/d' <<<"${output}"
  exit 1
fi
: >"${report}"
