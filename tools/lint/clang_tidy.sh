#!/usr/bin/env bash
# Checks one C++ file: clang_tidy.sh <clang-tidy> <configuration> <file> <report> <flag>…
# Prints findings with paths of the repository, or writes an empty report.
set -euo pipefail

readonly program="$1" config="$2" file="$3" report="$4"
shift 4

if ! output="$("${program}" --quiet "--config-file=${config}" "${file}" -- "$@" 2>&1)"; then
  # Removes the sandbox's path and the counts of warnings in other headers.
  sed -e "s|${PWD}/\(\./\)\?||g" -e '/^[0-9]* warning.* \(generated\|treated as error\)/d' \
    <<<"${output}"
  exit 1
fi
: >"${report}"
