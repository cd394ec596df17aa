#!/usr/bin/env bash
# Tests tools/bazel with a fake Bazel that prints its arguments.
set -euo pipefail
source tools/testing.sh

readonly root="${TEST_TMPDIR}/a folder"
mkdir -p "${root}/tools" "${root}/third_party/system" "${root}/bin"
cp tools/bazel "${root}/tools/bazel"
cp third_party/system/packages.txt "${root}/third_party/system/"

# fake_bazel NAME VERSION: makes a program that prints its version or its arguments.
fake_bazel() {
  # shellcheck disable=SC2016 # the fake expands the variables
  printf '#!/bin/sh\n[ "$1" = --version ] && echo "bazel %s" || echo "ran: $*"\n' "$2" >"${root}/bin/$1"
  chmod +x "${root}/bin/$1"
}
readonly tool="${root}/tools/bazel" rc="${root}/.bazelrc.generated"

fake_bazel stock7 7.7.1
expect_exit 0 env BAZEL_REAL="${root}/bin/stock7" "${tool}" build //x "a b"
expect_text "ran: build //x a b"
expect_file "${rc}" "common:workspace --noenable_bzlmod --enable_workspace"
expect_exit 1 grep -q override_repository "${rc}"

mkdir "${root}/configs"
echo '    lr: {type: float}' >"${root}/configs/options.yaml"
expect_exit 0 env BAZEL_REAL="${root}/bin/stock7" "${tool}" run //x --lr=1
expect_text "WARNING: --lr is a flag of the program; put -- before it: run //a:program -- --lr=..."
expect_exit 0 env BAZEL_REAL="${root}/bin/stock7" "${tool}" run //x --jobs=1 -- --lr=1
[[ ${output} == "ran: run //x --jobs=1 -- --lr=1" ]] || { echo "FAILED: ${output}"; exit 1; }

fake_bazel stock8 8.4.0
expect_exit 0 env BAZEL_REAL="${root}/bin/stock8" "${tool}" info
expect_exit 1 grep -q workspace "${rc}"

fake_bazel stock3 3.7.2
expect_exit 2 env BAZEL_REAL="${root}/bin/stock3" "${tool}" info
expect_text "Bazel 3.7.2 is too old: use 4.2 or later"

# A second call does not rewrite the file.
touch -d '2001-01-01' "${rc}"
expect_exit 0 env BAZEL_REAL="${root}/bin/stock8" "${tool}" info
[[ $(stat -c %Y "${rc}") -eq $(date -d 2001-01-01 +%s) ]] || { echo "FAILED: rewritten"; exit 1; }

# Endpoints come from variables. Only the owner can read the file, which may hold a password.
readonly endpoints=(LENET_REMOTE_EXECUTOR=grpc://far:1 LENET_REMOTE_CACHE=http://near/2
  LENET_REMOTE_INSTANCE=main "LENET_REMOTE_HEADER=authorization=Bearer secret")
expect_exit 0 env "${endpoints[@]}" BAZEL_REAL="${root}/bin/stock8" "${tool}" test //x
expect_file "${rc}" "build:remote --remote_executor=grpc://far:1"
expect_file "${rc}" "build:remote --remote_instance_name=main"
expect_file "${rc}" "build:remote-cache --remote_cache=http://near/2"
expect_file "${rc}" "build:remote-cache --remote_header='authorization=Bearer secret'"
expect_exit 0 find "${rc}" -perm 600
expect_text "${rc}"

# A configuration without its variable is an error that names the variable.
for config in remote-cache remote; do
  expect_exit 2 env BAZEL_REAL="${root}/bin/stock8" "${tool}" build "--config=${config}" //x
  expect_text "--config=${config} needs LENET_REMOTE_"
done

# A missing executor ends the build with Bazel's exit code; a missing cache is a warning.
expect_exit 34 env LENET_REMOTE_EXECUTOR=grpc://127.0.0.1:1 BAZEL_REAL="${root}/bin/stock8" \
  "${tool}" build --config=remote //x
expect_text "remote executor grpc://127.0.0.1:1 does not answer"
expect_exit 0 env LENET_REMOTE_CACHE=http://user:secret@127.0.0.1:1/x \
  BAZEL_REAL="${root}/bin/stock8" "${tool}" build --config=remote-cache //x
expect_text "WARNING: the remote cache does not answer; building without it"
expect_exit 1 grep -q remote_cache "${rc}"
[[ ${output} != *secret* ]] || { echo "FAILED: shows a password"; exit 1; }

# Endpoints that are no TCP addresses are left to Bazel.
expect_exit 0 env LENET_REMOTE_EXECUTOR=unix:/run/x BAZEL_REAL="${root}/bin/stock8" \
  "${tool}" build --config=remote //x
expect_file "${rc}" "build:remote --remote_executor=unix:/run/x"

# Paths in the options are quoted.
if [[ -d /usr/share/bazel ]]; then
  fake_bazel stock4 4.2.3
  expect_exit 0 env BAZEL_REAL="/usr/bin/../..${root}/bin/stock4" "${tool}" info
  expect_file "${rc}" "build --override_repository=rules_cc=${root//\ /\\ }/third_party"
fi

# Called through a link, it finds its checkout.
ln -s "${tool}" "${TEST_TMPDIR}/link"
expect_exit 0 env BAZEL_REAL="${root}/bin/stock8" "${TEST_TMPDIR}/link" info
expect_file "${rc}" "stock8"

# It replaces a file that another user has left.
readonly real=(env "HOME=${TEST_TMPDIR}" "XDG_CACHE_HOME=${TEST_TMPDIR}/cache"
  "BAZEL_REAL=${root}/bin/stock8" "${tool}")
readonly cache="${TEST_TMPDIR}/cache/lenet_mindspore"
chmod 000 "${rc}"
chmod a-w "${root}"
as_user=()
[[ ! -w ${root} ]] || as_user=(setpriv "--bounding-set=-dac_override,-dac_read_search") # for root
chmod u+w "${root}"
expect_exit 0 "${as_user[@]}" "${real[@]}" info
expect_text "ran: info"
expect_file "${rc}" "stock8"

# For a read-only checkout, the options are in the cache.
chmod a-w "${root}"
expect_exit 0 "${as_user[@]}" "${real[@]}" info
expect_text "the checkout is read-only; options are in ${cache}${root}/bazelrc"
expect_text "ran: --bazelrc=${cache}${root}/bazelrc info"
expect_file "${cache}${root}/bazelrc" "build --symlink_prefix=/"
expect_exit 2 "${as_user[@]}" env XDG_CACHE_HOME="${root}/none" "${real[@]:3}" info
expect_text "the checkout is read-only; set HOME to a folder"
expect_exit 2 "${as_user[@]}" env HOME="${root}" XDG_CACHE_HOME= "${real[@]:3}" info
expect_text "cannot write to HOME (${root}); set HOME"
chmod u+w "${root}"

# A user who is not in /etc/passwd gets a name, and a folder whose name is not ASCII a locale.
mkdir "${root}/odd"
printf '#!/bin/sh\nexit 1\n' | tee "${root}/odd/id" >"${root}/odd/locale"
# shellcheck disable=SC2016 # the fakes expand the variables
{
  printf '#!/bin/sh\nmkdir "$5"\n' >"${root}/odd/localedef"
  printf '#!/bin/sh\n[ "$1" = --version ] || env\n' >"${root}/odd/bazel"
}
chmod +x "${root}/odd/"*
for _ in first second; do
  expect_exit 0 env -u USER PATH="${root}/odd:${PATH}" HOME="${TEST_TMPDIR}/下载" \
    "${real[@]:2:1}" BAZEL_REAL="${root}/odd/bazel" "${tool}" info
  expect_text "USER=${UID}"
  expect_text "LOCPATH=${cache}/locale"
  expect_exit 0 test -d "${cache}/locale/en_US.ISO-8859-1"
done

# Called by a person, it finds a plain Bazel in PATH and does not call itself for ever.
fake_bazel bazel 6.5.0
for folder in "" "${root}/tools:"; do
  expect_exit 0 timeout -s KILL 60 env -u BAZEL_REAL LENET_NO_INSTALL=1 \
    PATH="${folder}${root}/bin:/usr/bin:/bin" "${tool}" test //...
  expect_text "ran: test //..."
done

# Without Bazel and the permission to install it, the message names the package.
mkdir "${root}/few"
for program in bash env dirname head mv readlink; do ln -s "$(command -v "${program}")" "${root}/few/"; done
expect_exit 3 env -u BAZEL_REAL LENET_NO_INSTALL=1 PATH="${root}/tools:${root}/few" "${tool}" build //x
expect_text "bazel-bootstrap"
finish
