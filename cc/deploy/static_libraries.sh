#!/usr/bin/env bash
# Copies static libraries of the system to a folder.
# Usage: static_libraries.sh FOLDER COMPILER SYSROOT NAME...
#
# A library that has only a shared form (libhwy) becomes an empty one; the program then has to define
# what it uses.
set -euo pipefail

folder="$1" compiler="$2" sysroot="$3"
for name in "${@:4}"; do
  path="$("${compiler}" --sysroot="${sysroot}" -print-file-name="lib${name}.a")"
  if [[ ${path} == */* ]]; then
    cp -L "${path}" "${folder}/"
  else
    printf '!<arch>\n' > "${folder}/lib${name}.a"
  fi
done
