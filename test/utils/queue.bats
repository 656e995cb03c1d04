#!/usr/bin/env bats
# shellcheck disable=SC2016  # $0 and $NAME are for the tools
# queue.pl against a qsub that writes down its command line and runs the script as Grid Engine would.
load helper

setup() {
  cd "$BATS_TEST_TMPDIR" || return 1
  mkdir bin
  cat >bin/qsub <<'END'
#!/usr/bin/env bash
echo "$*" >>qsub.log
script=${!#}
first=undefined last=undefined
while [ $# -gt 1 ]; do
  if [ "$1" = -t ]; then first=${2%-*} last=${2#*-}; fi
  shift
done
[ ! -e no-queue ] || { echo 'error: no suitable queues'; exit 1; }
if [ ! -e hold ]; then
  if [ $first = undefined ]; then
    SGE_TASK_ID=undefined bash "$script" >/dev/null 2>&1 3>&- &
  else
    (for ((task = first; task <= last; task++)); do SGE_TASK_ID=$task bash "$script"; done) >/dev/null 2>&1 3>&- &
  fi
fi
if [ $first = undefined ]; then echo 'Your job 42 ("x.sh") has been submitted'
else echo "Your job-array 42.$first-$last:1 (\"x.sh\") has been submitted"; fi
END
  printf '#!/bin/sh\necho "$@" >>qdel.log\n' >bin/qdel
  printf '#!/bin/sh\necho "Following jobs do not exist: $2"; exit 1\n' >bin/qstat
  chmod +x bin/*
  PATH=$PWD/bin:$PATH
}

@test "one job: log with head and tail, status 0" {
  run "$UTILS/queue.pl" logs/a.log echo "two words" \| tr a-z A-Z
  [ "$status" = 0 ]
  sed -E 's/(at|on) .*/\1 X/' logs/a.log >log
  is log '# echo "two words" | tr a-z A-Z ' '# Running on X' '# Started at X' '#' 'TWO WORDS' \
    '# Accounting: time=0 threads=1' '# Ended (code 0) at X'
  [ -z "$(ls logs/q/done* 2>/dev/null)" ]
}
@test "options become switches of qsub" {
  run "$UTILS/queue.pl" --mem 2G --num-threads 4 -l arch=x --time 1:00:00 --max-jobs-run 3 JOB=1:5 log.JOB true
  [ "$status" = 0 ]
  is qsub.log "-v PATH -cwd -S /bin/bash -j y -l arch=x -tc 3 -l mem_free=2G,ram_free=2G -pe smp 4 -l h_rt=1:00:00 -t 1-5 -o $PWD/q/log.\$TASK_ID.out $PWD/q/log.sh"
  grep -q threads=4 log.5
}
@test "conf/queue.conf, or --config, in Kaldi's format" {
  file conf/queue.conf '# ours' 'command qsub -fast' 'option mem=* -l m=$0  # memory' 'default gpu=0' 'option gpu=0' 'option gpu=* -q gpu.q -l g=$0'
  run "$UTILS/queue.pl" --gpu 2 --mem 3G a.log true
  [ "$status" = 0 ]
  grep -q '^-fast -q gpu.q -l g=2 -l m=3G -o' qsub.log
  run "$UTILS/queue.pl" --colour red a.log true
  [ "$status" != 0 ]
  [[ $output == *'option colour not described in conf/queue.conf'* ]]
  file other.conf 'command qsub -other'
  run "$UTILS/queue.pl" --config other.conf a.log true
  grep -q '^-other -o' qsub.log
  run "$UTILS/queue.pl" --config none.conf a.log true
  [ "$status" != 0 ]
  file bad.conf 'command qsub' 'nonsense'
  run "$UTILS/queue.pl" --config bad.conf a.log true
  [[ $output == *"unable to parse line 'nonsense'"* ]]
}
@test "failures are counted and the first log is shown" {
  run "$UTILS/queue.pl" JOB=1:4 logs/a.JOB.log echo "number JOB" \; test JOB -lt 3
  [ "$status" = 1 ]
  [[ $output == *'queue.pl: 2 / 4 failed, log is in logs/a.*.log'* ]]
  [[ $output == *'number 3'* ]]
}
@test "path.sh is sourced, and cannot cut the log short" {
  file path.sh 'set -eu' 'export GREETING=hello'
  run "$UTILS/queue.pl" a.log echo '$GREETING' \; exit 3
  [ "$status" = 1 ]
  grep -qx hello a.log
  grep -q 'Ended (code 3)' a.log
}
@test "a queue that refuses the job is an error with its words" {
  touch no-queue
  run "$UTILS/queue.pl" a.log true
  [ "$status" = 1 ]
  [[ $output == *'no suitable queues'* ]]
}
@test "an interrupt deletes the job" {
  touch hold
  perl -e '$SIG{INT} = "DEFAULT"; exec @ARGV' "$UTILS/queue.pl" JOB=1:2 a.JOB true 2>err 3>&- &
  runner=$!
  for _ in $(seq 100); do [ ! -e qsub.log ] || break; sleep 0.05; done
  sleep 0.3
  kill -INT $runner
  status=0
  wait $runner || status=$?
  [ "$status" = 130 ]
  is qdel.log 42
}

@test "a signal to the script of the job reaches the command, whose end is told" {
  cat >job.sh <<'END'
#!/usr/bin/env bash
trap 'echo saved; exit 99' USR1
echo $PPID >ready.tmp && mv ready.tmp ready # the script's shell
while :; do sleep 0.1; done
END
  chmod +x job.sh
  "$UTILS/queue.pl" logs/a.log ./job.sh >out 2>&1 3>&- &
  runner=$!
  for _ in $(seq 100); do [ ! -e ready ] || break; sleep 0.1; done
  kill -USR1 "$(cat ready)"
  wait "$runner" || true
  grep -q '^saved$' logs/a.log
  grep -q 'Ended (code 99)' logs/a.log
}
