#!/usr/bin/env bash
# Evaluates a checkpoint on CPU; prints the output and writes it to log.txt.
# Usage: run_standalone_eval_cpu.sh DATA_PATH CKPT_NAME [flags of //python:eval]
[ -n "${BASH_VERSION:-}" ] || exec bash "$0" "$@" # the documents say `sh`
set -euo pipefail
here="$0.runfiles/lenet_mindspore/tools" # under `bazel run`
[[ -d ${here} ]] || here="$(dirname "$0")"
# shellcheck source=tools/scripts.sh
source "${here}/scripts.sh"
run_standalone eval CPU "$@"
