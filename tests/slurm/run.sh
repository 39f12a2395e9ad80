#!/usr/bin/env bash
# Run jobs.py on a real one-node Slurm with two pretend GPUs, started here and stopped afterwards.
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
  if [ "$status" -ne 0 ]; then tail -n 30 "$work"/*.log || true; fi
  rm -rf "$etc/slurm.conf" "$etc/gres.conf"
  # The daemons may still write while they shut down.
  for _ in 1 2 3 4 5; do rm -rf "$work" 2>/dev/null && break || sleep 1; done
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
SlurmdParameters=config_overrides
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
GresTypes=gpu
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
KillWait=5
MinJobAge=3600
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
NodeName=$host NodeAddr=127.0.0.1 CPUs=24 RealMemory=100000 Gres=gpu:2 State=UNKNOWN
PartitionName=all Nodes=$host Default=YES MaxTime=INFINITE State=UP
PartitionName=later Nodes=$host MaxTime=INFINITE State=DOWN
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
    if timeout 1 sinfo -h -o %T 2>/dev/null | grep -q idle; then return; fi
    sleep 0.5
  done
  timeout 1 sinfo -R >&2 || true
  echo "error: the node did not become idle" >&2
  exit 1
}

start_slurm
# Its jobs find the environment's python by this.
export PATH="$checkout/.venv/bin:$PATH"
python -m pytest -p no:cacheprovider --basetemp "$work/runs" --durations=0 tests/slurm/jobs.py
