# shellcheck shell=bash
# Functions of board_check and gpu_check: items are tried one by one and listed in a report.
# Source scripts.sh first and set ${runfiles}.
# shellcheck disable=SC2154 # user_dir comes from scripts.sh, runfiles from the caller

readonly limit=900 # seconds per item, because a driver may hang
readonly not_run=77
unusable="" # why nothing can be run on the device
bad=0

# begin_report NAME: creates the folder ${report} in the user's folder, and ${work}.
begin_report() {
  report="${user_dir}/$1"
  readonly report
  [[ ! -e ${report} ]] || usage_error "${report} exists; move it away first"
  work="$(mktemp -d)"
  trap 'rm -rf "${work}"' EXIT
  mkdir "${report}"
}

# end_report: packs the report and exits: 0 all as expected, 1 differences or failures, 3 nothing ran.
end_report() {
  tar -czf "${report}.tar.gz" -C "${user_dir}" "$(basename "${report}")"
  echo "written: ${report}.tar.gz"
  [[ -z ${unusable} ]] || exit 3
  exit "${bad}"
}

# program LABEL FLAG...: runs a program of this repository within the time limit.
program() {
  local path="${1#//}"
  shift
  timeout -k 10 "${limit}" "${runfiles}/${path/://}" "$@"
}

# skip REASON: ends an item that cannot run here.
skip() {
  echo "not run: $1"
  exit "${not_run}"
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
  local text="$1" code=0
  shift
  "$@" || code=$?
  [[ ${code} -eq 0 ]] || {
    echo "differs: exit code ${code}; see above"
    exit 1
  }
  echo "ok: ${text}"
}

# step_ms METRICS_JSON: prints the median time per step in milliseconds.
step_ms() { sed -n 's/.*"ms_per_step_median": \([0-9]*\.[0-9]\{0,3\}\).*/\1/p' "$1"; }
