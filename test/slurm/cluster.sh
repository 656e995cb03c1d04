#!/usr/bin/env bash
# A real Slurm on this machine, for the tests: one node, no root, no systemd, everything in one folder.
#
#   cluster.sh start DIR [GPUS]   prints the line to eval (SLURM_CONF); up in about a second
#   cluster.sh stop DIR
#   cluster.sh missing            prints the programs that are not installed; status 1 if there are any
#
# SlurmUser and SlurmdUser are the caller, munge has its own key and socket, nothing tracks processes but /proc.
set -euo pipefail

programs=(munged slurmctld slurmd sbatch squeue scancel scontrol)
PATH=$PATH:/usr/sbin:/sbin

missing() {
  local program lacking=()
  for program in "${programs[@]}"; do command -v "$program" >/dev/null || lacking+=("$program"); done
  [ ${#lacking[@]} = 0 ] || { echo "${lacking[*]}"; return 1; }
}

# A port that nothing listens on at this moment.
free_port() {
  perl -MIO::Socket::INET -e 'print IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1")->sockport'
}

start() {
  local dir gpus=${2:-0} user host cores
  mkdir -p "$1"
  dir=$(cd "$1" && pwd)
  user=$(id -un)
  host=$(hostname -s)
  cores=$(getconf _NPROCESSORS_ONLN)
  mkdir -p "$dir"/{state,spool,log,munge}
  chmod 755 "$dir"
  chmod 700 "$dir/munge"

  head -c 1024 /dev/urandom >"$dir/munge/key"
  chmod 600 "$dir/munge/key"
  # munged wants to see that nobody else can write to the folders above its files; in a test's folder that may not hold.
  munged --force --key-file="$dir/munge/key" --socket="$dir/munge/socket" --pid-file="$dir/munge/pid" \
    --log-file="$dir/munge/log" --seed-file="$dir/munge/seed" >"$dir/munge/start" 2>&1

  local gres_types='' node_gres='' gpu
  if [ "$gpus" -gt 0 ]; then
    gres_types=GresTypes=gpu
    node_gres=Gres=gpu:$gpus
    for ((gpu = 0; gpu < gpus; gpu++)); do
      : >"$dir/gpu$gpu"
      echo "NodeName=$host Name=gpu File=$dir/gpu$gpu"
    done >"$dir/gres.conf"
  fi
  cat >"$dir/slurm.conf" <<END
ClusterName=test
SlurmctldHost=$host(127.0.0.1)
SlurmUser=$user
SlurmdUser=$user
SlurmctldPort=$(free_port)
SlurmdPort=$(free_port)
AuthType=auth/munge
AuthInfo=socket=$dir/munge/socket
CredType=cred/munge
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/spool
SlurmctldPidFile=$dir/slurmctld.pid
SlurmdPidFile=$dir/slurmd.pid
SlurmctldLogFile=$dir/log/slurmctld
SlurmdLogFile=$dir/log/slurmd
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
ReturnToService=2
SchedulerParameters=sched_min_interval=1000,batch_sched_delay=0
KillWait=2
$gres_types
NodeName=$host NodeAddr=127.0.0.1 CPUs=$cores $node_gres State=UNKNOWN
PartitionName=test Nodes=ALL Default=YES MaxTime=INFINITE State=UP OverSubscribe=NO
END
  export SLURM_CONF=$dir/slurm.conf
  slurmctld -c >"$dir/log/slurmctld.start" 2>&1
  slurmd >"$dir/log/slurmd.start" 2>&1
  local try
  for ((try = 0; try < 100; try++)); do
    if sinfo --noheader --format=%t 2>/dev/null | grep -q idle; then
      echo "export SLURM_CONF=$SLURM_CONF"
      return
    fi
    sleep 0.1
  done
  tail "$dir"/log/* "$dir/munge/start" >&2
  stop "$dir"
  echo "cluster.sh: Slurm did not come up within 10 s; its logs are above" >&2
  return 1
}

stop() {
  local name pid
  for name in slurmd.pid slurmctld.pid munge/pid; do
    [ -f "$1/$name" ] || continue
    pid=$(cat "$1/$name")
    kill "$pid" 2>/dev/null || continue
    for _ in $(seq 50); do
      kill -0 "$pid" 2>/dev/null || continue 2
      sleep 0.1
    done
    kill -9 "$pid" 2>/dev/null || true
  done
}

case ${1:-} in
  missing) missing ;;
  start) start "$2" "${3:-0}" ;;
  stop) stop "$2" ;;
  *)
    echo "Usage: cluster.sh start DIR [GPUS] | stop DIR | missing"
    exit 1
    ;;
esac
