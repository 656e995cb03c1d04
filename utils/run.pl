#!/usr/bin/env perl
# Runs a command, or n numbered copies of it at once, on this machine, each with its own log.
use strict;
use warnings;
use POSIX ();
use File::Basename 'dirname';
use Cwd 'abs_path';
use lib dirname(abs_path(__FILE__)) . '/internal';
use Runner qw(parse_command_line bash_command make_folder report_failures substitute ended_code);

my $GRACE = 5;    # seconds between asking interrupted jobs to stop and killing them

my $usage = <<'END';
Usage: run.pl [options] [JOB=1:n] <log-file> <command> [<argument> ...]
e.g.: run.pl --max-jobs-run 4 JOB=1:8 exp/log/split.JOB.log sort data/JOB.txt \| uniq \> out.JOB
Runs the command in bash with its output in <log-file>; JOB (any name) becomes the job's number everywhere.
Status 0 if every job ended with 0, else 1.
Options:
  --max-jobs-run <n>   jobs at one time (default: the processor cores; with --gpu, the GPUs)
  --num-threads <n>    threads of one job: fewer jobs run at one time
  --gpu <n>            GPUs of one job
  --literal true       every word of the command is passed on as it is: no operators, variables or wild cards
  --pick <all|failed|incomplete|none>   which jobs to run, from the logs of an earlier run (default: all)
  --mem, --time, --config and the switches of qsub are accepted, for a queue, and ignored here
END

my $job = parse_command_line('run.pl', $usage, @ARGV);
my %option = %{$job->{options}};
my $threads = $option{num_threads} || 1;
my $pick = $option{pick} // 'all';
die "run.pl: --pick takes all, failed, incomplete or none, not '$pick'\n" unless $pick =~ /^(all|failed|incomplete|none)$/;

sub count_cores {
  if (open my $status, '<', '/proc/self/status') {    # what this process may use, not what the machine has
    while (<$status>) {
      next unless /^Cpus_allowed_list:\s*(\S+)/;
      my $count = 0;
      for (split /,/, $1) { $count += /^(\d+)-(\d+)$/ ? $2 - $1 + 1 : 1 }
      return $count;
    }
  }
  my $count = `getconf _NPROCESSORS_ONLN 2>/dev/null`;
  return $count && $count =~ /^(\d+)/ ? $1 : 1;
}

sub count_gpus {
  my $count = grep { /^GPU/ } `nvidia-smi -L 2>/dev/null`;
  return $count if $count;
  print STDERR "run.pl: warning: failed to detect the number of GPUs from nvidia-smi, using 1\n";
  return 1;
}

sub default_limit {
  my ($have, $one_takes) = $option{gpu} ? (count_gpus(), $option{gpu}) : (count_cores(), $threads);
  my $limit = int($have / ($one_takes =~ /^[1-9]\d*$/ ? $one_takes : 1));
  return $limit < 1 ? 1 : $limit;
}

# undef: run the job; otherwise the status that its earlier log stands for.
sub earlier_status {
  my $log = shift;
  return undef if $pick eq 'all' || !-e $log;
  my $code = ended_code($log);
  return undef unless defined $code;                  # it never ended
  return 0 if $code == 0;
  return $pick eq 'failed' ? undef : 1;
}

sub append_to_log {
  my ($mode, $log, $text) = @_;
  open my $out, $mode, $log or die "run.pl: error opening log file $log: $!\n";
  print {$out} $text or die "run.pl: error writing log file $log: $!\n";
  close $out or die "run.pl: error writing log file $log: $! (is the disk full?)\n";
}

# In the child: leads a process group of its own, so that one signal reaches everything that the job started.
sub run_job {
  my $number = shift;
  setpgrp 0, 0;
  $SIG{$_} = 'DEFAULT' for qw(INT HUP CHLD);
  $SIG{TERM} = sub { };                               # outlives its command, to end the log
  my $log = substitute($job, $job->{log}, $number);
  my $line = substitute($job, bash_command($job), $number);
  my $earlier = earlier_status($log);
  return $earlier if defined $earlier;

  make_folder('run.pl', dirname($log));
  append_to_log('>', $log, "# $line\n# Started at " . `date` . "#\n");
  my $begin = time;
  my $shell = fork;
  die "run.pl: could not start a process: $!\n" unless defined $shell;
  if (!$shell) {
    $SIG{TERM} = 'DEFAULT';
    open STDIN, '<', '/dev/null' or die "run.pl: /dev/null: $!\n";
    open STDOUT, '>>', $log or die "run.pl: error opening log file $log: $!\n";
    open STDERR, '>&', \*STDOUT or die "run.pl: error opening log file $log: $!\n";
    exec 'bash', '-c', $line or die "run.pl: could not run bash: $!\n";
  }
  die "run.pl: lost the job's process: $!\n" if waitpid($shell, 0) != $shell;
  my ($code, $signal) = ($? >> 8, $? & 127);
  my $elapsed = time - $begin;
  my $how = $signal ? "code $code; signal $signal" : "code $code";
  chomp(my $date = `date`);
  append_to_log('>>', $log, "# Accounting: time=$elapsed threads=$threads\n"
    . "# Ended ($how) at $date, elapsed time $elapsed seconds\n");
  return $code || $signal ? 1 : 0;
}

my %running;    # process -> job number
my @failed;
my $caught;
$SIG{$_} = sub { $caught = shift } for qw(INT TERM HUP);
$SIG{CHLD} = sub { };    # only so that select below ends early

# Waits until a job has ended or a signal has come. Perl restarts a blocking waitpid after a signal, so it is asked
# again and again.
sub reap_one {
  until ($caught) {
    my $process = waitpid -1, POSIX::WNOHANG();
    die "run.pl: lost a job's process: $!\n" if $process < 0;
    if ($process > 0) {
      my $number = delete $running{$process};
      push @failed, $number if defined $number && $?;
      return if defined $number;
    }
    select undef, undef, undef, 0.1;
  }
}

sub stop_all {
  print STDERR "run.pl: caught SIG$caught, stopping " . keys(%running) . " jobs\n";
  $SIG{$_} = 'IGNORE' for qw(INT TERM HUP);
  kill 'TERM', map { -$_ } keys %running;
  my $deadline = time + $GRACE;
  while (%running && time < $deadline) {
    my $process = waitpid -1, POSIX::WNOHANG();
    # The leader has ended, others of its group may not have.
    if ($process > 0) { kill 'KILL', -$process; delete $running{$process} }
    else              { select undef, undef, undef, 0.05 }
  }
  kill 'KILL', map { -$_ } keys %running;
  my %number = (HUP => 1, INT => 2, TERM => 15);
  exit 128 + $number{$caught};
}

my $limit = $option{max_jobs_run} || default_limit();
for my $number ($job->{first} .. $job->{last}) {
  while (keys %running >= $limit && !$caught) { reap_one() }
  stop_all() if $caught;
  my $process = fork;
  die "run.pl: could not start a process: $!\n" unless defined $process;
  if (!$process) {
    my $status = eval { run_job($number) };
    print STDERR $@ unless defined $status;
    POSIX::_exit(defined $status ? $status : 1);
  }
  setpgrp $process, $process;    # also here: whichever of the two comes first
  $running{$process} = $number;
}
while (%running) {
  stop_all() if $caught;
  reap_one();
}
stop_all() if $caught;

if (@failed) {
  report_failures('run.pl', $job, @failed);
  exit 1;
}
