#!/usr/bin/env bash
# Tests run_infer_310 from a MindIR or OM and MNIST to acc.log, and with every bad argument. Runs for an
# Ascend 310 use the simulator and a fake ATC.
set -euo pipefail
source tools/testing.sh

readonly script="${PWD}/tools/run_infer_310" model="${PWD}/python/lenet.mindir"
readonly lite="${PWD}/python/lenet_lite.mindir"
data="$(echo "${TEST_SRCDIR}"/*mnist/Data)" # the repository may have a longer name
readonly data om="${PWD}/cc/ascend/testing/lenet_aipp.om"
readonly simulator="${PWD}/cc/ascend/sim" fake_cann="${PWD}/cc/ascend/testing/fake_cann"
cd "${TEST_TMPDIR}"
export HOME="${PWD}"
unset ASCEND_HOME_PATH ASCEND_TOOLKIT_HOME

# on_simulator COMMAND...: runs the command with one simulated Ascend 310 and a fake CANN. The
# simulator's report shows that it was used and found no fault.
on_simulator() {
  LD_LIBRARY_PATH="${simulator}" LENET_ASCEND_DEVICES="${TEST_TMPDIR}/dev" \
    LENET_SIM_TRACE="${TEST_TMPDIR}/trace.txt" ASCEND_HOME_PATH="${TEST_TMPDIR}/cann" \
    ASCEND_OPP_PATH="${TEST_TMPDIR}/cann/opp" PATH="${TEST_TMPDIR}/cann/bin:${PATH}" "$@"
}

expect_exit 0 "${script}" "${model}" "${data}" cpu
expect_text "CPU"
expect_file acc.log "'Accuracy':0.9"
expect_file time_Result/test_perform_static.txt "10000"
expect_file report.json '"accuracy"'
[[ $(find result_Files -name '*.bin' | wc -l) -eq 10000 ]] || { echo "FAILED: results"; exit 1; }

# Existing results are replaced.
expect_exit 0 "${script}" "${model}" preprocess_Result CPU 0

# Without CANN, the message says what to do.
expect_exit 3 "${script}" "${model}" "${data}" DVPP
expect_text "ATC, the converter of CANN, is not installed"
expect_text "  atc --framework=5 --model=lenet.onnx --output=lenet_aipp --soc_version=Ascend310 "
expect_text "or CPU instead of DVPP"
[[ ! -e lenet_aipp.om ]] || { echo "FAILED: an OM without CANN"; exit 1; }
# Without an Ascend 310.
expect_exit 3 "${script}" "${om}" preprocess_Result DVPP
expect_text "--cpu_dvpp=CPU"
# With an Ascend 310 and CANN.
mkdir dev one_image
touch dev/davinci0 dev/davinci_manager dev/devmm_svm dev/hisi_hdc
"${fake_cann}" cann 310
expect_exit 0 on_simulator "${script}" "${model}" "${data}" dvpp
expect_text "lenet_aipp.om: "
expect_text "engine acl on Ascend310:0"
expect_file lenet_aipp.om.json '"source": "lenet.mindir"'
expect_file acc.log "'Accuracy':0.9"
expect_file report.json '"decoded_on_device": 10000'
expect_file trace.txt 'end: ok'
# An unchanged MindIR is not converted again.
rm -r cann
cp preprocess_Result/test_0_7.jpg one_image
printf 'file,label\ntest_0_7.jpg,7\n' > one_image/manifest.csv
expect_exit 0 on_simulator "${script}" "${model}" one_image DVPP
expect_text "reusing ${TEST_TMPDIR}/lenet_aipp.om"
expect_exit 3 on_simulator "${script}" "${lite}" one_image DVPP
expect_exit 0 on_simulator "${script}" "${om}" one_image DVPP
expect_exit 0 on_simulator "${script}" "${om}" one_image CPU
expect_text "engine acl on Ascend310:0"
# An OM needs an Ascend 310.
expect_exit 3 "${script}" "${om}" one_image CPU
expect_text "Ascend 310"

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
[[ ${output} != *Accuracy* ]] || { echo "FAILED: earlier results were used"; exit 1; }
# An image that cannot be read does not stop the others.
printf 'test_1_2.jpg,2\n' >> one_image/manifest.csv
head -c 100 one_image/test_0_7.jpg > one_image/test_1_2.jpg
expect_exit 2 "${script}" "${model}" one_image CPU
expect_text "one_image/test_1_2.jpg: "
expect_text "'Accuracy':1.0000"
expect_text "1 of 2 results are missing"
finish
