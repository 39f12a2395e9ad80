#!/usr/bin/env bash
# Run smoke.yaml on a real one-node Slurm with two pretend GPUs, started here and stopped afterwards.
# Root on Debian; installs slurm-wlm and munge where they are missing.
set -euo pipefail
cd "$(dirname "$0")/../.."
checkout=$PWD

if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
  echo "error: a Slurm of its own needs root on Debian; nothing was tested" >&2
  exit 1
fi
if ! command -v slurmctld >/dev/null; then
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends slurm-wlm munge >/dev/null
fi

work=$(mktemp -d)
host=$(hostname -s)
etc=/etc/slurm
if [ -e "$etc/slurm.conf" ]; then
  echo "error: this machine has a Slurm of its own ($etc/slurm.conf); nothing was tested" >&2
  exit 1
fi

stop() {
  local status=$? file
  # By process id, never by name: there may be another Slurm here.
  for file in "$work"/slurmd.pid "$work"/slurmctld.pid; do
    if [ -s "$file" ]; then kill "$(cat "$file")" 2>/dev/null || true; fi
  done
  if [ -n "${munge:-}" ]; then kill "$munge" 2>/dev/null || true; fi
  if [ "$status" -ne 0 ]; then
    tail -n 30 "$work"/*.log "$work"/run/logs/*/*.log 2>/dev/null || true
  fi
  rm -rf "$etc/slurm.conf" "$etc/gres.conf"
  # The daemons may still write while they shut down.
  for _ in 1 2 3 4 5; do cp -r "$work" /tmp/w/slurmwork; rm -rf "$work" 2>/dev/null && break || sleep 1; done
}
trap stop EXIT

start_slurm() {
  # At the default place: Slurm's own jobs do not pass SLURM_CONF on.
  mkdir -p "$etc"
  cat >"$etc/slurm.conf" <<CONF
ClusterName=proxykd
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
GresTypes=gpu
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
ReturnToService=2
StateSaveLocation=$work/state
SlurmdSpoolDir=$work/spool
SlurmctldPidFile=$work/slurmctld.pid
SlurmdPidFile=$work/slurmd.pid
SlurmctldLogFile=$work/slurmctld.log
SlurmdLogFile=$work/slurmd.log
SlurmctldPort=16817
SlurmdPort=16818
NodeName=$host NodeAddr=127.0.0.1 CPUs=$(nproc) RealMemory=20000 Gres=gpu:2 State=UNKNOWN
PartitionName=all Nodes=$host Default=YES MaxTime=INFINITE State=UP
CONF
  # Without a device file the node is drained; two files make two pretend GPUs.
  echo "Name=gpu File=/dev/null,/dev/zero" | sed 's/,/\nName=gpu File=/' >"$etc/gres.conf"
  mkdir -p "$work/state" "$work/spool" /run/munge
  if ! munge -n >/dev/null 2>&1; then
    chown munge: /run/munge /etc/munge/munge.key
    runuser -u munge -- munged --force --foreground >"$work/munged.log" 2>&1 &
    munge=$!
  fi
  slurmctld
  slurmd
  for _ in $(seq 60); do
    if sinfo -h -o %T 2>/dev/null | grep -q idle; then return; fi
    sleep 0.5
  done
  sinfo -R >&2
  echo "error: the node did not become idle" >&2
  exit 1
}

copy_checkout() {
  mkdir "$work/run"
  git ls-files -co --exclude-standard -z | xargs -0 cp --parents --target-directory "$work/run"
}

start_slurm
copy_checkout
cd "$work/run"
export PATH="$checkout/.venv/bin:$PATH"
# The pretend GPUs are no GPUs to torch.
export PROXYKD_DEVICE=cpu
# This Slurm keeps no accounts, a test need not be polite to it, and its node may have two cores only.
(
  while sleep 1; do squeue -h --Format 'JobID:10,tres-per-job:20,NumCPUs:8,MinMemory:10,TimeLimit:12,Comment:80' || true; done
) >"$work/queue.txt" 2>/dev/null &
watcher=$!
status=0
timeout 900 snakemake --profile slurm --configfile workflow/runs/smoke.yaml --slurm-status-command squeue --slurm-no-account \
  --slurm-init-seconds-before-status-checks 3 --set-resource-scopes mem_mb=local \
  --default-resources mem_mb=2000 runtime=10 nodes=1 --resources mem_mb=18000 \
  --set-threads train_teacher=2 attack_boundary=2 distill_student=2 --latency-wait 10 --retries 0 --quiet host reason -- all >"$work/snakemake.log" 2>&1 || status=$?
kill "$watcher" 2>/dev/null || true
if [ "$status" -ne 0 ]; then exit "$status"; fi
sort -u "$work/queue.txt"
"$checkout/.venv/bin/python" "$checkout/tests/slurm/check.py" "$work/queue.txt" results/summary.json
