#!/usr/bin/env bats
# shellcheck disable=SC2016  # variables are for the job's own shell
# queue.pl against a real Grid Engine, started and stopped here; queue.bats needs none.
load helper

setup_file() {
  if missing=$("$BATS_TEST_DIRNAME/gridengine.sh" missing); then
    SGE_TEST_DIR=$(mktemp -d)
    export SGE_TEST_DIR
    environment=$("$BATS_TEST_DIRNAME/gridengine.sh" start "$SGE_TEST_DIR" 3>&-)
    eval "$environment"
  else
    export MISSING=$missing
  fi
}
teardown_file() {
  if [ -n "${SGE_TEST_DIR:-}" ]; then
    "$BATS_TEST_DIRNAME/gridengine.sh" stop "$SGE_TEST_DIR"
    rm -rf "$SGE_TEST_DIR"
  fi
}
setup() {
  [ -z "${MISSING:-}" ] ||
    skip "lacking: $MISSING (as root: apt-get install gridengine-master gridengine-exec gridengine-client)"
  cd "$BATS_TEST_TMPDIR" || return 1
  queue=$UTILS/queue.pl
}

@test "one job: log with head and tail, status 0" {
  run timeout 60 "$queue" logs/a.log echo "two words" \| tr a-z A-Z
  [ "$status" = 0 ]
  [ "$output" = '' ]
  sed -E 's/(at|on) .*/\1 X/; s/time=[0-9]+/time=N/' logs/a.log >log
  is log '# echo "two words" | tr a-z A-Z ' '# Running on X' '# Started at X' '#' 'TWO WORDS' \
    '# Accounting: time=N threads=1' '# Ended (code 0) at X'
}
@test "an array: every number, failures counted, the limit on running tasks kept" {
  mkdir on
  run timeout 90 "$queue" --max-jobs-run 1 JOB=2:4 exp/log/a.JOB.log touch on/JOB \; ls on \| wc -l \>\>peak \; \
    sleep 0.5 \; rm on/JOB \; test JOB -ne 3
  [ "$status" = 1 ]
  [[ $output == *'queue.pl: 1 / 3 failed, log is in exp/log/a.*.log'* ]]
  [[ $output == *'the end of exp/log/a.3.log'* ]]
  [ "$(sort -u peak)" = 1 ]
  [ "$(wc -l <peak)" = 3 ]
  for n in 2 3 4; do [ -e exp/q/a.$n.out ]; done
}
@test "--num-threads takes slots of the parallel environment smp" {
  run timeout 60 "$queue" --num-threads 2 a.log echo 'slots:$NSLOTS'
  [ "$status" = 0 ]
  grep -qx 'slots:2' a.log
}
@test "an interrupt deletes the jobs" {
  perl -e '$SIG{INT} = "DEFAULT"; exec @ARGV' "$queue" JOB=1:2 a.JOB.log sleep 500 2>err 3>&- &
  runner=$!
  for _ in $(seq 150); do
    [ ! -e a.1.log ] || break
    sleep 0.1
  done
  kill -INT $runner
  status=0
  wait $runner || status=$?
  [ "$status" = 130 ]
  for _ in $(seq 150); do
    [ -n "$(qstat)" ] || break
    sleep 0.1
  done
  [ -z "$(qstat)" ]
}
@test "a job that is deleted from outside is a failure, not an endless wait" {
  timeout 120 "$queue" a.log sleep 500 2>err 3>&- &
  runner=$!
  for _ in $(seq 150); do
    [ ! -e a.log ] || break
    sleep 0.1
  done
  qdel "$(qstat | awk 'END {print $1}')"
  status=0
  wait $runner || status=$?
  [ "$status" = 1 ]
  grep -q 'ended without a result' err
}
@test "a job that Grid Engine refuses is an error with its words" {
  run timeout 60 "$queue" -q no-such.q -w e a.log true
  [ "$status" = 1 ]
  [[ $output == *'error submitting'* ]]
}
