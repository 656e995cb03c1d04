#!/usr/bin/env perl
# Runs a command, or n numbered copies of it as a job array, on a Slurm cluster, and waits for the end.
use strict;
use warnings;
use File::Basename qw(dirname);
use Cwd qw(abs_path getcwd);
use lib dirname(abs_path(__FILE__)) . '/internal';
use Quoting 'shell_quote';
use Runner qw(parse_command_line queue_options job_script queue_files wait_for_tasks report_failures);

my $DEFAULT_CONFIG_PATH = 'conf/slurm.conf';
my $DEFAULT_CONFIG = <<'END';
command sbatch --export=ALL
option time=* --time=$0
option mem=* --mem-per-cpu=$0
option mem=0
option num_threads=* --cpus-per-task=$0
option num_threads=1 --cpus-per-task=1
option gpu=* --gres=gpu:$0
option gpu=0
END

my $usage = <<"END";
Usage: slurm.pl [options] [JOB=1:n] <log-file> <command> [<argument> ...]
e.g.: slurm.pl --mem 4G JOB=1:8 exp/log/split.JOB.log sort data/JOB.txt \\| uniq \\> out.JOB
Submits the command to Slurm with its output in <log-file>; JOB (any name) becomes the job's number everywhere. What
Slurm itself says goes to the folder q beside the log. ./path.sh is sourced first, if there is one.
Status 0 if every job ended with 0, else 1. An interrupt cancels the jobs.
Options:
  --mem <size>         memory per processor core, e.g. 4G
  --num-threads <n>    cores of one job
  --gpu <n>            GPUs of one job (--gres=gpu:n)
  --time <limit>       e.g. 4:00:00
  --nodes <n>          nodes of one job, whose command starts its tasks by srun; such a job is not queued again by
                       Slurm where a node fails: it ends, with status 1
  --ntasks-per-node <n>
  --max-jobs-run <n>   jobs of the array at one time
  --literal true       every word of the command is passed on as it is: no operators, variables or wild cards
  --config <file>      how options become switches of sbatch (default: $DEFAULT_CONFIG_PATH if it is there); this is
                       what is used without one:
@{[$DEFAULT_CONFIG =~ s/^/                         /gmr]}  Other switches, such as -p <partition>, go to sbatch as they are.
END

my $job = parse_command_line('slurm.pl', $usage, @ARGV);
my ($nodes, $tasks) = delete @{$job->{options}}{qw(nodes ntasks_per_node)};
# What is left of such a job on the other nodes tells its end here, while Slurm would run it once more.
push @{$job->{native}}, shell_quote("--nodes=$nodes"), '--no-requeue' if defined $nodes;
push @{$job->{native}}, shell_quote("--ntasks-per-node=$tasks") if defined $tasks;
my ($submit, $switches) = queue_options('slurm.pl', $job, $DEFAULT_CONFIG_PATH, $DEFAULT_CONFIG);
my $files = queue_files('slurm.pl', $job);

my $array = '';
my $base = $files->{base} =~ s/%/%%/gr;    # % begins a pattern of sbatch
my $output = "$base.out";
if (defined $job->{name}) {
  $array = "--array=$job->{first}-$job->{last}";
  $array .= "%$job->{options}{max_jobs_run}" if $job->{options}{max_jobs_run};
  $output = "$base.%a.out";    # %a: the number of the task
}
my $command = join ' ', grep { $_ ne '' } $submit, $switches, $array, "--parsable --open-mode=append",
  shell_quote("--output=$output", $files->{script});
open my $script, '>', $files->{script} or die "slurm.pl: could not write $files->{script}: $!\n";
print {$script} job_script($job, getcwd(), 'SLURM_ARRAY_TASK_ID', $files->{done}, 'exit $((code ? 1 : 0))'),
  "## submitted with:\n# $command\n";
close $script or die "slurm.pl: could not write $files->{script}: $! (is the disk full?)\n";

my ($id, $caught);
sub cancel {
  return unless defined $id;
  system "scancel $id >/dev/null 2>&1";
}
# Held back while sbatch runs: an interrupt then still finds a job to cancel.
$SIG{$_} = sub { $caught = shift } for qw(INT TERM HUP);

my $answer = `trap '' INT; $command 2>&1`;
if ($? != 0 || $answer !~ /^(\d+)(?:;\S+)?\s*$/m) {
  print STDERR "slurm.pl: error submitting jobs to the queue: $answer\nslurm.pl: the command was: $command\n";
  exit 1;
}
$id = $1;

# Array tasks that Slurm still knows, as a set of numbers; undef if Slurm does not answer.
sub tasks_alive {
  my @lines = `squeue --noheader --array --jobs=$id --format='%K %T' 2>&1`;
  if ($? != 0) { return "@lines" =~ /Invalid job id/ ? {} : undef }
  my %alive;
  for (@lines) {
    my ($task, $state) = split ' ';
    next if !defined $state || $state =~ /^(COMPLETED|FAILED|CANCELLED|TIMEOUT|NODE_FAIL|OUT_OF_MEMORY|BOOT_FAIL|DEADLINE)$/;
    $alive{$task =~ /^\d+$/ ? $task : $job->{first}} = 1;
  }
  return \%alive;
}

my ($codes, $lost) = wait_for_tasks($job, $files->{done}, \&tasks_alive, sub { $caught });
if ($caught) {
  print STDERR "slurm.pl: caught SIG$caught, cancelling job $id\n";
  cancel();
  my %number = (HUP => 1, INT => 2, TERM => 15);
  exit 128 + $number{$caught};
}
if (@$lost) {
  print STDERR "slurm.pl: job $id, tasks @$lost: ended without a result (cancelled, out of memory or time, or the node failed?); "
    . "what Slurm said is in $output\n";
}
my @failed = (@$lost, grep { $codes->{$_} != 0 } keys %$codes);
if (@failed) {
  report_failures('slurm.pl', $job, @failed);
  exit 1;
}
