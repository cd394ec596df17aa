#!/usr/bin/env bash
# Runs the archive in bare Debian systems and compares it with itself here; needs root and debootstrap.
# Usage: prove.sh [SUITE...]     (default: bullseye bookworm)
#
#   bazel run //cc/deploy:prove                       for x86-64
#   bazel run --config=aarch64 //cc/deploy:prove      for aarch64, emulated
#
# A bare system has debootstrap's minimal packages; it is kept in ~/.cache/lenet-systems. Compares exit
# codes, the output of --probe and of an error, and the logits of 10,000 images: on the CPU and, with an
# OM, on the AscendCL simulator. Exit codes: 0 all equal, 1 a difference, 3 not root or no debootstrap.
set -euo pipefail

runfiles="${RUNFILES_DIR:-$0.runfiles}"
root="${runfiles}/_main"
[[ -d ${root} ]] || root="${runfiles}/lenet_mindspore"
archive="$(echo "${root}"/cc/deploy/archive/lenet-infer310-*.tar.gz)"
cpu=amd64
[[ -z ${LENET_EMULATOR:-} ]] || cpu=arm64
readonly root archive cpu files=/mnt # in the bare system

if [[ ${EUID} -ne 0 ]] || ! command -v debootstrap > /dev/null; then
  echo "prove.sh: error: run this as root, with debootstrap (apt-get install debootstrap)" >&2
  exit 3
fi
work="$(mktemp -d)"
readonly work
trap 'rm -rf "${work}"' EXIT
mkdir -p "${work}/files/dev"
tar -xzf "${archive}" -C "${work}/files" --strip-components=1
cp -rL "${runfiles}"/*mnist/Data "${root}/cc/deploy/sim" "${root}/cc/ascend/testing/lenet.om" "${work}/files/"
touch "${work}/files/dev/"{davinci0,davinci_manager,devmm_svm,hisi_hdc}
[[ ${cpu} == amd64 ]] || cp "$(dirname "${LENET_EMULATOR}")/qemu" "${work}/files/"

# try NAME FOLDER PREFIX...: runs infer310, which the prefix finds in the folder; moves what it writes
# to ${work}/NAME.
try() {
  local name="$1" folder="$2" line
  shift 2
  mkdir "${work}/files/out"
  while read -r line; do
    local -a words=()
    read -ra words <<< "${line//@/${folder}}"
    local code=0 log="${work}/files/out/${words[0]}"
    env -i "${words[1]}" "LENET_ASCEND_DEVICES=${folder}/dev" "$@" "${folder}/infer310" "${words[@]:2}" \
      > "${log}.txt" 2>&1 < /dev/null || code=$?
    # qemu cannot read /proc/self/exe in another root, where the plug-in of the engine lite is looked for.
    [[ -z ${LENET_EMULATOR:-} ]] || sed -i '/^Lite plug-in/d' "${log}.txt"
    sed -i -E "s|${folder}||g; /^(Latency|Throughput)|images\/s\$/d; \$a exit code ${code}" "${log}.txt"
  done << 'END'
cpu     A=             --dataset_path=@/Data --result_path=@/out/cpu/result --mindir_path=@/lenet.mindir
acl     LD_LIBRARY_PATH=@/sim --dataset_path=@/Data --result_path=@/out/acl/result --mindir_path=@/lenet.om
probe   LD_LIBRARY_PATH=@/sim --probe --mindir_path=@/lenet.om
absent  A=             --probe --device_id=1
wrong   A=             --dataset_path=@/Data --mindir_path=@/missing.mindir
END
  mkdir "${work}/${name}"
  mv "${work}/files/out/"*.txt "${work}/${name}/"
  for line in cpu acl; do
    mv "${work}/files/out/${line}/result/results.npy" "${work}/${name}/${line}.npy" \
      || { cat "${work}/${name}/${line}.txt" >&2; exit 1; }
  done
  rm -r "${work}/files/out"
}

try here "${work}/files" ${LENET_EMULATOR:+"${LENET_EMULATOR}"}
cat "${work}/here/cpu.txt" "${work}/here/acl.txt"
failed=0
for suite in "${@:-bullseye bookworm}"; do
  for name in ${suite}; do
    tree="${HOME}/.cache/lenet-systems/${name}-${cpu}"
    if [[ ! -e ${tree}/made ]]; then
      rm -rf "${tree}"
      mkdir -p "${tree}"
      # shellcheck disable=SC2016
      mirror="$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | head -n 1)"
      foreign=""
      [[ ${cpu} == amd64 ]] || foreign=--foreign # unpacked, not configured, which needs a kernel with binfmt
      # Own namespaces, because debootstrap mounts /proc.
      unshare --mount --pid --fork debootstrap --variant=minbase ${foreign} --arch="${cpu}" "${name}" "${tree}" \
        "${mirror}" > "${work}/debootstrap.log" 2>&1 || { tail "${work}/debootstrap.log" >&2; exit 1; }
      mkdir -p "${tree}${files}" "${tree}/proc"
      touch "${tree}/made"
    fi
    export -f try
    export work files
    # shellcheck disable=SC2016 # expanded in the new namespace
    unshare --mount bash -ec 'mount --bind "${work}/files" "$2${files}"; mount -t proc proc "$2/proc"
      try "$1" "${files}" "$(command -v chroot)" "$2" ${3:+"${files}/qemu"}' \
      bash "${name}" "${tree}" "${LENET_EMULATOR:-}"
    if diff -r "${work}/here" "${work}/${name}"; then
      echo "${name} ${cpu}: equal"
    else
      echo "${name} ${cpu}: DIFFERENT"
      failed=1
    fi
  done
done
exit "${failed}"
