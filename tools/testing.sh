# shellcheck shell=bash
# What the tests of scripts share. Sourced by them; strict mode is theirs.

failures=0

# expect_exit CODE COMMAND...: runs it, keeps its output in ${output}.
expect_exit() {
  local expected="$1" code=0
  shift
  output="$("$@" 2>&1)" || code=$?
  if [[ ${code} -ne ${expected} ]]; then
    printf 'FAILED: exit code %s, expected %s: %s\n%s\n' "${code}" "${expected}" "$*" "${output}"
    failures=$((failures + 1))
  fi
}

# expect_text TEXT: the output of the last expect_exit has it.
expect_text() {
  if [[ ${output} != *"$1"* ]]; then
    printf 'FAILED: no "%s" in:\n%s\n' "$1" "${output}"
    failures=$((failures + 1))
  fi
}

# expect_file PATH [TEXT]: the file is there and has the text.
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
