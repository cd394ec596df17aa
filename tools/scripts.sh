# shellcheck shell=bash
# What the run scripts share. Sourced by them; strict mode is theirs.

readonly user_dir="${BUILD_WORKING_DIRECTORY:-${PWD}}" # `bazel run` changes the folder

# usage_error MESSAGE: exit code 2 with the usage of the script, its comment that begins "# Usage:".
usage_error() {
  echo "$(basename "$0"): error: $1" >&2
  sed -n 's/^# \(Usage: .*\)/\1/p' "$0" >&2
  exit 2
}

# absolute PATH: as seen from where the user typed the command.
absolute() {
  case "$1" in
    /*) echo "$1" ;;
    *) echo "${user_dir}/$1" ;;
  esac
}

# run_program LABEL FLAG...: a program of this repository, such as //python:train. Under Bazel it
# is in the runfiles; when the script is called by hand, Bazel builds it first.
run_program() {
  local label="$1" path runfiles workspace
  shift
  path="lenet_mindspore/${label#//}"
  path="${path/://}"
  for runfiles in "${RUNFILES_DIR:-}" "${TEST_SRCDIR:-}" "$0.runfiles"; do
    if [[ -n ${runfiles} && -x ${runfiles}/${path} ]]; then
      "${runfiles}/${path}" "$@"
      return
    fi
  done
  workspace="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
  (cd "${workspace}" && tools/bazel run "${label}" -- "$@")
}

# run_standalone train|eval DEVICE DATA_PATH CKPT_PATH FLAG...: what six scripts do. The output is
# shown and kept in log.txt, where the command was typed.
run_standalone() {
  local program="$1" device="$2"
  shift 2
  [[ $# -ge 2 ]] || usage_error "expected two arguments, found $#"
  local data ckpt
  data="$(absolute "$1")"
  ckpt="$(absolute "$2")"
  shift 2
  [[ -d ${data} ]] || usage_error "DATA_PATH ${data} is not a folder"
  run_program "//python:${program}" --device_target="${device}" --data_path="${data}" \
    --ckpt_path="${ckpt}" "$@" 2>&1 | tee "${user_dir}/log.txt"
}
