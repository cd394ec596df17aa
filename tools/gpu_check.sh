#!/usr/bin/env bash
# Trains, evaluates and exports on an NVIDIA GPU, compares the speed with PyTorch and packs a report.
# Usage: gpu_check.sh [DEVICE_ID]
#
# Needs only the driver; PyTorch is fetched (3 GB). Build it with --config=gpu (4.8 GB) to try MindSpore's
# operators, too. Writes gpu_report/ and gpu_report.tar.gz to the current folder: report.txt lists the
# items, <item>.log has the output of each.
# Exit code 0: all as expected; 1: a difference or a failure; 3: no usable GPU, nothing ran.
# shellcheck disable=SC2317 # functions are called by item()
[ -n "${BASH_VERSION:-}" ] || exec bash "$0" "$@" # the documents say `sh`
set -euo pipefail
for runfiles in "${RUNFILES_DIR:-${TEST_SRCDIR:-$0.runfiles}}"/{_main,lenet_mindspore}; do
  [[ ! -d ${runfiles} ]] || break # _main with MODULE.bazel
done
tools="${runfiles}/tools"
[[ -d ${tools} ]] || tools="$(dirname "$0")"
# shellcheck source=tools/check.sh
source "${tools}/check.sh"
begin_report GPU 1 "$@"

readonly -a gpu=(--device_target=GPU "--device_id=${device}")

# usable FLAG...: trains one step. Items that follow needs_item run only if it is "ok".
usable() {
  local code=0
  program //python:train "${gpu[@]}" "$@" --max_steps=1 --ckpt_path="$(mktemp -d -p "${work}")" 2>&1 \
    | tee "${work}/usable.log" || code=$?
  [[ ${code} -ne 3 ]] || skip "$(sed -n 's/^train: error: //p' "${work}/usable.log")"
  [[ ${code} -eq 0 ]] || differs "exit code ${code}; see above"
  echo "ok: one step, with all kernels compiled for this card"
}

# train NAME FLAG...: trains into the folder ${work}/NAME.
train() {
  program //python:train "${gpu[@]}" "${@:2}" --eval_each_epoch --ckpt_path="${work}/$1"
  cp "${work}/$1/metrics.json" "${report}/$1.json"
  local accuracy
  accuracy="$(sed -n 's/^ "accuracy": \([0-9.]*\).*/\1/p' "${report}/$1.json")"
  awk -v found="${accuracy}" 'BEGIN { exit !(found > 0.9843) }' || differs "accuracy ${accuracy}"
  echo "ok: accuracy ${accuracy}, $(step_ms "${report}/$1.json") ms per step"
}

repeated() {
  [[ -d ${work}/ckpt ]] || skip "nothing was trained"
  train again
  cmp "${work}"/{ckpt,again}/checkpoint_lenet-10_1875.ckpt || differs "another checkpoint"
  echo "ok: two runs, equal checkpoints"
}

# evaluated DEVICE FLAG...: prints the accuracy of the trained checkpoint.
evaluated() {
  [[ -d ${work}/ckpt ]] || skip "nothing was trained"
  program //python:eval --device_target="$1" "${@:2}" --ckpt_path="${work}/ckpt" \
    --report="${work}/eval_$1"
  grep -o '"accuracy": [0-9.]*' "${work}/eval_$1/report.json" | head -n 1
}

evaluate() {
  local on_gpu on_cpu
  on_gpu="$(evaluated GPU "$@" | tail -n 1)"
  on_cpu="$(evaluated CPU | tail -n 1)"
  [[ ${on_gpu} == "${on_cpu}" ]] || differs "${on_gpu} on the GPU, ${on_cpu} on the CPU"
  echo "ok: ${on_gpu} on both"
}

# export_as FORMAT: exports; the program compares the file with the checkpoint.
export_as() {
  [[ -d ${work}/ckpt ]] || skip "nothing was trained"
  program //python:export "${gpu[@]}" --ckpt_file="${work}/ckpt" --file_name="${work}/lenet" \
    --file_format="$1"
}

resumed() {
  [[ -d ${work}/ckpt ]] || skip "nothing was trained"
  program //python:train "${gpu[@]}" --epoch_size=11 --ckpt_path="${work}/ckpt" --resume
}

distributed() {
  local -a nodes
  mapfile -t nodes < <(compgen -G "/dev/nvidia[0-9]*")
  [[ ${#nodes[@]} -ge 2 ]] || skip "this machine has ${#nodes[@]} cards"
  program //python:train_distributed --device_target=GPU --worker_num=2 --epoch_size=1 \
    --batch_size=16 --ckpt_path="${work}/distributed" --log_path="${report}/train_distributed"
  echo "ok: $(step_ms "${work}/distributed/metrics.json") ms per step"
}

# Test builds have the benchmark without PyTorch.
benchmark() {
  local name=train
  [[ -x ${runfiles}/tools/bench/train ]] || name=train_without_torch
  program "//tools/bench:${name}" --device_target=GPU --repetitions=3 --output="${report}/benchmark"
  local ratio
  ratio="$(sed -n 's/^| ours |[^|]*|[^|]*| \([0-9.]*\)× |.*/\1/p' "${report}/benchmark/train.md")"
  [[ -n ${ratio} ]] || skip "PyTorch failed; see gpu_report/benchmark/train.md"
  echo "ok: ${ratio} times as fast as PyTorch eager; table: gpu_report/benchmark/train.md"
}

item environment "Software and driver of this machine" environment nvidia-smi
item usable "This project's kernels run on this GPU" usable
needs_item usable

item kernels "The kernels compute what the reference on the CPU computes" said "all tests" \
  program //cc/gpu:card_test.run
item train "Training with the defaults exceeds 98.43 %" train ckpt
item repeated "Two runs give equal checkpoints" repeated
item eval "Evaluation on the GPU gives the accuracy of the CPU" evaluate
item export-mindir "The MindIR gives the outputs of the checkpoint" \
  said "written and compared" export_as MINDIR
item export-onnx "The ONNX gives the outputs of the checkpoint" \
  said "written and compared" export_as ONNX
item resume "--resume continues from the newest checkpoint" said "continued" resumed
item benchmark "Milliseconds per step, compared with PyTorch" benchmark

kernels_unusable="${unusable}"
unusable=""
item usable-operators "MindSpore's operators run on this GPU" usable --fused_kernels=false
needs_item usable-operators
item train-operators "Training with MindSpore's operators exceeds 98.43 %" \
  train operators --fused_kernels=false
item eval-operators "Evaluation with MindSpore's operators gives the accuracy of the CPU" \
  evaluate --fused_kernels=false
item distributed "Two cards train by NCCL" distributed

[[ -n ${kernels_unusable} ]] || unusable="" # something has run
end_report
