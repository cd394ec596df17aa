#!/usr/bin/env bash
# Copies static libraries of the system to a folder.
# Usage: static_libraries.sh FOLDER COMPILER SYSROOT "OMITTED..." NAME...
#
# OMITTED libraries become empty ones, and so do those that have only a shared form (libhwy); the
# binary then defines what it uses, or the program that opens it does.
set -euo pipefail

folder="$1" compiler="$2" sysroot="$3" omitted="$4"
for name in "${@:5}"; do
  path="$("${compiler}" --sysroot="${sysroot}" -print-file-name="lib${name}.a")"
  if [[ ${path} == */* && " ${omitted} " != *" ${name} "* ]]; then
    cp -L "${path}" "${folder}/"
  else
    printf '!<arch>\n' > "${folder}/lib${name}.a"
  fi
done
