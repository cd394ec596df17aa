#!/usr/bin/env bash
# tools/bazel as wrapper and as bootstrap, with a Bazel that only prints its arguments.
set -euo pipefail
source tools/testing.sh

readonly root="${TEST_TMPDIR}/a folder"
mkdir -p "${root}/tools/remote" "${root}/third_party/system" "${root}/bin"
cp tools/bazel "${root}/tools/bazel"
cp tools/remote/probe.py "${root}/tools/remote/"
cp third_party/system/packages.txt "${root}/third_party/system/"

# fake_bazel NAME VERSION: prints the version, or how it was called.
fake_bazel() {
  # shellcheck disable=SC2016 # the fake expands them
  printf '#!/bin/sh\n[ "$1" = --version ] && echo "bazel %s" || echo "ran: $*"\n' "$2" >"${root}/bin/$1"
  chmod +x "${root}/bin/$1"
}
readonly tool="${root}/tools/bazel" rc="${root}/.bazelrc.generated"

fake_bazel stock7 7.7.1
expect_exit 0 env BAZEL_REAL="${root}/bin/stock7" "${tool}" build //x "a b"
expect_text "ran: build //x a b"
expect_file "${rc}" "common --noenable_bzlmod"
expect_exit 1 grep -q override_repository "${rc}"

fake_bazel stock8 8.4.0
expect_exit 0 env BAZEL_REAL="${root}/bin/stock8" "${tool}" info
expect_file "${rc}" "common --enable_workspace"

# A second call leaves the file alone.
touch -d '2001-01-01' "${rc}"
expect_exit 0 env BAZEL_REAL="${root}/bin/stock8" "${tool}" info
[[ $(stat -c %Y "${rc}") -eq $(date -d 2001-01-01 +%s) ]] || { echo "FAILED: rewritten"; exit 1; }

# Endpoints come from variables; the file that holds a password is for its owner only.
readonly endpoints=(LENET_REMOTE_EXECUTOR=grpc://far:1 LENET_REMOTE_CACHE=http://near/2
  LENET_REMOTE_INSTANCE=main "LENET_REMOTE_HEADER=authorization=Bearer secret")
expect_exit 0 env "${endpoints[@]}" BAZEL_REAL="${root}/bin/stock8" "${tool}" test //x
expect_file "${rc}" "build:remote --remote_executor=grpc://far:1"
expect_file "${rc}" "build:remote --remote_instance_name=main"
expect_file "${rc}" "build:remote-cache --remote_cache=http://near/2"
expect_file "${rc}" "build:remote-cache --remote_header='authorization=Bearer secret'"
expect_exit 0 find "${rc}" -perm 600
expect_text "${rc}"

# A configuration without its variable: what to set, before Bazel starts.
for config in remote-cache remote; do
  expect_exit 2 env BAZEL_REAL="${root}/bin/stock8" "${tool}" build "--config=${config}" //x
  expect_text "--config=${config} needs LENET_REMOTE_"
done

# An executor that does not answer: one line and the code of Bazel for it, before Bazel starts.
expect_exit 34 env LENET_REMOTE_EXECUTOR=grpc://127.0.0.1:1 BAZEL_REAL="${root}/bin/stock8" \
  "${tool}" build --config=remote //x
expect_text "remote executor grpc://127.0.0.1:1 is unusable: Connection refused"

# Called by a person, it finds a plain Bazel in PATH and does not come round again and again.
fake_bazel bazel 6.5.0
expect_exit 0 env -u BAZEL_REAL LENET_NO_INSTALL=1 PATH="${root}/bin:/usr/bin:/bin" "${tool}" test //...
expect_text "ran: test //..."

# No Bazel and no right to install one: what to do, and exit code 3.
mkdir "${root}/few"
for program in bash env dirname head mv; do ln -s "$(command -v "${program}")" "${root}/few/"; done
expect_exit 3 env -u BAZEL_REAL LENET_NO_INSTALL=1 PATH="${root}/few" "${tool}" build //x
expect_text "bazel-bootstrap"
finish
