#!/usr/bin/env bash
# Tests the archive: what its binaries need, and its programs in a folder with nothing but them.
set -euo pipefail
source tools/testing.sh
export TZ=UTC # else tar lists 1970 as 1969 on some machines

archive="$(echo "${PWD}"/cc/deploy/archive/lenet-infer310-*.tar.gz)"
sdk="$(echo "${TEST_SRCDIR}"/*mindspore_lite*/mindspore_lite/lib)"
readonly archive sdk built="${PWD}/cc/infer310" om="${PWD}/cc/ascend/testing/lenet_aipp.om"
readonly simulator="${PWD}/cc/ascend/sim" old_simulator="${PWD}/cc/deploy/sim"
readonly fake_cann="${PWD}/cc/ascend/testing/fake_cann"
readonly newest_glibc=GLIBC_2.27 # Ubuntu 18.04; openEuler 20.03 has 2.28
readonly folder="${TEST_TMPDIR}/a böard"
mkdir "${folder}"
cd "${folder}"
tar -xzf "${archive}" --strip-components=1

# expect_glibc FILE [LIBRARY...]: expects that a binary needs nothing but these libraries and glibc's, and
# no symbol that is newer than the promised systems.
expect_glibc() {
  local file="$1" needed newest
  shift
  needed="$(readelf -d "${file}" \
    | sed -nE '/\[(lib(c|dl|m|pthread)\.so\.[0-9]+|ld-linux-.*)\]/d; s/.*\(NEEDED\).*\[(.*)\]/\1/p' | sort | xargs)"
  expect_exit 0 test "${file}: ${needed}" = "${file}: $*"
  newest="$( (echo "${newest_glibc}"; readelf -V "${file}") | grep -oE 'GLIBC_[0-9.]+' | sort -V | tail -n 1)"
  expect_exit 0 test "${file}: ${newest}" = "${file}: ${newest_glibc}"
}

if [[ -n ${LENET_EMULATOR:-} ]]; then # the program is for another processor
  mv infer310 infer310.emulated
  printf '#!/bin/sh\nexec "%s" "%s" "$@"\n' "${LENET_EMULATOR}" "${PWD}/infer310.emulated" > infer310
  chmod +x infer310
fi

expect_glibc "$(ls infer310.emulated 2> /dev/null || echo infer310)"
expect_glibc infer310_lite.so libmindspore-extendrt_python.so libmindspore_glog.so.0
expect_glibc "${old_simulator}/libascendcl.so"

# The archive does not depend on when and by whom it was made.
expect_exit 1 grep -v ' 0/0 .* 1970-01-01 ' <(tar -tv --numeric-owner -f "${archive}")

# bare COMMAND...: runs a command without environment variables.
bare() { env -i "$@"; }

# It classifies as the program that Bazel runs, with the same kernels.
expect_exit 0 bare ./infer310
expect_text "Accuracy: {'Accuracy':0.9"
expect_text "Images: 100 "
expect_exit 0 ${LENET_EMULATOR:+"${LENET_EMULATOR}"} "${built}" --mindir_path=lenet.mindir --dataset_path=images --result_path="${TEST_TMPDIR}/built"
expect_exit 0 cmp result_Files/results.npy "${TEST_TMPDIR}/built/results.npy"

expect_exit 0 bare ./infer310 --help
expect_text "Usage: ./infer310 [flags]"
expect_exit 1 grep bazel <(bare ./infer310 --help)
expect_exit 3 bare ./infer310 --probe
expect_text "Remedy: install the Ascend driver"
expect_exit 2 bare ./infer310 --mindir_path=none.mindir
expect_exit 3 bare ./infer310 --engine=lite
expect_text "add MindSpore Lite as the README beside this program says"
cp -s "${sdk}"/*.so* lib/
expect_exit 0 bare ./infer310 --engine=lite
expect_text "engine lite on CPU"
expect_text "Images: 100 "

expect_exit 0 bare ./run_infer_310.sh lenet.mindir images CPU
expect_file acc.log "'Accuracy':0.9"
expect_exit 0 test "$(find result_Files -name '*.bin' | wc -l)" -eq 100
expect_exit 3 bare ./run_infer_310.sh lenet.mindir images DVPP
expect_text "ATC, the converter of CANN, is not installed"
expect_exit 1 test -e lenet_aipp.om
expect_exit 2 bare ./run_infer_310.sh lenet.mindir images
expect_text "Usage: run_infer_310.sh"

# With a simulated Ascend 310 and a fake CANN.
mkdir dev
touch dev/davinci0 dev/davinci_manager dev/devmm_svm dev/hisi_hdc
"${fake_cann}" cann 310
ascend() {
  bare LD_LIBRARY_PATH="${simulator}" LENET_ASCEND_DEVICES="${PWD}/dev" ASCEND_HOME_PATH="${PWD}/cann" \
    ASCEND_OPP_PATH="${PWD}/cann/opp" PATH="${PWD}/cann/bin:${PATH}" "$@"
}
expect_exit 0 ascend ./infer310 --probe
expect_exit 2 ascend ./infer310 --cpu_dvpp=DVPP
expect_text "convert the model's ONNX (step 5 of README.md), or"
expect_exit 0 ascend ./run_infer_310.sh lenet.mindir images DVPP
expect_text "engine acl on Ascend310:0"
expect_file acc.log "'Accuracy':0.9"
expect_exit 0 ascend ./run_infer_310.sh lenet.mindir images DVPP
expect_text "reusing"
expect_file report.json '"decoded_on_device": 100'
expect_exit 0 bare LD_LIBRARY_PATH="${old_simulator}" LENET_ASCEND_DEVICES="${PWD}/dev" \
  ./infer310 --mindir_path="${om}"
expect_text "engine acl on Ascend310:0"

# board_check tries what it can without the repository.
expect_exit 3 bare ./board_check.sh
expect_text "written: ${PWD}/board_report.tar.gz"
rm -r board_report
expect_exit 0 ascend ./board_check.sh
expect_text "ok: usable"
for item in float aipp dvpp dynamic two-processes; do
  output="$(grep -A 2 -x "${item}" board_report/report.txt | tail -n 1)"
  expect_text " of 100 classes differ"
done
expect_file board_report/report.txt "not run: only the repository has what it needs, //python:train"
finish
