#!/usr/bin/env bash
# Tests the six documented scripts: good and bad arguments, exit codes, log.txt.
set -euo pipefail
source tools/testing.sh

data="$(echo "${TEST_SRCDIR}"/*mnist/Data)" # the repository may have a longer name
readonly data tools="${PWD}/tools"
cd "${TEST_TMPDIR}"

expect_exit 0 "${tools}/run_standalone_train_cpu" "${data}" ckpt --max_steps=20 --log_steps=1
expect_text "epoch:1 step:1, loss is "
expect_file log.txt "epoch:1 step:20, loss is "
expect_file ckpt/checkpoint_lenet-1_20.ckpt

expect_exit 0 "${tools}/run_standalone_eval_cpu" "${data}" ckpt/checkpoint_lenet-1_20.ckpt
expect_text "Accuracy:"
expect_file log.txt "'Accuracy':"

for device in ascend gpu; do
  for program in train eval; do
    # Neither is available here: exit code 3 and the reason.
    expect_exit 3 "${tools}/run_standalone_${program}_${device}" "${data}" ckpt
    expect_file log.txt "error:"
  done
done

# The documents write `sh`, which may not be bash.
expect_exit 2 sh "${tools}/run_standalone_train_cpu" nowhere ckpt
expect_text "nowhere is not a folder"

for program in train eval; do
  expect_exit 2 "${tools}/run_standalone_${program}_cpu"
  expect_text "Usage: run_standalone_${program}_cpu.sh DATA_PATH"
  expect_exit 2 "${tools}/run_standalone_${program}_cpu" "${data}"
  expect_exit 2 "${tools}/run_standalone_${program}_cpu" nowhere ckpt
  expect_text "nowhere is not a folder"
  expect_exit 2 "${tools}/run_standalone_${program}_cpu" "${data}" ckpt --no_such_flag
done
finish
