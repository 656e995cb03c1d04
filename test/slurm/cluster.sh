#!/usr/bin/env bash
# A real Slurm on this machine, for the tests: one node or more, no root, no systemd, everything in one folder.
#
#   cluster.sh start DIR [GPUS [NODES]]   prints the line to eval (SLURM_CONF); up in about a second
#   cluster.sh kill DIR NODE              ends a node and all that runs on it at once, as a power failure does
#   cluster.sh boot DIR NODE              and starts it again
#   cluster.sh stop DIR
#   cluster.sh missing                    prints the programs that are not installed; status 1 if there are any
#
# Of several nodes, node1 node2 ..., each is a slurmd with its own name, port and folders. Programs that look for the
# address of a node by its name need MASTER_ADDR=127.0.0.1.
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
  local dir gpus=${2:-0} count=${3:-1} user host node
  mkdir -p "$1"
  dir=$(cd "$1" && pwd)
  user=$(id -un)
  host=$(hostname -s)
  mkdir -p "$dir"/{state,log,munge}
  local nodes=("$host") # names that others resolve, where there is one
  if [ "$count" -gt 1 ]; then mapfile -t nodes < <(seq -f node%g "$count"); fi
  for node in "${nodes[@]}"; do mkdir "$dir/spool.$node"; done
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
    node_gres=Gres=gpu:a100:$gpus
    for ((gpu = 0; gpu < gpus; gpu++)); do
      : >"$dir/gpu$gpu"
      echo "Name=gpu Type=a100 File=$dir/gpu$gpu"
    done >"$dir/gres.conf"
  fi
  cat >"$dir/slurm.conf" <<END
ClusterName=test
SlurmctldHost=$host(127.0.0.1)
SlurmUser=$user
SlurmdUser=$user
SlurmctldPort=$(free_port)
AuthType=auth/munge
AuthInfo=socket=$dir/munge/socket
SlurmdTimeout=20
SlurmdParameters=config_overrides
CredType=cred/munge
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/spool.%n
SlurmctldPidFile=$dir/slurmctld.pid
SlurmdPidFile=$dir/slurmd.%n.pid
SlurmctldLogFile=$dir/log/slurmctld
SlurmdLogFile=$dir/log/slurmd.%n
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
$(for node in "${nodes[@]}"; do
    echo "NodeName=$node NodeHostname=$host NodeAddr=127.0.0.1 Port=$(free_port) CPUs=16 RealMemory=200000 $node_gres State=UNKNOWN"
  done)
PartitionName=test Nodes=ALL Default=YES MaxTime=INFINITE State=UP OverSubscribe=NO
PartitionName=main Nodes=ALL
PartitionName=cpu Nodes=ALL
PartitionName=gpu Nodes=ALL
END
  export SLURM_CONF=$dir/slurm.conf
  slurmctld -c >"$dir/log/slurmctld.start" 2>&1
  for node in "${nodes[@]}"; do boot "$dir" "$node"; done
  local try
  for ((try = 0; try < 300; try++)); do
    if [ "$(sinfo --noheader --partition=test --states=idle --format=%D 2>/dev/null)" = "$count" ]; then
      echo "export SLURM_CONF=$SLURM_CONF"
      return
    fi
    sleep 0.1
  done
  tail "$dir"/log/* "$dir/munge/start" >&2
  stop "$dir"
  echo "cluster.sh: Slurm did not come up within 30 s; its logs are above" >&2
  return 1
}

boot() { SLURM_CONF=$1/slurm.conf slurmd -N "$2" >"$1/log/slurmd.$2.start" 2>&1; }

kill_node() {
  kill -9 "$(cat "$1/slurmd.$2.pid")"
  kill_steps "$1" "$2"
}

# What a node runs has its name in the environment; its parent, the slurmstepd of the step, has not.
kill_steps() {
  local folder parent tasks=()
  for folder in /proc/[0-9]*; do
    if grep -qzsx "SLURMD_NODENAME=$2" "$folder/environ" && grep -qzsx "SLURM_CONF=$1/slurm.conf" "$folder/environ"; then
      tasks+=("${folder#/proc/}")
      parent=$(awk '/^PPid:/ { print $2 }' "$folder/status" 2>/dev/null) || continue
      if grep -qs '^slurmstepd' "/proc/$parent/comm"; then kill -9 "$parent" 2>/dev/null || true; fi
    fi
  done
  [ ${#tasks[@]} = 0 ] || kill -9 "${tasks[@]}" 2>/dev/null || true
}

stop() {
  local file pid folder
  for file in "$1"/slurmd.*.pid "$1/slurmctld.pid" "$1/munge/pid"; do
    [ -f "$file" ] || continue
    pid=$(cat "$file")
    kill "$pid" 2>/dev/null || continue
    for _ in $(seq 50); do
      kill -0 "$pid" 2>/dev/null || continue 2
      sleep 0.1
    done
    kill -9 "$pid" 2>/dev/null || true
  done
  for folder in "$1"/spool.*; do kill_steps "$1" "${folder##*/spool.}"; done
}

case ${1:-} in
  missing) missing ;;
  start) start "$2" "${3:-0}" "${4:-1}" ;;
  boot) boot "$2" "$3" ;;
  kill) kill_node "$2" "$3" ;;
  stop) stop "$2" ;;
  *)
    echo "Usage: cluster.sh start DIR [GPUS [NODES]] | kill DIR NODE | boot DIR NODE | stop DIR | missing"
    exit 1
    ;;
esac
