#!/usr/bin/env bash
# Trains on Ascend; prints the output and writes it to log.txt.
# Usage: run_standalone_train_ascend.sh DATA_PATH CKPT_SAVE_PATH [flags of //python:train]
[ -n "${BASH_VERSION:-}" ] || exec bash "$0" "$@" # the documents say `sh`
set -euo pipefail
for here in "$0.runfiles"/{_main,lenet_mindspore}/tools "$(dirname "$0")"; do # under `bazel run`
  [[ ! -d ${here} ]] || break
done
# shellcheck source=tools/scripts.sh
source "${here}/scripts.sh"
run_standalone train Ascend "$@"
