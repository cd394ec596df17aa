#!/usr/bin/env bash
# Runs an exported model over a test set: preprocess, infer310, postprocess.
# Usage: run_infer_310.sh MINDIR_PATH DATA_PATH DVPP|CPU [DEVICE_ID]
#
# MINDIR_PATH is a MindIR, or an OM for an Ascend 310. DATA_PATH is MNIST's Data folder, or a folder of
# images written by //python:preprocess. DVPP decodes and resizes on an Ascend 310; it needs an OM with
# AIPP, to which a MindIR is converted first (<name>_aipp.om). CPU decodes on the host, which also runs a
# MindIR if there is no Ascend 310. Writes preprocess_Result, result_Files, time_Result, report.json and
# acc.log to the current folder.
#
# Beside infer310, in the archive of //cc:deploy, it needs no Python: infer310 reads MNIST's files itself,
# and <name>.onnx beside MINDIR_PATH is what ATC converts.
[ -n "${BASH_VERSION:-}" ] || exec bash "$0" "$@" # the documents say `sh`
set -euo pipefail
for here in "$0.runfiles"/{_main,lenet_mindspore}/tools "$(dirname "$0")"; do # under `bazel run`
  [[ ! -d ${here} ]] || break
done
# shellcheck source=tools/scripts.sh
source "${here}/scripts.sh"

[[ $# -eq 3 || $# -eq 4 ]] || usage_error "expected three or four arguments, found $#"
model="$(absolute "$1")"
data="$(absolute "$2")"
mode="${3^^}"
device_id="${4:-0}"
[[ -f ${model} ]] || usage_error "MINDIR_PATH ${model} is not a file"
require_data "${data}"
[[ ${mode} == DVPP || ${mode} == CPU ]] || usage_error "expected DVPP or CPU, found $3"
[[ ${device_id} =~ ^[0-9]+$ ]] || usage_error "DEVICE_ID must be a number, found ${device_id}"

# convert_for_dvpp MINDIR: converts to an OM with AIPP and sets ${model}. An OM converted earlier from
# the same MindIR is reused.
convert_for_dvpp() {
  local mindir="$1" onnx="${1%.*}.onnx" code=0 sha256 name
  name="$(basename "${mindir}")"
  model="${user_dir}/${name%.*}_aipp.om"
  if [[ -n ${archive} ]]; then
    [[ -f ${onnx} ]] || usage_error "DVPP needs an OM with AIPP, made from ${onnx}, which is missing"
    if [[ ${model} -nt ${onnx} ]]; then
      echo "reusing ${model}, which is newer than ${onnx}"
      return
    fi
    to_om_by_atc "${onnx}" "${model}" --aipp || code=$?
  else
    sha256="$(sha256sum < "${mindir}" | cut -d ' ' -f 1)"
    if [[ -f ${model} ]] && grep -q "\"source_sha256\": \"${sha256}\"" "${model}.json" 2> /dev/null; then
      echo "reusing ${model}, converted from ${mindir}"
      return
    fi
    run_program //tools:to_om --model="${mindir}" --output="${model}" --aipp || code=$?
  fi
  if [[ ${code} -ne 0 ]]; then
    echo "$(basename "$0"): error: DVPP needs an OM with AIPP, and ${mindir} could not be converted;" \
      "give such an OM as MINDIR_PATH, or CPU instead of DVPP" >&2
    exit "${code}"
  fi
}

[[ ${mode} == DVPP && ${model,,} != *.om ]] && convert_for_dvpp "${model}"

# infer: runs infer310 on ${images}.
infer() {
  run_program //cc:infer310 --mindir_path="${model}" --dataset_path="${images}" --result_format=files \
    --result_path="${user_dir}/result_Files" --cpu_dvpp="${mode}" --device_id="${device_id}"
}

images="${data}"
if [[ -n ${archive} ]]; then
  code=0
  text="$(infer)" || code=$?
  printf '%s\n' "${text}"
  sed -n 's/^Accuracy: {\(.*\)}$/\1/p' <<< "${text}" > "${user_dir}/acc.log" # empty without labels
  exit "${code}"
fi

if [[ ! -e ${data}/manifest.csv ]]; then
  images="${user_dir}/preprocess_Result"
  format=png # lossless; DVPP decodes only JPEG
  [[ ${mode} == DVPP ]] && format=jpg
  run_program //python:preprocess --data_path="${data}" --output_path="${images}" \
    --image_format="${format}" --force
fi
results="${user_dir}/result_Files"
earlier="$(stat -Lc %i "${results}" 2> /dev/null || true)"
code=0
infer || code=$?
# With exit code 2 and a new folder, some images could not be read; the others have results.
if [[ ${code} -ne 0 && (${code} -ne 2 || $(stat -Lc %i "${results}" 2> /dev/null) == "${earlier}") ]]; then
  exit "${code}"
fi
run_program //python:postprocess --result_path="${results}" --dataset_path="${images}" \
  --output_path="${user_dir}" || code=$?
exit "${code}"
