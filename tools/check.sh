# shellcheck shell=bash
# What board_check and gpu_check share: items, tried one after the other, and a report of them.
# Sourced by them after scripts.sh, with the runfiles in ${runfiles}; strict mode is theirs.
# shellcheck disable=SC2154 # user_dir is of scripts.sh, runfiles of the caller

readonly limit=900 # seconds for an item, which may hang with the driver
readonly not_run=77
unusable="" # why nothing can be run on the device
bad=0

# begin_report NAME: sets ${report}, the folder NAME where the command was typed, and ${work}.
begin_report() {
  report="${user_dir}/$1"
  readonly report
  [[ ! -e ${report} ]] || usage_error "${report} is there already; move it away first"
  work="$(mktemp -d)"
  trap 'rm -rf "${work}"' EXIT
  mkdir "${report}"
}

# end_report: packs it and ends the script: 0 all that ran is as expected, 1 it is not, 3 nothing ran.
end_report() {
  tar -czf "${report}.tar.gz" -C "${user_dir}" "$(basename "${report}")"
  echo "written: ${report}.tar.gz"
  [[ -z ${unusable} ]] || exit 3
  exit "${bad}"
}

# program LABEL FLAG...: of this repository, such as //python:train, not longer than the limit.
program() {
  local path="${1#//}"
  shift
  timeout -k 10 "${limit}" "${runfiles}/${path/://}" "$@"
}

# skip REASON: ends an item that cannot be run here.
skip() {
  echo "not run: $1"
  exit "${not_run}"
}

# item NAME STATEMENT COMMAND...: runs the command in a subshell and enters into the report what
# became of it: the last of its lines "ok: ...", "differs: ..." or "not run: ..." is the finding.
item() {
  local name="$1" statement="$2" log="${report}/$1.log" code=0 last
  shift 2
  if [[ -n ${unusable} ]]; then
    last="not run: ${unusable}"
    echo "${last}" > "${log}"
  else
    set +e # not `|| code=$?`: in front of || Bash ignores the `set -e` within
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

# needs_item NAME: what follows is not run if this one did not find what it should.
needs_item() {
  local verdict
  verdict="$(grep -E '^(ok|differs|not run): ' "${report}/$1.log" | tail -n 1)" || verdict=": no $1"
  [[ ${verdict} == "ok: "* ]] || unusable="${verdict#*: }"
}

# said TEXT COMMAND...: the command must succeed, and "ok: TEXT" is the finding.
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

# step_ms METRICS_JSON: the median of the milliseconds of a step.
step_ms() { sed -n 's/.*"ms_per_step_median": \([0-9]*\.[0-9]\{0,3\}\).*/\1/p' "$1"; }
