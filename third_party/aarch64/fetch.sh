#!/bin/sh
# Unpacks the C++ libraries of PACKAGES_TXT for arm64, what they need, and an emulator into the working
# folder.
# Usage: fetch.sh PACKAGES_TXT
#
# apt downloads them from the machine's own archives and checks their signatures. Its state is a
# folder that is deleted at the end, so that the machine's packages and package lists stay as they are.
set -eu

if ! command -v aarch64-linux-gnu-g++ >/dev/null; then
  echo "aarch64-linux-gnu-g++ is not on this machine: apt-get install g++-aarch64-linux-gnu, or let" \
    "tools/bazel install it" >&2
  exit 1
fi
apt="${PWD}/apt"
mkdir -p "${apt}/lists/partial" "${apt}/archives/partial"
apt_get() {
  apt-get -q -y -o APT::Architecture=arm64 -o APT::Architectures=arm64,amd64 -o Debug::NoLocking=1 \
    -o Dir::State="${apt}" -o Dir::State::status=/dev/null -o Dir::Cache="${apt}" "$@" >&2
}
apt_get update
# shellcheck disable=SC2046 # a list of words
apt_get install --download-only --no-install-recommends libstdc++6 \
  $(sed -n 's|^/usr/include/[^ ]* \([^ ]*\)$|\1|p' "$1")
for package in "${apt}"/archives/*.deb; do
  case "${package##*/}" in
    libc6-dev_* | linux-libc-dev_*) ;; # the cross compiler has its own
    *) dpkg-deb -x "${package}" . && dpkg-deb -f "${package}" Package Version >>packages ;;
  esac
done
[ -d lib ] || ln -s usr/lib lib # Debian 13 and later have only usr/lib
rm "${apt}"/archives/*.deb
# Its name differs between Debian 12 and later releases. Both contain static programs.
for package in qemu-user-static qemu-user; do
  apt_get install --download-only --no-install-recommends "${package}:amd64" && break
done
dpkg-deb --fsys-tarfile "${apt}/archives/${package}"_*.deb |
  tar -x --wildcards './usr/bin/qemu-aarch64*' --transform 's|.*/qemu-aarch64.*|qemu|' \
    --exclude './usr/bin/qemu-aarch64_be*'
rm -r "${apt}"
# An input of actions that stands for the machine's programs.
aarch64-linux-gnu-g++ --version >compiler
aarch64-linux-gnu-ld --version >>compiler
