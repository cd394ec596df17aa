# shellcheck shell=bash
# Functions of the run scripts, which source this file and set strict mode.

readonly user_dir="${BUILD_WORKING_DIRECTORY:-${PWD}}" # `bazel run` changes the folder

# Folder of the archive of //cc:deploy, which has infer310 beside the scripts; else empty.
archive=""
[[ ! -x $(dirname "${BASH_SOURCE[0]}")/infer310 ]] || archive="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
readonly archive

# usage_error MESSAGE: prints the message and the script's "# Usage:" comment, and exits with 2.
usage_error() {
  echo "$(basename "$0"): error: $1" >&2
  sed -n 's/^# \(Usage: .*\)/\1/p' "$0" >&2
  exit 2
}

# require_data PATH: exits if PATH, which should hold MNIST, is not a folder.
require_data() {
  [[ -d $1 ]] || usage_error "DATA_PATH $1 is not a folder; in the repository, \`python3 python/lenet/data/fetch.py Data\` fetches MNIST"
}

# absolute PATH: prints PATH relative to the folder in which the user typed the command.
absolute() {
  case "$1" in
    /*) echo "$1" ;;
    *) echo "${user_dir}/$1" ;;
  esac
}

# run_program LABEL FLAG...: runs a program of this repository, such as //python:train, from the
# archive or the runfiles; without these, with the python3 of PATH if it has MindSpore, else by
# Bazel.
run_program() {
  local label="$1" path runfiles workspace
  shift
  path="${label#//}"
  path="${path/://}"
  if [[ -n ${archive} ]]; then
    "${archive}/${label##*:}" "$@"
    return
  fi
  # Bazel names the folder of this repository _main if it reads MODULE.bazel.
  for runfiles in {"${RUNFILES_DIR:-$0.runfiles}","${TEST_SRCDIR:-$0.runfiles}","$0.runfiles"}/{_main,lenet_mindspore}; do
    if [[ -x ${runfiles}/${path} ]]; then
      "${runfiles}/${path}" "$@"
      return
    fi
  done
  workspace="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
  if [[ -f ${workspace}/${path}.py ]] &&
    python3 -c 'from importlib import util; exit(not util.find_spec("mindspore"))' 2> /dev/null; then
    PYTHONPATH="${workspace}/python" python3 "${workspace}/${path}.py" "$@"
  elif command -v bazel bazelisk > /dev/null; then
    (cd "${workspace}" && tools/bazel build "${label}") && "${workspace}/bazel-bin/${path}" "$@"
  elif [[ -x ${workspace}/bazel-bin/${path} ]]; then
    "${workspace}/bazel-bin/${path}" "$@"
  elif [[ -f ${workspace}/${path}.py ]]; then
    echo "$(basename "$0"): error: python3 has no MindSpore; run python3 -m pip install -r" \
      "${workspace}/python/requirements.txt (Python 3.10 to 3.12), or install Bazel" >&2
    return 3
  else
    echo "$(basename "$0"): error: ${label} must be built; run ${workspace}/tools/bazel build" \
      "${label}, which installs Bazel" >&2
    return 3
  fi
}

# to_om_by_atc ONNX OM [--aipp|--dynamic_batch=SIZES|--soc_version=CHIP]...: converts as //tools:to_om
# does, in the archive of //cc:deploy (${archive}), which has no Python.
to_om_by_atc() {
  local onnx="$1" om="$2" batch=1 soc folder code=0
  shift 2
  soc="$("${archive}/infer310" --probe --json | sed -nE 's/.*"soc_name": "([^"-]*).*/\1/p')" || true
  local -a atc=(atc --framework=5 --model="${onnx}" --output=lenet --input_format=NCHW --output_type=FP32)
  while [[ $# -gt 0 ]]; do
    case "$1" in
      --aipp) atc+=("--insert_op_conf=${archive}/aipp.cfg") ;;
      --soc_version=*) soc="${1#*=}" ;;
      --dynamic_batch=*) batch=-1 && atc+=("--dynamic_batch_size=${1#*=}") ;;
    esac
    shift
  done
  atc+=("--soc_version=${soc:-Ascend310}" "--input_shape=x:${batch},1,32,32")
  if ! command -v atc > /dev/null; then
    echo "$(basename "$0"): error: ATC, the converter of CANN, is not installed; source its set_env.sh, or" \
      "convert where the toolkit is: ${atc[*]@Q}" >&2
    return 3
  fi
  folder="$(mktemp -d)" # for the files that ATC leaves
  (cd "${folder}" && "${atc[@]}") || code=1
  mv "${folder}"/lenet*.om "${om}" || code=1
  rm -r "${folder}"
  return "${code}"
}

# run_standalone train|eval DEVICE DATA_PATH CKPT_PATH FLAG...: runs a program on a device; its
# output is printed and written to log.txt in the user's folder.
run_standalone() {
  local program="$1" device="$2"
  shift 2
  [[ $# -ge 2 ]] || usage_error "expected two arguments, found $#"
  local data ckpt
  data="$(absolute "$1")"
  ckpt="$(absolute "$2")"
  shift 2
  require_data "${data}"
  run_program "//python:${program}" --device_target="${device}" --data_path="${data}" \
    --ckpt_path="${ckpt}" "$@" 2>&1 | tee "${user_dir}/log.txt"
}
