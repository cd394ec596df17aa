#!/usr/bin/env bash
# Tests on a machine with an Ascend what was only read in documents, and writes a report to send back.
# Usage: board_check.sh [DEVICE_ID [OM_FOLDER]]
#
# Needs driver and CANN (`source set_env.sh` first). If ATC is installed, the models are converted;
# otherwise OM_FOLDER must hold lenet.om, lenet_aipp.om and lenet_dynamic.om (gears 1,8,16, AIPP), made
# by //tools:to_om from the lenet.onnx of //python:lenet_onnx. Writes board_report/ and
# board_report.tar.gz to the current folder: report.txt has an entry per item, <item>.log its output.
#
# The archive of //cc:deploy has this script without Bazel and Python; items that need more are "not run".
# An item that this machine cannot run is "not run", with the reason. Exit code 0: all findings match
# the documents; 1: an item differs or failed; 3: there is no usable Ascend, and nothing was run.
# shellcheck disable=SC2317 # functions are called by item()
[ -n "${BASH_VERSION:-}" ] || exec bash "$0" "$@" # for `sh tools/board_check.sh`
set -euo pipefail
for runfiles in "${RUNFILES_DIR:-${TEST_SRCDIR:-$0.runfiles}}"/{_main,lenet_mindspore}; do
  [[ ! -d ${runfiles} ]] || break # _main with MODULE.bazel
done
tools="${runfiles}/tools"
[[ -d ${tools} && ! -x $(dirname "$0")/infer310 ]] || tools="$(cd "$(dirname "$0")" && pwd)"
# shellcheck source=tools/check.sh
source "${tools}/check.sh"

given="${2:+$(absolute "$2")}"
[[ -z ${given} || -d ${given} ]] || usage_error "OM_FOLDER ${given} is not a folder"
begin_report Board 2 "$@"
mkdir "${work}/om"

models="${archive:-${runfiles}/python}" aipp="${archive:-${runfiles}/configs}/aipp.cfg"
readonly models aipp

experiment() { program //cc/ascend/board:experiment "$@"; }

# checked REASON COMMAND...: exit code 3 of the command skips the item for this reason; another
# failure is a difference.
checked() {
  local reason="$1" code=0
  shift
  "$@" || code=$?
  [[ ${code} -ne 3 ]] || skip "${reason}; see above"
  [[ ${code} -eq 0 ]] || differs "exit code ${code}; see above"
}

# need_om NAME: sets ${model} to this OM; without it the item is skipped.
need_om() {
  model="${work}/om/$1.om"
  [[ -s ${model} ]] || skip "no $1.om: give OM_FOLDER, or run this where ATC is"
}

need_atc() { [[ -z ${given} ]] || skip "models come from OM_FOLDER, this one is made by ATC"; }

# to_om OUTPUT FLAG...: converts lenet.onnx.
to_om() {
  if [[ -n ${archive} ]]; then
    to_om_by_atc "${models}/lenet.onnx" "${work}/om/$1.om" "${@:2}"
  else
    program //tools:to_om --output="${work}/om/$1.om" --model="${models}/lenet.onnx" "${@:2}"
  fi
}

# convert NAME FLAG...
convert() {
  if [[ -n ${given} ]]; then
    [[ -s ${given}/$1.om ]] || skip "OM_FOLDER has no $1.om"
    cp "${given}/$1.om"* "${work}/om/"
  else
    checked "ATC is not installed" to_om "$1" "${@:2}"
    [[ -n ${archive} ]] || cp "${work}/om/$1.om.json" "${report}/"
  fi
  echo "ok: $(stat -c %s "${work}/om/$1.om") bytes${given:+, taken from OM_FOLDER}"
}

# Converts with an AIPP that crops, which to_om refuses.
convert_crop() {
  local atc soc code=0
  need_atc
  needs_repository
  atc="$(command -v atc)" || skip "atc is not on the PATH"
  soc="$(sed -n 's/.*"soc_version": "\(.*\)".*/\1/p' "${work}/om/lenet.om.json")"
  sed -e 's/YUV400_U8/YUV420SP_U8/' -e 's/src_image_size_w: 32/src_image_size_w: 128/' \
    -e 's/crop: false/crop: true\n  load_start_pos_w: 0\n  load_start_pos_h: 0\n  crop_size_w: 32\n  crop_size_h: 32/' \
    "${aipp}" > "${work}/crop.cfg"
  cd "${work}"
  "${atc}" --framework=5 --model="${models}/lenet.onnx" --output="${work}/om/crop" \
    --soc_version="${soc}" --input_format=NCHW --input_shape=x:1,1,32,32 --output_type=FP32 \
    --insert_op_conf="${work}/crop.cfg" || code=$?
  [[ ${code} -eq 0 && -s ${work}/om/crop.om ]] || skip "ATC refused it: exit code ${code}"
  echo "ok: $(stat -c %s "${work}/om/crop.om") bytes"
}

# infer NAME FLAG...: writes results to ${work}/NAME/result_Files.
infer() {
  local name="$1"
  mkdir -p "${work}/${name}"
  program //cc:infer310 --device_id="${device}" --result_path="${work}/${name}/result_Files" "${@:2}" \
    || return
  cp "${work}/${name}/report.json" "${report}/${name}.json"
}

# infer_om NAME OM FLAG...: the same with an OM on the device.
infer_om() {
  need_om "$2"
  infer "$1" --mindir_path="${model}" --device_target=Ascend310 "${@:3}"
}

# compared EXPECTED FOUND CLASSES LOGITS: compares the results of two runs of infer.
compared() {
  [[ -d ${work}/$1/result_Files ]] || skip "the run $1 is missing"
  "${tools}/compare_results.sh" "${work}/$1/result_Files" "${work}/$2/result_Files" "$3" "$4"
}

# infer_like_cpu NAME OM CLASSES LOGITS FLAG...
infer_like_cpu() {
  infer_om "$1" "$2" "${@:5}"
  compared native "$1" "$3" "$4"
}

probe() {
  local code=0
  program //cc:infer310 --probe --json --device_id="${device}" > "${report}/probe.json" || code=$?
  cat "${report}/probe.json"
  case "${code}" in
    0) echo "ok: usable" ;;
    3) skip "infer310 --probe: $(sed -n 's/.*"reason": *"\(.*\)",\{0,1\}$/\1/p' "${report}/probe.json")" ;;
    *) differs "infer310 --probe ended with exit code ${code}" ;;
  esac
}

no_permission() {
  [[ ${EUID} -eq 0 ]] || skip "only root can act as another user"
  command -v setpriv > /dev/null || skip "setpriv is not installed"
  [[ -e /dev/davinci_manager ]] || skip "/dev/davinci_manager is missing"
  local code=0 text program="${runfiles}/cc/ascend/board/experiment"
  local -a nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups)
  "${nobody[@]}" test -x "${program}" || skip "another user may not read ${runfiles}"
  text="$("${nobody[@]}" "${program}" versions "${device}" 2>&1)" || code=$?
  printf '%s\n' "${text}"
  case "${text}" in
    *207006* | *507033* | *507899*) echo "ok: exit code ${code}, ${text##*$'\n'}" ;;
    *) differs "${text##*$'\n'}" ;;
  esac
}

dvpp() {
  local images="${archive}/images"
  if [[ -z ${archive} ]]; then
    images="${work}/preprocess_Result"
    program //python:preprocess --output_path="${images}" --image_format=jpg
  fi
  infer_like_cpu dvpp lenet_aipp 10 inf --cpu_dvpp=DVPP --dataset_path="${images}"
}

dynamic() {
  infer_om dynamic1 lenet_dynamic --batch_size=1
  infer_om dynamic16 lenet_dynamic --batch_size=16
  compared dynamic1 dynamic16 0 0.05
}

# pictures RUN RUN CLASSES LOGITS: compares runs on JPEGs, which are named KIND_DECODER.
pictures() {
  local run folder
  need_om lenet_aipp
  for run in "$1" "$2"; do
    folder="${work}/pictures_${run%_*}"
    [[ -d ${folder} ]] || experiment pictures "${folder}" "${run%_*}" 500
    infer_om "${run}" lenet_aipp --cpu_dvpp="${run#*_}" --dataset_path="${folder}"
  done
  compared "$@"
}

two_processes() {
  local code=0
  need_om lenet
  (infer_om twice_a lenet) > "${work}/twice_a.log" 2>&1 &
  infer_om twice_b lenet || code=$?
  wait $! || code=$?
  cat "${work}/twice_a.log"
  [[ ${code} -eq 0 ]] || differs "one of them ended with exit code ${code}"
  compared twice_a twice_b 0 0
}

other_soc() {
  local other=Ascend310P3
  need_om lenet
  need_atc
  ! grep -q "\"${other}\"" "${model}.json" || other=Ascend310
  to_om other --soc_version="${other}" \
    || skip "this ATC does not convert for ${other}"
  experiment load-other-soc "${device}" "${work}/om/other.om"
}

# with_om NAME OM...: an experiment whose arguments are the device and models.
with_om() {
  local name="$1" om
  local -a paths=()
  for om in "${@:2}"; do
    need_om "${om}"
    paths+=("${model}")
  done
  experiment "${name}" "${device}" "${paths[@]}"
}

lite() {
  checked "MindSpore Lite has no Ascend plug-in here" \
    infer lite --engine=lite --device_target=Ascend310 --mindir_path="${models}/lenet_lite.mindir"
  compared native lite 10 0.5
}

# on_ascend LABEL FLAG...: runs a program of MindSpore; skips the item if MindSpore lacks an Ascend.
on_ascend() {
  checked "MindSpore cannot use an Ascend here" program "$@" --device_target=Ascend
}

# train NAME PROGRAM FLAG...
train() {
  on_ascend "//python:$2" --ckpt_path="${work}/$1" "${@:3}"
  cp "${work}/$1/metrics.json" "${report}/$1.json"
  echo "ok: $(step_ms "${report}/$1.json") ms per step"
}

train_and_evaluate() {
  train train train --device_id="${device}" --epoch_size=2
  on_ascend //python:eval --device_id="${device}" --ckpt_path="${work}/train"
}

need_training() {
  compgen -G "${work}/train/*.ckpt" > /dev/null || skip "nothing was trained on an Ascend here"
}

train_resumed() {
  need_training
  on_ascend //python:train --device_id="${device}" --epoch_size=3 --ckpt_path="${work}/train" --resume
  echo "ok: continued with the third epoch"
}

train_distributed() {
  local -a nodes
  mapfile -t nodes < <(compgen -G "/dev/davinci[0-9]*")
  [[ ${#nodes[@]} -ge 2 ]] || skip "this machine has ${#nodes[@]} cards"
  train train_distributed train_distributed --worker_num=2 --epoch_size=1 --batch_size=16 \
    --log_path="${report}/train_distributed"
}

export_air() {
  need_training
  checked "MindSpore writes AIR on an Ascend 910 only" program //python:export \
    --ckpt_file="${work}/train" --file_name="${work}/lenet" --file_format=AIR --device_id="${device}"
  said "AIR written and converted" program //tools:to_om --output="${work}/om/air.om" --model="${work}/lenet.air"
}

# Succeeds if the installed CANN is one that the documents leave open for this chip.
cann_8_1() {
  local version
  version="$(cat "${ASCEND_HOME_PATH:-/nowhere}"/{version.cfg,version.info,compiler/version.info} 2> /dev/null \
    | grep -oE '[0-9]+\.[0-9]+\.[0-9A-Z]+' | head -n 1)" || true
  [[ ${version} =~ ^8\.[123]\. ]] || skip "CANN here is ${version:-unknown}, not 8.1 to 8.3"
  grep -q '"soc_name": *"Ascend310"' "${report}/probe.json" || skip "the chip is no Ascend310"
  [[ -d ${work}/float/result_Files ]] || skip "the run float is missing"
  echo "ok: CANN ${version} runs on this Ascend 310"
}

item environment "Installed software" environment npu-smi info
item no-driver "CANN without a driver fails in: dlopen, aclInit or the device count" \
  experiment no-driver
item probe "infer310 --probe reports a usable device" probe
needs_item probe

# try NAME STATEMENT ARGUMENT...: an item that is one experiment of the same name.
try() { item "$1" "$2" experiment "$1" "${@:3}"; }

try symbols "All required functions exist; which optional ones are missing"
try versions "Version of AscendCL, chip and run mode" "${device}"
try init-twice "A second aclInit gives 100002; whether AscendCL can be initialised again"
try no-visible-device "ASCEND_RT_VISIBLE_DEVICES without a device: 207004 or count 0"
try wrong-device "A device number that is too high: 107001"
item no-permission "A user without rights to the device: 207006, 507033 or 507899" no_permission
try memcpy-too-long "aclrtMemcpy of more bytes than the target has: 107000" "${device}"
try dvpp-alignment "acldvppMalloc gives multiples of 128" "${device}"
try channel-order "A channel description destroyed before its channel: 148051, or success" "${device}"

item convert-float "ATC converts the ONNX with float32 input" convert lenet
item convert-aipp "ATC accepts configs/aipp.cfg: one channel, YUV400_U8" convert lenet_aipp --aipp
item convert-dynamic "ATC makes gears of an ONNX with batch 1, with AIPP" \
  convert lenet_dynamic --aipp --dynamic_batch=1,8,16
item convert-crop "ATC accepts an AIPP that crops 32x32 out of 128x32" convert_crop

try load-missing "Loading a missing model file: 145002" "${device}"
item load-truncated "Loading half of a model: 145000" with_om load-truncated lenet
item load-other-soc "Loading a model for another chip: 507008, 507009 or 545xxx" other_soc
item unknown-model "The id of an unloaded model: 145003" with_om unknown-model lenet

item native "infer310 on the CPU, for comparison" said "done on the CPU" \
  infer native --engine=native --device_target=CPU --mindir_path="${models}/lenet.mindir"
item float "Logits in float16 differ from float32 by about 1e-3 of their size, classes do not" \
  infer_like_cpu float lenet 0 0.2
item aipp "AIPP in float16 keeps the classes" infer_like_cpu aipp lenet_aipp 10 0.5
item dvpp "JPEG by DVPP: at most 10 classes differ" dvpp
item dynamic "Gears 1 and 16 give the same results" dynamic
item batch-rows "Content of the rows past a dynamic batch" with_om batch-rows lenet_dynamic
item jpeg-colour "Gray and coloured JPEGs with the same luma give the same results" \
  pictures gray_DVPP colour_DVPP 2 2
item vpc-resize "VPC's resize of 56x56 is close to bilinear" \
  pictures large_CPU large_DVPP 5 inf
item crop-variant "A picture of stride 128 with an AIPP that crops gives the same results" \
  with_om crop-variant lenet crop
item two-processes "Two processes on one device do not disturb each other" two_processes
item lite "MindSpore Lite 2.0 runs the MindIR on this Ascend" lite
item cann-8.1 "CANN 8.1 to 8.3 still run on an Ascend 310" cann_8_1
item train "Training and evaluation on an Ascend; the original takes 1.70 ms per step on a 910" \
  train_and_evaluate
item train-float32 "The same in float32" \
  train train_float32 train --device_id="${device}" --epoch_size=2 --amp_level=O0
item train-no-loop "The same with one step per launch is slower" \
  train train_no_loop train --device_id="${device}" --max_steps=1000 --sink_size=1
item train-resumed "--resume continues from the newest checkpoint" train_resumed
item train-distributed "Two cards train by HCCL" train_distributed
item export-air "AIR is exported, and ATC converts it" export_air

end_report
