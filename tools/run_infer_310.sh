#!/usr/bin/env bash
# Runs an exported model over a test set: preprocess, infer310, postprocess.
# Usage: run_infer_310.sh MINDIR_PATH DATA_PATH DVPP|CPU [DEVICE_ID]
#
# DATA_PATH is the Data folder of MNIST, or a folder of images that //python:preprocess wrote.
# DVPP decodes and resizes on an Ascend 310; CPU does it on the host, and without an Ascend 310 the
# model runs there too. Writes preprocess_Result, result_Files, time_Result, report.json and acc.log
# where the command was typed.
[ -n "${BASH_VERSION:-}" ] || exec bash "$0" "$@" # the documents say `sh`
set -euo pipefail
here="$0.runfiles/lenet_mindspore/tools" # under `bazel run`
[[ -d ${here} ]] || here="$(dirname "$0")"
# shellcheck source=tools/scripts.sh
source "${here}/scripts.sh"

[[ $# -eq 3 || $# -eq 4 ]] || usage_error "expected three or four arguments, found $#"
model="$(absolute "$1")"
data="$(absolute "$2")"
mode="${3^^}"
device_id="${4:-0}"
[[ -f ${model} ]] || usage_error "MINDIR_PATH ${model} is not a file"
[[ -d ${data} ]] || usage_error "DATA_PATH ${data} is not a folder"
[[ ${mode} == DVPP || ${mode} == CPU ]] || usage_error "expected DVPP or CPU, found $3"
[[ ${device_id} =~ ^[0-9]+$ ]] || usage_error "DEVICE_ID must be a number, found ${device_id}"

images="${data}"
if [[ ! -e ${data}/manifest.csv ]]; then
  images="${user_dir}/preprocess_Result"
  format=png # exact; DVPP decodes JPEG only
  [[ ${mode} == DVPP ]] && format=jpg
  run_program //python:preprocess --data_path="${data}" --output_path="${images}" \
    --image_format="${format}" --force
fi
run_program //cc:infer310 --mindir_path="${model}" --dataset_path="${images}" \
  --result_path="${user_dir}/result_Files" --cpu_dvpp="${mode}" --device_id="${device_id}"
run_program //python:postprocess --result_path="${user_dir}/result_Files" \
  --dataset_path="${images}" --output_path="${user_dir}"
