# shellcheck shell=bash
# Common part of board_check and gpu_check: items are tried one by one and listed in a report.
# Set ${runfiles} and ${tools}, the folder of this file, before sourcing it.
# shellcheck disable=SC2154 # user_dir and archive come from scripts.sh, the others from the caller

if [[ ! -d ${runfiles}/tools && ! -x $(dirname "$0")/infer310 ]]; then # called directly: Bazel builds the programs
  name="$(basename "$0" .sh)"
  workspace="$(cd "$(dirname "$0")/.." && pwd)"
  bin="$(cd "${workspace}" && tools/bazel build "//tools:${name}" >&2 && tools/bazel info bazel-bin)"
  exec "${bin}/tools/${name}" "$@" # `bazel run` would change the user's folder
fi
# shellcheck source=tools/scripts.sh
source "${tools}/scripts.sh"

readonly limit=900 # seconds per item, because a driver may hang
readonly not_run=77
unusable="" # why nothing can be run on the device
bad=0

# begin_report KIND LIMIT [DEVICE_ID [ARGUMENT]]: accepts at most LIMIT arguments, sets ${device},
# creates the folders ${report} (kind_report in the user's folder) and ${work}, starts report.txt.
begin_report() {
  [[ $# -le $(($2 + 2)) ]] || usage_error "expected at most $2 arguments, found $(($# - 2))"
  device="${3:-0}"
  report="${user_dir}/${1,,}_report"
  readonly device report
  [[ ${device} =~ ^[0-9]+$ ]] || usage_error "DEVICE_ID must be a number, found ${device}"
  [[ ! -e ${report} ]] || usage_error "${report} exists; move it away first"
  work="$(mktemp -d)"
  trap 'rm -rf "${work}"' EXIT
  mkdir "${report}"
  {
    date -u "+$1 report of LeNet-5, %Y-%m-%d %H:%M UTC"
    echo "device ${device}; each item: its name, the statement, the finding"
    echo
  } > "${report}/report.txt"
}

# end_report: packs the report and exits: 0 all as expected, 1 differences or failures, 3 nothing ran.
end_report() {
  tar -czf "${report}.tar.gz" -C "${user_dir}" "$(basename "${report}")"
  echo "written: ${report}.tar.gz"
  [[ -z ${unusable} ]] || exit 3
  exit "${bad}"
}

# needs_repository [PROGRAM]: in the archive, ends an item.
needs_repository() { [[ -z ${archive} ]] || skip "only the repository has what it needs${1:+, $1}"; }

# program LABEL FLAG...: runs a program of this repository within the time limit.
program() {
  local label="$1" path="${1#//}"
  shift
  path="${runfiles}/${path/://}"
  [[ ${label} != //cc:infer310 || -z ${archive} ]] || path="${archive}/infer310"
  [[ ${path} == "${archive}/infer310" ]] || needs_repository "${label}"
  timeout -k 10 "${limit}" "${path}" "$@"
}

# skip REASON: ends an item that cannot run here.
skip() {
  echo "not run: $1"
  exit "${not_run}"
}

# differs TEXT: ends an item with this finding.
differs() {
  echo "differs: $1"
  exit 1
}

# item NAME STATEMENT COMMAND...: runs the command in a subshell and reports its last line that
# starts with "ok: ", "differs: " or "not run: ".
item() {
  local name="$1" statement="$2" log="${report}/$1.log" code=0 last
  shift 2
  if [[ -n ${unusable} ]]; then
    last="not run: ${unusable}"
    echo "${last}" > "${log}"
  else
    set +e # `|| code=$?` would make Bash ignore the `set -e` in the subshell
    (set -e; "$@") > "${log}" 2>&1
    code=$?
    set -e
    last="$(grep -E '^(ok|differs|not run): ' "${log}" | tail -n 1)" \
      || last="failed: $(tail -n 1 "${log}") (exit code ${code})"
    [[ ${last} != "ok: "* || ${code} -eq 0 ]] || last+=" (but exit code ${code})"
  fi
  [[ ${last} != differs:* && ${last} != failed:* && ${last} != *"(but exit code "* ]] || bad=1
  printf '%s\n    %s\n    %s\n' "${name}" "${statement}" "${last}" | tee -a "${report}/report.txt"
}

# needs_item NAME: skips the following items unless this one is "ok".
needs_item() {
  local verdict
  verdict="$(grep -E '^(ok|differs|not run): ' "${report}/$1.log" | tail -n 1)" || verdict=": no $1"
  [[ ${verdict} == "ok: "* ]] || unusable="${verdict#*: }"
}

# said TEXT COMMAND...: reports "ok: TEXT" if the command succeeds.
said() {
  "${@:2}" || differs "exit code $?; see above"
  echo "ok: $1"
}

# environment COMMAND...: records the machine and the output of a tool that lists the devices.
environment() {
  if [[ -n ${archive} ]]; then
    cat /proc/version /etc/os-release
    program //cc:infer310 --version
  else
    program //tools:doctor
  fi
  timeout 60 "$@" || echo "$1: exit code $?"
  echo "ok: recorded"
}

# step_ms METRICS_JSON: prints the median time per step in milliseconds.
step_ms() { sed -n 's/.*"ms_per_step_median": \([0-9]*\.[0-9]\{0,3\}\).*/\1/p' "$1"; }
