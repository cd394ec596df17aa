#!/usr/bin/env bash
# Compares the logits that two runs of infer310 wrote as results.npy.
# Usage: compare_results.sh FOLDER FOLDER CLASSES LOGITS
#
# At most CLASSES classes may differ, and each logit by at most LOGITS (a number, or inf). The last line
# starts with "ok: " (exit code 0) or "differs: " (1).
set -euo pipefail

# logits FOLDER: prints ten numbers per image.
logits() {
  local length
  length="$(od -An -j 8 -N 2 -t u2 "$1/results.npy")"
  od -An -v -w40 -t f4 -j $((10 + length)) "$1/results.npy"
}

if [[ $(stat -Lc %s "$1/results.npy") -ne $(stat -Lc %s "$2/results.npy") ]]; then
  echo "differs: $1 and $2 hold results of different images"
  exit 1
fi
paste -d ' ' <(logits "$1") <(logits "$2") | awk -v classes="$3" -v limit="$4" '
  {
    first = 1
    second = 11
    for (i = 1; i <= 10; ++i) {
      if ($i > $first) first = i
      if ($(i + 10) > $second) second = i + 10
      distance = $i > $(i + 10) ? $i - $(i + 10) : $(i + 10) - $i
      sum += distance
      if (distance > largest) largest = distance
    }
    if (second != first + 10) ++differing
    if (/nan/) unknown = 1
  }
  END {
    bad = unknown || differing > classes || (limit != "inf" && largest > limit + 0)
    printf "%s: %d of %d classes differ, logits by up to %.5f (mean %.5f)", bad ? "differs" : "ok", \
      differing, NR, largest, sum / (10 * NR)
    print bad ? "; expected at most " classes " and " limit : ""
    exit bad
  }'
