#!/usr/bin/env bash
# A real Grid Engine on this machine, for the tests: one host, its own ports, everything in one folder. Started by root,
# since its daemons change to the users of the jobs.
#
#   gridengine.sh start DIR   prints the line to eval; up in about 3 s
#   gridengine.sh stop DIR
#   gridengine.sh missing     prints what is lacking; status 1 if anything is
set -euo pipefail

shared=/usr/share/gridengine

missing() {
  local program lacking=()
  for program in sge_qmaster sge_execd qsub qstat qdel qconf $shared/scripts/init_cluster; do
    command -v "$program" >/dev/null || lacking+=("$program")
  done
  [ "$(id -u)" = 0 ] || lacking+=("the rights of root")
  [ ${#lacking[@]} = 0 ] || { echo "${lacking[*]}"; return 1; }
}

# A port that nothing listens on at this moment.
free_port() {
  perl -MIO::Socket::INET -e 'print IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1")->sockport'
}

# within_10_s COMMAND...: until it succeeds
within_10_s() {
  local try
  for ((try = 0; try < 100; try++)); do
    if "$@" >/dev/null 2>&1; then return; fi
    sleep 0.1
  done
  return 1
}

# host_is_up HOST: its daemon has told the master what kind of machine it is
host_is_up() { qhost -h "$1" | grep -q ' lx-'; }

configure() {
  local dir=$1 host=$2
  # The defaults keep root's jobs out and write below /var/spool.
  qconf -sconf | sed "s|^min_uid.*|min_uid 0|; s|^min_gid.*|min_gid 0|
    s|^execd_spool_dir.*|execd_spool_dir $dir/spool/execd|" >"$dir/global"
  (cd "$dir" && qconf -Mconf global)
  qconf -as "$host"
  # A job is to be started and its end seen at once, not with the next round of the scheduler.
  qconf -ssconf | sed 's|^schedule_interval.*|schedule_interval 0:0:1|; s|^flush_submit_sec.*|flush_submit_sec 1|
    s|^flush_finish_sec.*|flush_finish_sec 1|' >"$dir/scheduler"
  qconf -Msconf "$dir/scheduler"
  # shellcheck disable=SC2016  # $pe_slots is Grid Engine's word
  printf '%s\n' 'pe_name smp' 'slots 99' 'user_lists NONE' 'xuser_lists NONE' 'start_proc_args NONE' 'stop_proc_args NONE' \
    'allocation_rule $pe_slots' 'control_slaves FALSE' 'job_is_first_task TRUE' 'urgency_slots min' \
    'accounting_summary FALSE' 'qsort_args NONE' >"$dir/smp"
  qconf -Ap "$dir/smp"
  qconf -sq | sed "s|^qname.*|qname all.q|; s|^hostlist.*|hostlist $host|; s|^slots.*|slots 2|
    s|^shell .*|shell /bin/bash|; s|^load_thresholds.*|load_thresholds NONE|
    s|^pe_list.*|pe_list smp|" >"$dir/queue"
  qconf -Aq "$dir/queue"
}

start() {
  local dir host link
  mkdir -p "$1"
  dir=$(cd "$1" && pwd)
  host=$(hostname)
  chmod 755 "$dir"
  mkdir -p "$dir"/{default/common,spool/qmaster,spool/execd,spool/db}
  for link in bin lib utilbin util; do ln -s "/var/lib/gridengine/$link" "$dir/$link"; done
  echo "$host" >"$dir/default/common/act_qmaster"
  echo "$host localhost" >"$dir/default/common/host_aliases" # the loopback address may have either name
  sed "s|^spooling_params.*|spooling_params $dir/spool/db|; s|^qmaster_spool_dir.*|qmaster_spool_dir $dir/spool/qmaster|
    s|^admin_user.*|admin_user root|" $shared/default-bootstrap >"$dir/default/common/bootstrap"
  export SGE_ROOT=$dir SGE_CELL=default SGE_QMASTER_PORT SGE_EXECD_PORT
  SGE_QMASTER_PORT=$(free_port)
  SGE_EXECD_PORT=$(free_port)
  if $shared/scripts/init_cluster "$dir" default "$dir/spool/db" root && sge_qmaster && within_10_s qconf -sh &&
    configure "$dir" "$host" && sge_execd && within_10_s host_is_up "$host"; then
    echo "export SGE_ROOT=$dir SGE_CELL=default SGE_QMASTER_PORT=$SGE_QMASTER_PORT SGE_EXECD_PORT=$SGE_EXECD_PORT" >&3
    return
  fi
  tail "$dir"/spool/*/messages "$dir"/spool/execd/*/messages >&2 || true
  stop "$dir"
  echo "gridengine.sh: Grid Engine did not come up; its messages are above" >&2
  return 1
}

stop() {
  local file pid
  for file in "$1"/spool/execd/*/execd.pid "$1"/spool/qmaster/qmaster.pid; do
    [ -f "$file" ] || continue
    pid=$(cat "$file")
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
  start)
    mkdir -p "$2"
    start "$2" 3>&1 >"$2/start.log" 2>&1 || {
      cat "$2/start.log" >&2
      exit 1
    }
    ;;
  stop) stop "$2" ;;
  *)
    echo "Usage: gridengine.sh start DIR | stop DIR | missing"
    exit 1
    ;;
esac
