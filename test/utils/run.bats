#!/usr/bin/env bats
# shellcheck disable=SC2016  # variables are for the job's own shell
load helper

runpl() { run "$UTILS/run.pl" "$@"; }

@test "one job: its output and errors in the log, between head and tail" {
  runpl logs/a.log echo hello \; echo oops \>\&2
  [ "$status" = 0 ]
  [ "$output" = '' ]
  sed -E 's/at [A-Z][a-z]{2} .*, elapsed/at DATE, elapsed/; s/(time=|elapsed time )1/\10/; s/^(# Started at) .*/\1 DATE/' logs/a.log >log
  is log '# echo hello ; echo oops >&2 ' '# Started at DATE' '#' hello oops \
    '# Accounting: time=0 threads=1' '# Ended (code 0) at DATE, elapsed time 0 seconds'
}
@test "JOB becomes the number everywhere, whatever the name" {
  runpl JOB=3:5 log.JOB.txt echo xJOBy
  [ "$status" = 0 ]
  for n in 3 4 5; do grep -qx "x${n}y" log.$n.txt; done
  runpl PART=2 log.PART.txt echo PART
  grep -qx 2 log.2.txt
}
@test "words with blanks stay one word; variables expand unless the word has double quotes" {
  file args.sh 'printf "<%s>\n" "$@"'
  X=seen runpl log bash args.sh 'a  b' 'value $X' 'a "b" $X' '' '$X'
  grep -v '^#' log >out
  is out '<a  b>' '<value seen>' '<a "b" $X>' '<>' '<seen>'
}
@test "pipes and redirections given as words are bash's" {
  runpl log echo b a \| tr "' '" "'\\n'" \| sort \> out
  is out a b
}
@test "a failure: status 1, the log's name and tail, and the command to run again" {
  runpl logs/a.log echo before \; exit 7
  [ "$status" = 1 ]
  [[ $output == *'run.pl: job failed, log is in logs/a.log'* ]]
  [[ $output == *'before'* ]]
  [[ $output == *"logs/a.log echo before ';' exit 7"* ]]
  grep -q '^# Ended (code 7) at ' logs/a.log
}
@test "of several jobs: how many failed, and the first failing log" {
  runpl JOB=1:6 logs/a.JOB.log echo "number JOB" \; test JOB -ne 3 -a JOB -ne 5
  [ "$status" = 1 ]
  [[ $output == *'run.pl: 2 / 6 failed, log is in logs/a.*.log'* ]]
  [[ $output == *'the end of logs/a.3.log'* ]]
  [[ $output == *'number 3'* ]]
  [[ $output != *'number 5'* ]]
}
@test "the command that it names does run the failing job again" {
  runpl JOB=1:3 a.JOB.log test -e 'a file' -o JOB -ne 2
  [ "$status" = 1 ]
  touch 'a file'
  rm a.1.log
  eval "${output##*again: }"
  [ ! -e a.1.log ]
  grep -q 'code 0' a.2.log
}
@test "a job killed by a signal is a failure" {
  file job.sh 'kill -9 $$'
  runpl a.log exec bash job.sh
  [ "$status" = 1 ]
  grep -qE '^# Ended \(code (0; signal 9|137)\)' a.log
}
@test "a syntax error in the command still ends the log" {
  runpl a.log if "then"
  [ "$status" = 1 ]
  grep -q '^# Ended (code [12])' a.log
}
@test "no more jobs at one time than --max-jobs-run, and all of them run" {
  for limit in 1 3; do
    rm -rf on peak
    mkdir on
      runpl --max-jobs-run $limit JOB=1:7 l.JOB touch on/JOB \; ls on \| wc -l \>\>peak \; sleep 0.1 \; rm on/JOB
    [ "$status" = 0 ]
    [ "$(wc -l <peak)" = 7 ]
    [ "$(sort -n peak | tail -1)" -le $limit ]
  done
}
@test "without the option no more jobs than cores; --num-threads counts" {
  mkdir on
  cores=$(taskset -cp $$ 2>/dev/null | sed 's/.*: //' | tr ',' '\n' | awk -F- '{n += NF == 2 ? $2 - $1 + 1 : 1} END {print n}')
  [ "${cores:-0}" -gt 0 ] || cores=$(getconf _NPROCESSORS_ONLN)
  runpl JOB=1:$((2 * cores + 1)) l.JOB touch on/JOB \; ls on \| wc -l \>\>peak \; sleep 0.2 \; rm on/JOB
  [ "$(sort -n peak | tail -1)" -le "$cores" ]
  rm peak
  runpl --num-threads "$cores" JOB=1:3 l.JOB touch on/JOB \; ls on \| wc -l \>\>peak \; sleep 0.1 \; rm on/JOB
  [ "$(sort -n peak | tail -1)" = 1 ]
  grep -q "threads=$cores" l.1
}
@test "the options of queues are accepted, before and after JOB" {
  runpl --mem 4G --time 1:00:00 JOB=1:2 --config conf/x.conf --gpu 0 -q all.q -V -pe smp 2 -l 'a=b' l.JOB true
  [ "$status" = 0 ]
  grep -q 'code 0' l.2
}
@test "one log for several jobs, a bad range, a bad limit and missing words are refused" {
  runpl JOB=1:2 one.log true
  [ "$status" = 1 ]
  [[ $output == *'just one log file'* ]]
  runpl JOB=2:1 l.JOB true
  [ "$status" != 0 ]
  runpl JOB=0:3 l.JOB true
  [ "$status" != 0 ]
  runpl --max-jobs-run 0 JOB=1:3 l.JOB true
  [ "$status" != 0 ]
  runpl only.log
  [ "$status" = 1 ]
}
@test "the command reads nothing from the caller's standard input" {
  run bash -c 'echo typed | "$UTILS/run.pl" l cat'
  [ "$status" = 0 ]
  run ! grep -q typed l
}
@test "--pick runs again what failed or did not end" {
  runpl JOB=1:3 l.JOB test JOB -ne 2 -o -e ok
  [ "$status" = 1 ]
  echo '# no end' >l.3
  touch ok
  rm -f ran.*
  runpl --pick failed JOB=1:3 l.JOB touch ran.JOB \; test JOB -ne 2 -o -e ok
  [ "$status" = 0 ]
  [ ! -e ran.1 ]
  [ -e ran.2 ]
  [ -e ran.3 ]
}
@test "INT and TERM stop the jobs and all that they started" {
  for signal in INT TERM; do
    mark=30$RANDOM
    # In its own process, since bash has background commands ignore INT.
    perl -e '$SIG{INT} = "DEFAULT"; exec @ARGV' "$UTILS/run.pl" --max-jobs-run 2 JOB=1:3 l.JOB \
      sleep $mark \& sleep $mark 2>err 3>&- &
    runner=$!
    for _ in $(seq 100); do
      [ "$(pgrep -fc "^sleep $mark")" != 4 ] || break
      sleep 0.05
    done
    kill -$signal $runner
    status=0
    wait $runner || status=$?
    [ "$status" -gt 128 ]
    [ "$(pgrep -fc "^sleep $mark" || true)" = 0 ]
    grep -q "caught SIG$signal" err
    [ ! -e l.3 ]
  done
}
@test "a job that ignores TERM is killed" {
  mark=31$RANDOM
  "$UTILS/run.pl" l.log trap "''" TERM \; sleep $mark \; sleep $mark 2>err 3>&- &
  runner=$!
  for _ in $(seq 100); do
    pgrep -f "^sleep $mark" >/dev/null && break
    sleep 0.05
  done
  kill -TERM $runner
  wait $runner || true
  [ "$(pgrep -fc "^sleep $mark" || true)" = 0 ]
}

@test "a log named JOB without JOB=1:n is pointed at" {
  run -1 "$UTILS/run.pl" x.JOB.log false
  [[ $output == *"no JOB=1:n before it"* ]]
}
