#!/usr/bin/env bash
# Evaluates a checkpoint on Ascend; prints the output and writes it to log.txt.
# Usage: run_standalone_eval_ascend.sh DATA_PATH CKPT_NAME [flags of //python:eval]
[ -n "${BASH_VERSION:-}" ] || exec bash "$0" "$@" # the documents say `sh`
set -euo pipefail
for here in "$0.runfiles"/{_main,lenet_mindspore}/tools "$(dirname "$0")"; do # under `bazel run`
  [[ ! -d ${here} ]] || break
done
# shellcheck source=tools/scripts.sh
source "${here}/scripts.sh"
run_standalone eval Ascend "$@"
