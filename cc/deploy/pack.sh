#!/usr/bin/env bash
# Writes lenet-infer310-<version>-<cpu>.tar.gz to a folder.
# Usage: pack.sh FOLDER VERSION_FILE CPU FILE...
#
# A FILE.tar is unpacked. Adds the licences of the system libraries that infer310 contains. The same files give the same bytes.
set -euo pipefail

folder="$1" version="$(sed -n 's/^__version__ = "\(.*\)"/\1/p' "$2")"
name="lenet-infer310-${version}-$3"
mkdir "${folder}/${name}"
for file in "${@:4}"; do
  case "${file}" in
    *.tar) tar -xf "${file}" -C "${folder}/${name}" ;;
    *) cp -L "${file}" "${folder}/${name}/" ;;
  esac
done
mkdir "${folder}/${name}/lib" "${folder}/${name}/licenses"
headers=(absl/flags/flag.h google/protobuf/message.h hwy/highway.h jpeglib.h nlohmann/json.hpp
  png.h sha2.h yaml-cpp/yaml.h zlib.h)
packages="gcc-$(gcc -dumpversion)-base $(dpkg -S "${headers[@]/#//usr/include/}" | sed 's/[:,].*//')"
for package in ${packages}; do
  cp -L "/usr/share/doc/${package}/copyright" "${folder}/${name}/licenses/${package}"
done
chmod -R u=rwX,go=rX "${folder}/${name}"
find "${folder}/${name}" -type f ! -name 'infer310' ! -name '*.sh' -exec chmod a-x {} +
tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -C "${folder}" -c "${name}" |
  gzip -9n > "${folder}/${name}.tar.gz"
rm -r "${folder:?}/${name}"
