#!/usr/bin/env bats
# shellcheck disable=SC2016  # $0 and $NAME are for the tools
# slurm.pl against a real Slurm, started and stopped here.
load ../utils/helper

setup_file() {
  cd "$BATS_TEST_DIRNAME" || return 1
  if missing=$(./cluster.sh missing); then
    # munge wants folders that only the owner can write to, all the way up.
    SLURM_TEST_DIR=$(mktemp -d)
    export SLURM_TEST_DIR
    environment=$(./cluster.sh start "$SLURM_TEST_DIR" 2 3>&-)
    eval "$environment"
  else
    export MISSING=$missing
  fi
}
teardown_file() {
  if [ -n "${SLURM_TEST_DIR:-}" ]; then
    "$BATS_TEST_DIRNAME/cluster.sh" stop "$SLURM_TEST_DIR"
    rm -rf "$SLURM_TEST_DIR"
  fi
}
setup() {
  [ -z "${MISSING:-}" ] || skip "not installed: $MISSING (apt-get install slurmctld slurmd slurm-client munge)"
  cd "$BATS_TEST_TMPDIR" || return 1
  slurm=$BATS_TEST_DIRNAME/../../utils/slurm.pl
}

@test "one job: log with head and tail, status 0, output of Slurm beside it" {
  run timeout 60 "$slurm" logs/a.log echo "two words" \| tr a-z A-Z
  [ "$status" = 0 ]
  [ "$output" = '' ]
  sed -E 's/(at|on) .*/\1 X/; s/time=[0-9]+/time=N/' logs/a.log >log
  is log '# echo "two words" | tr a-z A-Z ' '# Running on X' '# Started at X' '#' 'TWO WORDS' \
    '# Accounting: time=N threads=1' '# Ended (code 0) at X'
  [ -e logs/q/a.out ]
}
@test "a job array: every number, and what Slurm says in a file for each" {
  run timeout 60 "$slurm" JOB=2:5 exp/log/a.JOB.log echo "number JOB"
  [ "$status" = 0 ]
  for n in 2 3 4 5; do
    grep -qx "number $n" exp/log/a.$n.log
    [ -e exp/q/a.$n.out ]
  done
}
@test "failures are counted, the first failing log is shown" {
  run timeout 60 "$slurm" JOB=1:3 logs/a.JOB.log echo "number JOB" \; test JOB = 1
  [ "$status" = 1 ]
  [[ $output == *'slurm.pl: 2 / 3 failed, log is in logs/a.*.log'* ]]
  [[ $output == *'the end of logs/a.2.log'*'number 2'* ]]
  [[ $output == *'JOB=2 logs/a.JOB.log'* ]]
}
@test "--gpu asks for --gres, --max-jobs-run limits the array, --mem and --time are passed" {
  run timeout 60 "$slurm" --gpu 1 --max-jobs-run 1 --time 10:00 --num-threads 1 JOB=1:2 a.JOB.log \
    scontrol show job '$SLURM_JOB_ID'
  [ "$status" = 0 ]
  grep -qE 'TresPerNode=gres:gpu:1|gres/gpu=1' a.1.log
  grep -q 'TimeLimit=00:10:00' a.1.log
  grep -q 'ArrayTaskThrottle=1' a.1.log
}
@test "a task that is cancelled from outside is a failure, not an endless wait" {
  timeout 120 "$slurm" JOB=1:2 a.JOB.log sleep '$((JOB==1?0:500))' 2>err 3>&- &
  runner=$!
  for _ in $(seq 100); do
    ! grep -q '^# Ended' a.1.log 2>/dev/null || [ ! -e a.2.log ] || break
    sleep 0.1
  done
  scancel "$(squeue --noheader --format=%F | head -1)" # %F: the whole array
  status=0
  wait $runner || status=$?
  [ "$status" = 1 ]
  grep -qE '1 / 2 failed|tasks 2: ended without a result' err # as the signal finds the task: at its command or before
}
@test "a task whose shell is killed is a failure, not an endless wait" {
  status=0
  timeout 120 "$slurm" JOB=1:2 a.JOB.log test JOB = 1 '||' kill -9 '$PPID' 2>err 3>&- || status=$?
  [ "$status" = 1 ]
  grep -q 'tasks 2: ended without a result' err
}
@test "an interrupt cancels the jobs" {
  for signal in INT TERM; do
    perl -e '$SIG{INT} = "DEFAULT"; exec @ARGV' "$slurm" JOB=1:2 "$signal.JOB.log" sleep 500 2>err 3>&- &
    runner=$!
    for _ in $(seq 100); do
      [ ! -e $signal.1.log ] || break
      sleep 0.1
    done
    kill -$signal $runner
    status=0
    wait $runner || status=$?
    [ "$status" -gt 128 ]
    for _ in $(seq 100); do
      [ -n "$(squeue --noheader)" ] || break
      sleep 0.1
    done
    [ -z "$(squeue --noheader)" ]
  done
}
@test "a job that Slurm refuses is an error with its words" {
  run timeout 60 "$slurm" -p no-such-partition a.log true
  [ "$status" = 1 ]
  [[ $output == *'error submitting'*'invalid partition'* ]]
}
@test "conf/slurm.conf decides, in Kaldi's format" {
  file conf/slurm.conf 'command sbatch --export=PATH' 'option name=* --job-name $0' 'default time=5:00' 'option time=* --time $0'
  run timeout 60 "$slurm" --name my-job a.log scontrol show job '$SLURM_JOB_ID'
  [ "$status" = 0 ]
  grep -q 'JobName=my-job' a.log
  grep -q 'TimeLimit=00:05:00' a.log
}
# example NAME: the conf/slurm.conf of the guide behind `<!-- slurm.conf: NAME -->`, without its indentation
example() {
  mkdir -p conf
  awk -v name="<!-- slurm.conf: $1 -->" '$0 == name { on = 1; next } on && /^    / { print substr($0, 5); got = 1; next } got { exit }' \
    "$BATS_TEST_DIRNAME/../../docs/guide/cluster.md" >conf/slurm.conf
  [ -s conf/slurm.conf ]
}
@test "the guide's examples for sites ask Slurm for what they say" {
  example partitions
  timeout 60 "$slurm" --num-threads 2 a.log scontrol show job '$SLURM_JOB_ID'
  grep -q 'Account=speech' a.log
  grep -q 'Partition=cpu' a.log
  grep -q 'TimeLimit=1-00:00:00' a.log
  grep -q 'CPUs/Task=2' a.log
  timeout 60 "$slurm" --gpu 1 --mem 1G --time 2:00:00 b.log scontrol show job '$SLURM_JOB_ID'
  grep -q 'Partition=gpu' b.log
  grep -q 'TresPerNode=gres:gpu:1' b.log
  grep -q 'MinMemoryCPU=1G' b.log
  grep -q 'TimeLimit=02:00:00' b.log

  example gres
  timeout 60 "$slurm" --num-threads 1 a.log scontrol show job '$SLURM_JOB_ID'
  grep -q 'Partition=main' a.log
  timeout 60 "$slurm" --gpu 2 b.log scontrol show job '$SLURM_JOB_ID'
  grep -q 'TresPerNode=gres:gpu:a100:2' b.log
  grep -q 'CpusPerTres=gres:gpu:8' b.log
  grep -q 'MemPerTres=gres:gpu:61440' b.log
}
@test "the guide's container set-up starts the programs of the image in a job" {
  guide=$BATS_TEST_DIRNAME/../../docs/guide/cluster.md
  mkdir home bin
  awk '$0 == "<!-- container -->" { on = 1; next } on && /^    / { print; got = 1; next } got { exit }' "$guide" >make.sh
  HOME=$PWD/home bash make.sh
  (cd home/jstasr-bin && [ "$(echo *)" = 'jstasr python3 torchrun' ])
  file bin/apptainer '#!/bin/sh' 'echo "apptainer $*"'
  chmod +x bin/apptainer
  export JSTASR_SETUP=no JSTASR_IMAGE=/shared/jstasr.sif PATH=$PWD/home/jstasr-bin:$PWD/bin:$PATH
  timeout 60 "$slurm" --literal true a.log jstasr train "a b"
  grep -qx 'apptainer exec --nv --bind /shared /shared/jstasr.sif jstasr train a b' a.log
}
@test "--nodes: one job of several nodes, which Slurm does not queue again by itself" {
  file task.sh 'echo "task $SLURM_PROCID of $SLURM_NTASKS_PER_NODE"'
  run timeout 60 "$slurm" --nodes 1 --ntasks-per-node 3 a.log srun bash task.sh \; scontrol show job '$SLURM_JOB_ID'
  [ "$status" = 0 ]
  [ "$(grep '^task' a.log | sort | paste -s -d,)" = 'task 0 of 3,task 1 of 3,task 2 of 3' ]
  grep -q 'Requeue=0' a.log
  grep -q 'NumNodes=1 NumCPUs=3 NumTasks=3' a.log
}
@test "the warning before a time limit reaches the command, whose end is told" {
  cat >job.sh <<'END'
#!/usr/bin/env bash
trap 'echo saved; exit 99' USR1
touch ready
while :; do sleep 0.1; done
END
  chmod +x job.sh
  "$slurm" logs/a.log ./job.sh >out 2>&1 3>&- &
  runner=$!
  for _ in $(seq 600); do [ ! -e ready ] || break; sleep 0.1; done
  scancel --batch --signal=USR1 "$(squeue --noheader --format=%A)" # as `sbatch --signal=B:USR1@60` does
  wait "$runner" || true
  grep -q '^saved$' logs/a.log
  grep -q 'Ended (code 99)' logs/a.log
}
@test "asr.sh: values in lists of options arrive as typed through slurm.pl" {
  load ../tools/show_words.sh
  template=$BATS_TEST_DIRNAME/../../egs/TEMPLATE/asr1
  mkdir -p "my recipe's (1)/conf" && cd "my recipe's (1)"
  for name in asr.sh path.sh cmd.sh db.sh; do ln -s "$template/$name" "$name"; done
  ln -s "$UTILS" utils
  stand_ins
  mkdir -p dump/fbank/{train,dev,test} data/token_list/char exp/mine
  touch dump/fbank/train/{utt2num_frames,cmvn.ark} dump/fbank/dev/utt2num_frames data/token_list/{phones.txt,char/tokens.txt}
  touch conf/train.yaml exp/mine/valid.wer.ave.pth
  echo "u1 100" >dump/fbank/test/utt2num_frames
  export cmd_backend=slurm
  run timeout 100 ./asr.sh --stage 6 --stop_stage 6 --token_type char --asr_tag mine --asr_args "$(list_of note=)"
  echo "$output"
  arrived words.train note=
  run timeout 100 ./asr.sh --stage 8 --stop_stage 8 --asr_tag mine --inference_args "$(list_of note=)"
  arrived words.decode note=
}
