#!/usr/bin/env bash
# Tries on a board what was only read in documents, and writes a report to send back.
# Usage: board_check.sh [DEVICE_ID [OM_FOLDER]]
#
# Needs driver and CANN (`source set_env.sh` first). With ATC here, the models are converted; else
# OM_FOLDER must have lenet.om, lenet_aipp.om and lenet_dynamic.om (gears 1,8,16, AIPP), made by
# //tools:to_om of the lenet.onnx of //python:lenet_onnx. Writes board_report/ and board_report.tar.gz
# where the command was typed: report.txt has a line for each item, <item>.log what it said.
#
# An item that this machine cannot run is "not run", with the reason. Exit code 0: all that ran found
# what the documents say; 1: something differs or failed; 3: there is no usable Ascend, and nothing ran.
# shellcheck disable=SC2317 # functions are called by item()
[ -n "${BASH_VERSION:-}" ] || exec bash "$0" "$@" # the documents say `sh`
set -euo pipefail
runfiles="${RUNFILES_DIR:-${TEST_SRCDIR:-$0.runfiles}}/lenet_mindspore"
if [[ ! -d ${runfiles}/tools ]]; then # called by hand: Bazel builds what is needed
  workspace="$(cd "$(dirname "$0")/.." && pwd)"
  bin="$(cd "${workspace}" && tools/bazel build //tools:board_check >&2 && tools/bazel info bazel-bin)"
  exec "${bin}/tools/board_check" "$@" # not `bazel run`, which would say that it was typed there
fi
# shellcheck source=tools/scripts.sh
source "${runfiles}/tools/scripts.sh"
# shellcheck source=tools/check.sh
source "${runfiles}/tools/check.sh"

[[ $# -le 2 ]] || usage_error "expected at most two arguments, found $#"
readonly device="${1:-0}"
[[ ${device} =~ ^[0-9]+$ ]] || usage_error "DEVICE_ID must be a number, found ${device}"
given="${2:+$(absolute "$2")}"
[[ -z ${given} || -d ${given} ]] || usage_error "OM_FOLDER ${given} is not a folder"
begin_report board_report
mkdir "${work}/om"

readonly onnx="${runfiles}/python/lenet.onnx" mindir="${runfiles}/python/lenet.mindir"
readonly lite_mindir="${runfiles}/python/lenet_lite.mindir" aipp="${runfiles}/configs/aipp.cfg"

# experiment NAME ARGUMENT...: the last line of it is what item() wants.
experiment() { program //tools:board_experiment "$@"; }

# om NAME: sets ${model} to that OM; the item is not run if there is none.
om() {
  model="${work}/om/$1.om"
  [[ -s ${model} ]] || skip "no $1.om: give OM_FOLDER, or run this where ATC is"
}

# convert NAME FLAG...
convert() {
  local name="$1" code=0
  shift
  if [[ -n ${given} ]]; then
    [[ -s ${given}/${name}.om ]] || skip "OM_FOLDER has no ${name}.om"
    cp "${given}/${name}.om"* "${work}/om/"
    echo "ok: taken from OM_FOLDER, $(stat -c %s "${work}/om/${name}.om") bytes"
    return
  fi
  program //tools:to_om --model="${onnx}" --output="${work}/om/${name}.om" "$@" || code=$?
  [[ ${code} -ne 3 ]] || skip "ATC is not here"
  [[ ${code} -eq 0 ]] || {
    echo "differs: to_om ended with exit code ${code}; see above"
    exit 1
  }
  cp "${work}/om/${name}.om.json" "${report}/"
  echo "ok: $(stat -c %s "${work}/om/${name}.om") bytes"
}

# What --aipp of to_om refuses: the crop of variant c.
convert_crop() {
  local atc soc code=0
  [[ -z ${given} ]] || skip "models come from OM_FOLDER, this one is made by ATC"
  atc="$(command -v atc)" || skip "atc is not on the PATH"
  soc="$(sed -n 's/.*"soc_version": "\(.*\)".*/\1/p' "${work}/om/lenet.om.json")"
  sed -e 's/YUV400_U8/YUV420SP_U8/' -e 's/src_image_size_w: 32/src_image_size_w: 128/' \
    -e 's/crop: false/crop: true\n  load_start_pos_w: 0\n  load_start_pos_h: 0\n  crop_size_w: 32\n  crop_size_h: 32/' \
    "${aipp}" > "${work}/crop.cfg"
  cd "${work}"
  "${atc}" --framework=5 --model="${onnx}" --output="${work}/om/crop" \
    --soc_version="${soc}" --input_format=NCHW --input_shape=x:1,1,32,32 --output_type=FP32 \
    --insert_op_conf="${work}/crop.cfg" || code=$?
  [[ ${code} -eq 0 && -s ${work}/om/crop.om ]] || skip "ATC did not take it: exit code ${code}"
  echo "ok: $(stat -c %s "${work}/om/crop.om") bytes"
}

# infer NAME FLAG...: results in ${work}/NAME/result_Files.
infer() {
  local name="$1"
  shift
  mkdir -p "${work}/${name}"
  program //cc:infer310 --device_id="${device}" --result_path="${work}/${name}/result_Files" "$@" \
    || return
  cp "${work}/${name}/report.json" "${report}/${name}.json"
}

# compared EXPECTED FOUND CLASSES LOGITS: two earlier runs of infer.
compared() {
  [[ -d ${work}/$1/result_Files ]] || skip "the run $1 is missing"
  experiment compare "${work}/$1/result_Files" "${work}/$2/result_Files" "$3" "$4"
}

# infer_om NAME OM CLASSES LOGITS FLAG...: and against the CPU.
infer_om() {
  local name="$1" classes="$3" logits="$4"
  om "$2"
  shift 4
  infer "${name}" --mindir_path="${model}" --device_target=Ascend310 "$@"
  compared native "${name}" "${classes}" "${logits}"
}

environment() {
  local path
  uname -srm
  sed -n 's/^PRETTY_NAME=//p' /etc/os-release
  id
  ls -l /dev/davinci* /dev/devmm_svm /dev/hisi_hdc || true
  env | grep -E '^(ASCEND|LD_LIBRARY_PATH|PYTHONPATH)' || true
  for path in /usr/local/Ascend/{driver,firmware}/version.info \
    "${ASCEND_HOME_PATH:-/nowhere}"/{version.info,version.cfg,compiler/version.info}; do
    [[ ! -r ${path} ]] || (echo "${path}:" && cat "${path}")
  done
  timeout 60 npu-smi info || echo "npu-smi: exit code $?"
  echo "ok: recorded"
}

# The verdict decides whether anything else is run.
probe() {
  local code=0
  program //cc:infer310 --probe --json --device_id="${device}" > "${report}/probe.json" || code=$?
  cat "${report}/probe.json"
  case "${code}" in
    0) echo "ok: usable" ;;
    3) skip "infer310 --probe: $(sed -n 's/.*"reason": *"\(.*\)",\{0,1\}$/\1/p' "${report}/probe.json")" ;;
    *) echo "differs: infer310 --probe ended with exit code ${code}" && exit 1 ;;
  esac
}

no_permission() {
  [[ ${EUID} -eq 0 ]] || skip "only root can take the rights of another user"
  command -v setpriv > /dev/null || skip "no setpriv here"
  [[ -e /dev/davinci_manager ]] || skip "no /dev/davinci_manager here"
  local code=0 text program="${runfiles}/tools/board_experiment"
  local -a nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups)
  "${nobody[@]}" test -x "${program}" || skip "another user may not read ${runfiles}"
  # Past the check of the nodes, which needs no board: what does the library say?
  text="$("${nobody[@]}" "${program}" versions "${device}" 2>&1)" || code=$?
  printf '%s\n' "${text}"
  case "${text}" in
    *207006* | *507033* | *507899*) echo "ok: exit code ${code}, ${text##*$'\n'}" ;;
    *) echo "differs: ${text##*$'\n'}" && exit 1 ;;
  esac
}

# The test set as JPEGs, as //python:preprocess writes them for DVPP.
dvpp() {
  local images="${work}/preprocess_Result"
  program //python:preprocess --output_path="${images}" --image_format=jpg
  infer_om dvpp lenet_aipp 10 inf --cpu_dvpp=DVPP --dataset_path="${images}"
}

dynamic() {
  om lenet_dynamic
  infer dynamic1 --mindir_path="${model}" --device_target=Ascend310 --batch_size=1
  infer dynamic16 --mindir_path="${model}" --device_target=Ascend310 --batch_size=16
  compared dynamic1 dynamic16 0 0.05
}

# The same luma in a gray JPEG and in one of colour; OM with AIPP.
jpeg_colour() {
  local kind
  om lenet_aipp
  for kind in gray colour; do
    experiment pictures "${work}/pictures_${kind}" "${kind}" 500
    infer "${kind}" --mindir_path="${model}" --device_target=Ascend310 --cpu_dvpp=DVPP \
      --dataset_path="${work}/pictures_${kind}"
  done
  compared gray colour 2 2
}

# VPC's filter against the bilinear one of this project.
vpc_resize() {
  local mode
  om lenet_aipp
  experiment pictures "${work}/pictures_large" large 500
  for mode in CPU DVPP; do
    infer "large_${mode}" --mindir_path="${model}" --device_target=Ascend310 \
      --cpu_dvpp="${mode}" --dataset_path="${work}/pictures_large"
  done
  compared large_CPU large_DVPP 5 inf
}

two_processes() {
  local first second code=0
  om lenet
  (infer twice_a --mindir_path="${model}" --device_target=Ascend310) > "${work}/a.log" 2>&1 &
  first=$!
  (infer twice_b --mindir_path="${model}" --device_target=Ascend310) > "${work}/b.log" 2>&1 &
  second=$!
  wait "${first}" || code=$?
  wait "${second}" || code=$?
  cat "${work}/a.log" "${work}/b.log"
  [[ ${code} -eq 0 ]] || {
    echo "differs: one of them ended with exit code ${code}"
    exit 1
  }
  compared twice_a twice_b 0 0
}

other_soc() {
  om lenet
  local other=Ascend310P3 code=0
  [[ -z ${given} ]] || skip "models come from OM_FOLDER, this one is made by ATC"
  ! grep -q "\"${other}\"" "${model}.json" || other=Ascend310
  program //tools:to_om --model="${onnx}" --output="${work}/om/other.om" --soc_version="${other}" \
    || code=$?
  [[ ${code} -eq 0 ]] || skip "this ATC does not convert for ${other}"
  experiment load-other-soc "${device}" "${work}/om/other.om"
}

with_om() { # NAME OM: an experiment that takes device and model
  om "$2"
  experiment "$1" "${device}" "${model}"
}

crop_variant() {
  om crop
  local crop="${model}"
  om lenet
  experiment crop-variant "${device}" "${model}" "${crop}"
}

lite() {
  local code=0
  infer lite --engine=lite --device_target=Ascend310 --mindir_path="${lite_mindir}" || code=$?
  [[ ${code} -ne 3 ]] || skip "MindSpore Lite has no Ascend plug-in here; see above"
  [[ ${code} -eq 0 ]] || {
    echo "differs: exit code ${code}; see above"
    exit 1
  }
  compared native lite 10 0.5
}

# on_ascend LABEL FLAG...: a program of training; the item is not run if MindSpore has no Ascend.
on_ascend() {
  local code=0
  program "$@" --device_target=Ascend || code=$?
  [[ ${code} -ne 3 ]] || skip "MindSpore cannot use an Ascend here; see above"
  [[ ${code} -eq 0 ]] || {
    echo "differs: exit code ${code}; see above"
    exit 1
  }
}

train() {
  on_ascend //python:train --device_id="${device}" --epoch_size=2 --ckpt_path="${work}/ckpt"
  cp "${work}/ckpt/metrics.json" "${report}/train.json"
  on_ascend //python:eval --device_id="${device}" --ckpt_path="${work}/ckpt"
  echo "ok: $(step_ms "${report}/train.json") ms a step"
}

train_float32() {
  on_ascend //python:train --device_id="${device}" --epoch_size=2 --ckpt_path="${work}/float32" \
    --amp_level=O0
  cp "${work}/float32/metrics.json" "${report}/train_float32.json"
  echo "ok: $(step_ms "${report}/train_float32.json") ms a step"
}

# A loop within the graph is what backends differ in most.
train_no_loop() {
  on_ascend //python:train --device_id="${device}" --max_steps=1000 --ckpt_path="${work}/no_loop" \
    --sink_size=1
  cp "${work}/no_loop/metrics.json" "${report}/train_no_loop.json"
  echo "ok: $(step_ms "${report}/train_no_loop.json") ms a step"
}

train_resumed() {
  [[ -d ${work}/ckpt ]] || skip "nothing was trained on an Ascend here"
  on_ascend //python:train --device_id="${device}" --epoch_size=3 --ckpt_path="${work}/ckpt" --resume
  echo "ok: went on to the third epoch"
}

train_distributed() {
  local -a nodes
  mapfile -t nodes < <(compgen -G "/dev/davinci[0-9]*")
  [[ ${#nodes[@]} -ge 2 ]] || skip "this machine has ${#nodes[@]} cards"
  on_ascend //python:train_distributed --worker_num=2 --epoch_size=1 --batch_size=16 \
    --ckpt_path="${work}/distributed" --log_path="${report}/train_distributed"
  cp "${work}/distributed/metrics.json" "${report}/train_distributed.json"
  echo "ok: $(step_ms "${report}/train_distributed.json") ms a step"
}

export_air() {
  local code=0
  compgen -G "${work}/ckpt/*.ckpt" > /dev/null || skip "nothing was trained on an Ascend here"
  program //python:export --ckpt_file="${work}/ckpt" --file_name="${work}/lenet" \
    --file_format=AIR --device_id="${device}" || code=$?
  [[ ${code} -ne 3 ]] || skip "MindSpore writes AIR on an Ascend 910 only"
  [[ ${code} -eq 0 ]] || {
    echo "differs: exit code ${code}; see above"
    exit 1
  }
  said "AIR written and converted" program //tools:to_om --model="${work}/lenet.air" \
    --output="${work}/om/air.om"
}

# Whether what CANN is here is one that the documents leave open for this chip.
cann_8_1() {
  local version
  version="$(cat "${ASCEND_HOME_PATH:-/nowhere}"/{version.cfg,version.info,compiler/version.info} \
    2> /dev/null | grep -oE '[0-9]+\.[0-9]+\.[0-9A-Z]+' | head -n 1)" || true
  [[ ${version} =~ ^8\.[123]\. ]] || skip "CANN here is ${version:-unknown}, not 8.1 to 8.3"
  grep -q '"soc_name": *"Ascend310"' "${report}/probe.json" || skip "the chip is no Ascend310"
  [[ -d ${work}/float/result_Files ]] || skip "the run float is missing"
  echo "ok: CANN ${version} runs on this Ascend 310"
}

{
  date -u '+Board report of LeNet-5, %Y-%m-%d %H:%M UTC'
  echo "device ${device}; each item: its name, the statement, what was found"
  echo
} > "${report}/report.txt"

item environment "What is installed here" environment
item no-driver "CANN without a driver fails in: dlopen, aclInit or the device count" \
  experiment no-driver
item probe "infer310 --probe says that the device can be used" probe
needs_item probe

item symbols "All needed functions are there, and which optional ones" experiment symbols
item versions "Version of AscendCL, chip and run mode" experiment versions "${device}"
item init-twice "A second aclInit gives 100002; whether AscendCL can be started again" \
  experiment init-twice
item no-visible-device "ASCEND_RT_VISIBLE_DEVICES without a device: 207004 or count 0" \
  experiment no-visible-device
item wrong-device "A device number that is too high: 107001" experiment wrong-device
item no-permission "A user without rights to the device: 207006, 507033 or 507899" no_permission
item memcpy-too-long "aclrtMemcpy of more than there is room for: 107000" \
  experiment memcpy-too-long "${device}"
item dvpp-alignment "acldvppMalloc gives multiples of 128" experiment dvpp-alignment "${device}"
item channel-order "A channel description destroyed before its channel: 148051, or success" \
  experiment channel-order "${device}"

item convert-float "ATC converts the ONNX, input float32" convert lenet
item convert-aipp "ATC takes configs/aipp.cfg: one channel, YUV400_U8" convert lenet_aipp --aipp
item convert-dynamic "ATC makes gears of an ONNX whose batch is 1, with AIPP" \
  convert lenet_dynamic --aipp --dynamic_batch=1,8,16
item convert-crop "ATC takes an AIPP that crops 32x32 out of 128x32" convert_crop

item load-missing "Loading a model that is not there: 145002" experiment load-missing "${device}"
item load-truncated "Loading half of a model: 145000" with_om load-truncated lenet
item load-other-soc "Loading a model for another chip: 507008, 507009 or 545xxx" other_soc
item unknown-model "The id of a model that was unloaded: 145003" with_om unknown-model lenet

item native "infer310 on the CPU, to compare with" said "10000 images on the CPU" \
  infer native --engine=native --device_target=CPU --mindir_path="${mindir}"
item float "Logits in float16 differ from float32 by about 1e-3 of their size, no class" \
  infer_om float lenet 0 0.2
item aipp "AIPP in float16 keeps the classes" infer_om aipp lenet_aipp 10 0.5
item dvpp "JPEG by DVPP: at most 10 classes differ" dvpp
item dynamic "Gears 1 and 16 give the same results" dynamic
item batch-rows "What is in the rows past a dynamic batch" with_om batch-rows lenet_dynamic
item jpeg-colour "A gray JPEG and one of colour with the same luma give the same" jpeg_colour
item vpc-resize "VPC's resize of 56x56 is near enough to bilinear" vpc_resize
item crop-variant "A picture of stride 128 with an AIPP that crops gives the same" crop_variant
item two-processes "Two processes on one device do not disturb each other" two_processes
item lite "MindSpore Lite 2.0 runs the MindIR on this Ascend" lite
item cann-8.1 "CANN 8.1 to 8.3 still run on an Ascend 310" cann_8_1
item train "Training and evaluation on an Ascend; the original takes 1.70 ms a step on a 910" train
item train-float32 "The same in float32" train_float32
item train-no-loop "The same with one step a launch is slower" train_no_loop
item train-resumed "--resume goes on from the newest checkpoint" train_resumed
item train-distributed "Two cards train by HCCL" train_distributed
item export-air "AIR is exported, and ATC converts it" export_air

end_report
