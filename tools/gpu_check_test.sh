#!/usr/bin/env bash
# Tests gpu_check on a machine without a GPU.
set -euo pipefail
source tools/testing.sh

readonly script="${PWD}/tools/gpu_check_without_torch"
cd "${TEST_TMPDIR}"

# Every item but the first is skipped with the reason.
expect_exit 3 "${script}"
expect_text "written: ${PWD}/gpu_report.tar.gz"
expect_file gpu_report/environment.log "nvidia-smi: exit code"
for item in usable kernels train repeated eval export-mindir export-onnx resume benchmark \
  usable-operators train-operators eval-operators distributed; do
  output="$(grep -A 2 -x -- "${item}" gpu_report/report.txt || true)"
  expect_text "    not run: --device_target=GPU: there is no NVIDIA driver"
done
tar -xzOf gpu_report.tar.gz gpu_report/environment.log | grep Linux >/dev/null # -q would end tar

# A report is not overwritten.
expect_exit 2 "${script}"
expect_text "exists; move it away"
rm -r gpu_report

expect_exit 2 "${script}" first
expect_text "Usage: gpu_check.sh [DEVICE_ID]"
expect_exit 2 "${script}" 0 1
finish
