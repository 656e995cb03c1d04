#!/usr/bin/env perl
# Runs a command, or n numbered copies of it as a task array, on Grid Engine, and waits for the end.
use strict;
use warnings;
use File::Basename qw(dirname);
use Cwd qw(abs_path getcwd);
use lib dirname(abs_path(__FILE__)) . '/internal';
use Quoting 'shell_quote';
use Runner qw(parse_command_line queue_options job_script queue_files wait_for_tasks report_failures);

my $DEFAULT_CONFIG_PATH = 'conf/queue.conf';
my $DEFAULT_CONFIG = <<'END';
command qsub -v PATH -cwd -S /bin/bash -j y
option time=* -l h_rt=$0
option mem=* -l mem_free=$0,ram_free=$0
option mem=0
option num_threads=* -pe smp $0
option num_threads=1
option max_jobs_run=* -tc $0
option gpu=* -l gpu=$0 -q g.q
option gpu=0
END

my $usage = <<"END";
Usage: queue.pl [options] [JOB=1:n] <log-file> <command> [<argument> ...]
e.g.: queue.pl --mem 4G JOB=1:8 exp/log/split.JOB.log sort data/JOB.txt \\| uniq \\> out.JOB
Submits the command to Grid Engine with its output in <log-file>; JOB (any name) becomes the job's number everywhere.
What Grid Engine itself says goes to the folder q beside the log. ./path.sh is sourced first, if there is one.
Status 0 if every job ended with 0, else 1. An interrupt deletes the jobs.
Options:
  --mem <size>         memory of one job, e.g. 4G
  --num-threads <n>    slots of one job, in the parallel environment smp
  --gpu <n>            GPUs of one job, in the queue g.q
  --time <limit>       e.g. 4:00:00
  --max-jobs-run <n>   tasks of the array at one time
  --literal true       every word of the command is passed on as it is: no operators, variables or wild cards
  --config <file>      how options become switches of qsub (default: $DEFAULT_CONFIG_PATH if it is there); this is
                       what is used without one:
@{[$DEFAULT_CONFIG =~ s/^/                         /gmr]}  Other switches, such as -q all.q or -l arch=*64*, go to qsub as they are.
END

my $job = parse_command_line('queue.pl', $usage, @ARGV);
my ($submit, $switches) = queue_options('queue.pl', $job, $DEFAULT_CONFIG_PATH, $DEFAULT_CONFIG);
my $files = queue_files('queue.pl', $job);

my ($array, $output) = ('', "$files->{base}.out");
if (defined $job->{name}) {
  $array = "-t $job->{first}-$job->{last}";
  $array .= " -tc $job->{options}{max_jobs_run}" if $job->{options}{max_jobs_run} && "$submit $switches" !~ /(^|\s)-tc\s/;
  $output = "$files->{base}.\$TASK_ID.out";
}
my $command = join ' ', grep { $_ ne '' } $submit, $switches, $array, '-o',
  shell_quote($output, $files->{script});
open my $script, '>', $files->{script} or die "queue.pl: could not write $files->{script}: $!\n";
print {$script} job_script($job, getcwd(), 'SGE_TASK_ID', $files->{done}, 'exit $((code ? 1 : 0))'),
  "## submitted with:\n# $command\n";
close $script or die "queue.pl: could not write $files->{script}: $! (is the disk full?)\n";

my ($id, $caught);
$SIG{$_} = sub { $caught = shift } for qw(INT TERM HUP);

my $answer = `trap '' INT; $command 2>&1`;
if ($? != 0 || $answer !~ /[Yy]our job(?:-array)? (\d+)/) {
  print STDERR "queue.pl: error submitting jobs to the queue: $answer\nqueue.pl: the command was: $command\n";
  exit 1;
}
$id = $1;

# Grid Engine reports a job as a whole: while it is known, every task without a result is taken to be under way.
my $reported_error = 0;
sub tasks_alive {
  my $state = `qstat -j $id 2>&1`;
  if ($? == 0) {
    if (!$reported_error++ && $state =~ /^(error reason.*)$/m) {
      print STDERR "queue.pl: job $id is held in an error state: $1; clear it (qmod -cj $id) or delete it (qdel $id)\n";
    } else {
      $reported_error = 0 if $state !~ /^error reason/m;
    }
    return {map { ($_ => 1) } $job->{first} .. $job->{last}};
  }
  return $state =~ /do(?:es)? not exist|jobs do not/i ? {} : undef;
}

my ($codes, $lost) = wait_for_tasks($job, $files->{done}, \&tasks_alive, sub { $caught });
if ($caught) {
  print STDERR "queue.pl: caught SIG$caught, deleting job $id\n";
  system "qdel $id >/dev/null 2>&1";
  my %number = (HUP => 1, INT => 2, TERM => 15);
  exit 128 + $number{$caught};
}
if (@$lost) {
  print STDERR "queue.pl: job $id, tasks @$lost: ended without a result (deleted, out of memory or time, or the host failed?); "
    . "what Grid Engine said is in $output\n";
}
my @failed = (@$lost, grep { $codes->{$_} != 0 } keys %$codes);
if (@failed) {
  report_failures('queue.pl', $job, @failed);
  exit 1;
}
