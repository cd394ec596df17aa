#!/usr/bin/env bash
# Trains on two machines, each of which is a network namespace with one worker. As root:
# bazel test //python:two_machines_test
set -euo pipefail

readonly program="${PWD}/python/train_distributed"
readonly first="lenet-$$-0" second="lenet-$$-1" address=10.77.0.1

clean_up() {
  ip netns del "${first}" 2>/dev/null || true
  ip netns del "${second}" 2>/dev/null || true
}
trap clean_up EXIT

ip netns add "${first}"
ip netns add "${second}"
ip link add lenet0 netns "${first}" type veth peer name lenet1 netns "${second}"
ip -n "${first}" addr add "${address}/24" dev lenet0
ip -n "${second}" addr add 10.77.0.2/24 dev lenet1
for namespace in "${first}" "${second}"; do ip -n "${namespace}" link set lo up; done
ip -n "${first}" link set lenet0 up
ip -n "${second}" link set lenet1 up

# train_on NAMESPACE RANK
train_on() {
  ip netns exec "$1" "${program}" --worker_num=2 --local_worker_num=1 --node_rank="$2" \
    --master_addr="${address}" --master_port=8118 --max_steps=20 --device_target=CPU \
    --ckpt_path="${TEST_TMPDIR}/ckpt" --log_path="${TEST_TMPDIR}/logs"
}
train_on "${first}" 0 &
train_on "${second}" 1
wait "$!"

grep -q '"workers": 2' "${TEST_TMPDIR}/ckpt/metrics.json"
cd "${TEST_TMPDIR}/logs"
[[ -s node_0/worker_0.log && -s node_1/worker_1.log ]]
[[ ! -e node_1/scheduler.log ]] # only the first machine runs the scheduler
