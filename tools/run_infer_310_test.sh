#!/usr/bin/env bash
# run_infer_310: from a MindIR and MNIST to acc.log, and every bad argument.
set -euo pipefail
source tools/testing.sh

readonly script="${PWD}/tools/run_infer_310" model="${PWD}/python/lenet.mindir"
readonly data="${TEST_SRCDIR}/mnist/Data"
cd "${TEST_TMPDIR}"

expect_exit 0 "${script}" "${model}" "${data}" cpu
expect_text "CPU"
expect_file acc.log "'Accuracy':0.9"
expect_file time_Result/test_perform_static.txt "10000"
expect_file report.json '"accuracy"'
[[ $(find result_Files -name '*.bin' | wc -l) -eq 10000 ]] || { echo "FAILED: results"; exit 1; }

# The second time: the images are there, the results are replaced.
expect_exit 0 "${script}" "${model}" preprocess_Result CPU 0

expect_exit 3 "${script}" "${model}" "${data}" DVPP
expect_text "--cpu_dvpp=CPU"
expect_exit 2 "${script}"
expect_text "Usage: run_infer_310.sh MINDIR_PATH DATA_PATH DVPP|CPU [DEVICE_ID]"
expect_exit 2 "${script}" "${model}" "${data}"
expect_exit 2 "${script}" none.mindir "${data}" CPU
expect_text "none.mindir is not a file"
expect_exit 2 "${script}" "${model}" nowhere CPU
expect_exit 2 "${script}" "${model}" "${data}" TPU
expect_text "expected DVPP or CPU, found TPU"
expect_exit 2 "${script}" "${model}" "${data}" CPU first
mkdir empty
expect_exit 2 "${script}" "${model}" empty CPU
head -c 1000 "${model}" > cut.mindir
expect_exit 2 "${script}" cut.mindir preprocess_Result CPU
finish
