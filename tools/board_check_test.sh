#!/usr/bin/env bash
# Tests board_check without an Ascend, and on the simulator with and without a fake ATC.
set -euo pipefail
source tools/testing.sh

readonly script="${PWD}/tools/board_check" experiment="${PWD}/cc/ascend/board/experiment"
readonly compare="${PWD}/tools/compare_results.sh"
readonly models="${PWD}/cc/ascend/testing"
readonly simulator="${PWD}/cc/ascend/sim" fake_cann="${PWD}/cc/ascend/testing/fake_cann"
readonly readme="${PWD}/cc/ascend/README.md"
cd "${TEST_TMPDIR}"
export HOME="${PWD}"
unset ASCEND_HOME_PATH ASCEND_TOOLKIT_HOME
mkdir dev
touch dev/davinci0 dev/davinci_manager dev/devmm_svm dev/hisi_hdc

# on_simulator FOLDER COMMAND...: runs a command in a new folder, with a simulated Ascend 310.
on_simulator() {
  local folder="$1"
  shift
  mkdir "${folder}"
  (cd "${folder}" && LD_LIBRARY_PATH="${simulator}" LENET_ASCEND_DEVICES="${TEST_TMPDIR}/dev" "$@")
}

# expect_item NAME TEXT: expects a text in the finding of an item of board_report/report.txt.
expect_item() {
  output="$(grep -A 2 -x -- "$1" board_report/report.txt | tail -n 1 || true)"
  expect_text "$2"
}

count() { grep -cE -- "$1" board_report/report.txt || true; }

# Without an Ascend every other item is skipped with the reason.
expect_exit 3 "${script}"
expect_text "written: ${PWD}/board_report.tar.gz"
expect_item environment "ok: recorded"
expect_item no-driver "not run: libascendcl.so cannot be loaded"
expect_item probe "not run: infer310 --probe: no /dev/davinci0"
expect_item train "not run: infer310 --probe: no /dev/davinci0"
items="$(count '^[a-z0-9.-]+$')"
[[ ${items} -gt 30 ]] || { echo "FAILED: ${items} items"; exit 1; }
[[ $(count '^    not run: ') -eq $((items - 1)) ]] || { cat board_report/report.txt; exit 1; }
tar -xzOf board_report.tar.gz board_report/environment.log | grep Linux >/dev/null # -q would end tar
# The README describes each item.
while read -r item; do
  expect_file "${readme}" "\`${item}\`"
done < <(grep -xE '[a-z0-9.-]+' board_report/report.txt)
# An existing report is not overwritten.
expect_exit 2 "${script}"
expect_text "exists; move it away"
rm -r board_report

expect_exit 2 "${script}" first
expect_text "Usage: board_check.sh [DEVICE_ID [OM_FOLDER]]"
expect_exit 2 "${script}" 0 nowhere
expect_exit 2 "${script}" 0 . more

# On the simulator, with models from OM_FOLDER. An item that violates a rule of AscendCL on purpose ends
# with the simulator's exit code. The simulator ignores ASCEND_RT_VISIBLE_DEVICES.
readonly broken="(but exit code 66)"
expect_exit 1 on_simulator given "${script}" 0 "${models}"
cd given
[[ $(count '^    (differs|failed): ') -eq 1 ]] || { cat board_report/report.txt; exit 1; }
[[ $(count 'but exit code') -eq 3 ]] || { cat board_report/report.txt; exit 1; }
expect_item probe "ok: usable"
expect_item symbols "ok: 74 functions; missing optional functions: none"
expect_item versions "chip Ascend310-simulator, run mode host"
expect_item init-twice "ok: second aclInit: 100002; aclFinalize: 0, again: 100037; then aclInit: 100002 ${broken}"
expect_item no-visible-device "differs: 1 devices despite"
expect_item wrong-device "ok: aclrtSetDevice(63): 107001"
expect_item memcpy-too-long "ok: aclrtMemcpy: 107000"
expect_item dvpp-alignment "ok: multiples of 128"
expect_item channel-order "ok: acldvppDestroyChannelDesc: 148051"
expect_item channel-order "${broken}"
expect_item convert-dynamic " bytes, taken from OM_FOLDER"
expect_item convert-crop "not run: models come from OM_FOLDER"
expect_item load-missing "ok: aclmdlLoadFromFile: 145002"
expect_item load-truncated "ok: aclmdlLoadFromFile: 145000"
expect_item unknown-model "ok: aclmdlGetDesc: 145003"
expect_item unknown-model "${broken}"
expect_item native "ok: done on the CPU"
for item in float aipp dvpp dynamic two-processes; do
  expect_item "${item}" " of 10000 classes differ"
done
for item in jpeg-colour vpc-resize; do expect_item "${item}" " of 500 classes differ"; done
expect_item batch-rows "ok: rows past the batch are unchanged"
expect_item crop-variant "not run: no crop.om"
expect_item train "not run: MindSpore cannot use an Ascend here"
expect_file board_report/dvpp.json '"decoded_on_device": 10000'
expect_file board_report/probe.json '"usable": true'
cd ..

# Wrong models are found: a truncated float model, and a float model in place of one with AIPP.
mkdir wrong_models
head -c 100000 "${models}/lenet.om" > wrong_models/lenet.om
cp "${models}/lenet.om" wrong_models/lenet_aipp.om
expect_exit 1 on_simulator wrong "${script}" 0 "${PWD}/wrong_models"
cd wrong
expect_item float "failed: infer310: error: "
expect_item dvpp "failed: infer310: error: "
expect_item unknown-model "differs: a preparing call failed: aclmdlLoadFromFile failed: 145000"
expect_item convert-dynamic "not run: OM_FOLDER has no lenet_dynamic.om"
expect_item dynamic "not run: no lenet_dynamic.om"
cd ..
# Results that differ, and a model without crop for crop-variant.
mkdir a b
readonly header="{'descr': '<f4', 'fortran_order': False, 'shape': (1, 10), }"
printf '\x93NUMPY\x01\x00\x76\x00%-117s\n%040d' "${header}" 0 > a/results.npy
cp a/results.npy b/results.npy
expect_exit 0 "${compare}" a b 0 0
printf '\x93NUMPY\x01\x00\x76\x00%-117s\n%040d' "${header}" 9 > b/results.npy
expect_exit 1 "${compare}" a b 0 0
expect_text "differs: "
expect_exit 1 on_simulator crop "${experiment}" crop-variant 0 "${models}/lenet.om" "${models}/lenet_aipp.om"
expect_text "the model takes 1024 bytes, not 6144"

# On the simulator, with the fake ATC.
"${fake_cann}" cann 310
export ASCEND_HOME_PATH="${TEST_TMPDIR}/cann" ASCEND_OPP_PATH="${TEST_TMPDIR}/cann/opp"
export PATH="${TEST_TMPDIR}/cann/bin:${PATH}"
expect_exit 1 on_simulator atc "${script}"
cd atc
for item in convert-float convert-aipp convert-dynamic; do expect_item "${item}" " bytes"; done
expect_item convert-crop "not run: ATC refused it"
expect_item load-other-soc "ok: aclmdlLoadFromFile: 507008"
expect_item dvpp " of 10000 classes differ"
expect_item cann-8.1 "not run: CANN here is 8.0.0"
expect_file board_report/lenet_aipp.om.json '"input_form": "luma"'
expect_file board_report/environment.log "npu-smi 23.0.0"
finish
