# shellcheck shell=bash
# Functions of script tests, which source this file and set strict mode.

failures=0

# expect_exit CODE COMMAND...: runs the command, checks its exit code and sets ${output}.
expect_exit() {
  local expected="$1" code=0
  shift
  output="$("$@" 2>&1)" || code=$?
  if [[ ${code} -ne ${expected} ]]; then
    printf 'FAILED: exit code %s, expected %s: %s\n%s\n' "${code}" "${expected}" "$*" "${output}"
    failures=$((failures + 1))
  fi
}

# expect_text TEXT: checks that the output of the last expect_exit contains TEXT.
expect_text() {
  if [[ ${output} != *"$1"* ]]; then
    printf 'FAILED: no "%s" in:\n%s\n' "$1" "${output}"
    failures=$((failures + 1))
  fi
}

# expect_file PATH [TEXT]: checks that the file exists and contains TEXT.
expect_file() {
  if ! grep -qF -- "${2:-}" "$1"; then
    printf 'FAILED: no %s, or no "%s" in it\n' "$1" "${2:-}"
    failures=$((failures + 1))
  fi
}

finish() {
  [[ ${failures} -eq 0 ]] && echo "all passed"
  exit "$((failures > 0))"
}
