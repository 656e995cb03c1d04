package Runner;
# What run.pl, slurm.pl and queue.pl share: the command line, the job's text, the log's tail, the report of a failure.
use strict;
use warnings;
use Exporter 'import';
use Cwd 'getcwd';
use File::Basename qw(basename dirname);
use Quoting 'shell_quote';
our @EXPORT_OK = qw(parse_command_line bash_command make_folder report_failures substitute
  queue_options job_script queue_files wait_for_tasks ended_code);

my $TAIL_LINES = 20;
my $POLL_FIRST = 0.1;      # seconds between looks for finished jobs: short at first, for short jobs ...
my $POLL_LONGEST = 2;      # ... growing to this
my $ASK_QUEUE_EVERY = 10;  # seconds between questions to the queue whether the jobs are still there
my $PATIENCE = 15;         # seconds for the result of a job to appear through a network file system after it left the queue

# Returns a reference to a hash: options {name -> value, '-' as '_'}, native [other switches, as typed],
# name, first, last (of JOB=first:last; name undef without), log, words, literal (are they data?), argv.
sub parse_command_line {
  my ($tool, $usage, @argv) = @_;
  my %job = (options => {}, native => [], first => 1, last => 1, argv => [@argv]);
  if (@argv && $argv[0] =~ /^(--help|-h)$/) { print $usage; exit 0 }
  for (1 .. 3) {    # options may stand before and after JOB=1:n
    while (@argv >= 2 && $argv[0] =~ /^-/) {
      my $switch = shift @argv;
      if ($switch eq '-V') { push @{$job{native}}, $switch; next }
      my $value = shift @argv;
      print STDERR "$tool: warning: suspicious argument '$value' to $switch; starts with '-'\n" if $value =~ /^--/;
      if ($switch eq '-pe') {
        my $slots = shift @argv;
        push @{$job{native}}, $switch, $value, $slots;
        $job{options}{num_threads} = $slots;
      } elsif ($switch eq '--max-jobs-run' || $switch eq '-tc') {
        die "$tool: invalid option $switch $value: it takes a number above 0\n" unless $value =~ /^[1-9]\d*$/;
        my $limit = $job{options}{max_jobs_run};
        $job{options}{max_jobs_run} = $value if !defined $limit || $value < $limit;
      } elsif ($switch =~ /^--(.+)/) {
        $job{options}{$1 =~ tr/-/_/r} = $value;
      } else {
        push @{$job{native}}, $switch, $value;
      }
    }
    last unless @argv;
    if ($argv[0] =~ /^([A-Za-z_]\w*)=(\d+)(?::(\d+))?$/) {
      @job{qw(name first last)} = ($1, $2, defined $3 ? $3 : $2);
      die "$tool: invalid job range $argv[0]: it must count upwards\n" if $job{first} > $job{last};
      die "$tool: invalid job range $argv[0]: it must start at 1 or above\n" if $job{first} < 1;
      shift @argv;
    } elsif ($argv[0] =~ /.=.*:/) {
      print STDERR "$tool: warning: suspicious first argument: $argv[0]\n";
    }
  }
  if (@argv < 2) { print STDERR $usage; exit 1 }
  my $literal = delete $job{options}{literal} // 'false';
  die "$tool: --literal takes true or false, not '$literal'\n" unless $literal =~ /^(?:true|false)$/;
  $job{literal} = $literal eq 'true';
  ($job{log}, @{$job{words}}) = @argv;
  if (defined $job{name} && $job{last} > $job{first} && index($job{log}, $job{name}) < 0) {
    print STDERR "$tool: you are trying to run a parallel job but you are putting the output into just one log file "
      . "($job{log}); put $job{name} into its name\n";
    exit 1;
  }
  return \%job;
}

# The command of a job as one line for bash; with --literal true every word is passed on as it is.
sub bash_command {
  my $job = shift;
  return shell_quote(@{$job->{words}}) . ' ' if $job->{literal};
  return join '', map { _bash_word($_) . ' ' } @{$job->{words}};
}

# Operators (\|, \;, 2\>\&1, \>log) and words with quotes of their own are bash's to read, as in Kaldi, and so are
# variables and wild cards. Any other word stays one word and starts no command, whatever a name in it holds; the name
# of something that exists is taken literally.
sub _bash_word {
  my $word = shift;
  return $word if $word =~ /^(?:[|&;()<>!{}]+|\d*[<>]&(?:\d+|-))$/;
  return $1 . _bash_word($2) if $word =~ /^(\d*(?:<<<|<|>>|>\||>&|>|&>>|&>))([^<>&|(].*)$/s;
  return shell_quote($word) if $word =~ /[^\w.\/:=,%+\@-]/a && (-e $word || -e $word =~ s/^-[\w-]+=//r);
  return $word if $word =~ /^(?:[\w.\/:,%+\@-]+=)?(?:'[^\s']*'|"[^\s"]*")$/;
  return $word if $word =~ /^[^\s'"`&;|<>(){}#][^\s'"`&;|<>(){}]*$/ && $word !~ /\\$/;
  return shell_quote($word) if $word =~ /"/;
  $word =~ s/`/\\`/g if ($word =~ tr/`//) % 2;
  $word =~ s/((?<!\\)(?:\\\\)*)\\$/$1\\\\/;    # would take the closing quote
  return "\"$word\"";
}

# JOB -> the number of the job, wherever it stands.
sub substitute {
  my ($job, $text, $number) = @_;
  $text =~ s/\Q$job->{name}\E/$number/g if defined $job->{name};
  return $text;
}

sub make_folder {
  my ($tool, $folder) = @_;
  return if -d $folder;
  system 'mkdir', '-p', '--', $folder;
  die "$tool: could not make the folder $folder\n" unless -d $folder;
}

# The code in the last "# Ended (code N" line of a log; undef if the job never ended.
sub ended_code {
  my $log = shift;
  open my $in, '<', $log or return undef;
  my $code;
  while (<$in>) { $code = $1 + (defined $2 ? 128 + $2 : 0) if /^# Ended \(code (\d+)(?:; signal (\d+))?\)/ }
  return $code;
}

# How many failed, the end of the first failing log, and how to run that job alone.
sub report_failures {
  my ($tool, $job, @failed) = @_;
  @failed = sort { $a <=> $b } @failed;
  my $count = $job->{last} - $job->{first} + 1;
  my $first_log = substitute($job, $job->{log}, $failed[0]);
  if ($count == 1) { print STDERR "$tool: job failed, log is in $first_log\n" }
  else { print STDERR "$tool: " . @failed . " / $count failed, log is in " . substitute($job, $job->{log}, '*') . "\n" }
  print STDERR "$tool: there is a JOB in the log's name, but no JOB=1:n before it; was it forgotten?\n"
    if !defined $job->{name} && $job->{log} =~ /JOB/;
  if (open my $in, '<', $first_log) {
    my @tail;
    while (<$in>) { push @tail, $_; shift @tail if @tail > $TAIL_LINES }
    print STDERR "$tool: the end of $first_log:\n", map { '  ' . s/\n?\z/\n/r } @tail;
  }
  my $range = defined $job->{name} ? "$job->{name}=$job->{first}:$job->{last}" : '';
  my @again = map { $_ eq $range || $_ eq "$job->{name}=$job->{first}" ? "$job->{name}=$failed[0]" : $_ } @{$job->{argv}}
    if defined $job->{name};
  @again = @{$job->{argv}} unless defined $job->{name};
  print STDERR "$tool: to run " . ($count == 1 ? 'it' : "job $failed[0]") . " again: "
    . shell_quote($0) . ' ' . shell_quote(@again) . "\n";
}

# Reads a queue configuration in Kaldi's format (lines "command ...", "default name=value", "option name=value ...",
# "option name=* ... $0") and returns (submit command, switches) for the options given.
sub queue_options {
  my ($tool, $job, $default_path, $default_text) = @_;
  my %given = %{$job->{options}};
  my $path = delete $given{config};
  my $text = $default_text;
  my $name = 'the default configuration';
  if (defined $path || -r $default_path) {
    $name = $path // $default_path;
    open my $in, '<', $name or die "$tool: could not open config file $name: $!\n";
    local $/;
    $text = <$in>;
  }
  my ($command, %fixed, %pattern);
  for my $line (split /\n/, $text) {
    $line =~ s/\s*#.*//;
    $line =~ s/\s+$//;
    next if $line eq '';
    if    ($line =~ /^command\s+(.+)/)                      { $command = $1 }
    elsif ($line =~ /^option\s+([^=\s]+)=\*\s*(.*)$/)       { $pattern{$1} = $2 }
    elsif ($line =~ /^option\s+([^=\s]+)=(\S+)\s*(.*)$/)    { $fixed{$1}{$2} = $3 }
    elsif ($line =~ /^default\s+([^=\s]+)=(\S+)/)           { $given{$1} = $2 unless exists $given{$1} }
    else { die "$tool: unable to parse line '$line' in config file ($name)\n" }
  }
  die "$tool: config file ($name) does not contain a line 'command ...'\n" unless defined $command;
  # A limit on running jobs makes sense only for an array; a configuration need not mention it.
  delete $given{max_jobs_run} unless defined $job->{name} && $pattern{max_jobs_run};
  my @switches = @{$job->{native}};
  for my $option (sort keys %given) {
    my $value = $given{$option};
    if    (defined $fixed{$option}{$value}) { push @switches, $fixed{$option}{$value} }
    elsif (defined $pattern{$option})       { push @switches, $pattern{$option} =~ s/\$0/$value/gr }
    else { die "$tool: command line option $option not described in $name (or value '$value' not allowed)\n" }
  }
  return ($command, join ' ', grep { $_ ne '' } @switches);
}

# The script that a queue runs, once or once per task: log head, command, log tail, and a file that says it is done.
sub job_script {
  my ($job, $cwd, $task_variable, $done, $exit_line) = @_;
  my $threads = $job->{options}{num_threads} // 1;
  my $task = defined $job->{name} ? "\${$task_variable:-$job->{first}}" : '1';
  my $insert_task = defined $job->{name}
    ? "line=\${line//$job->{name}/\$task}\nlog=\${log//$job->{name}/\$task}\n" : '';
  my ($line, $log) = map { shell_quote($_) } bash_command($job), $job->{log};
  return <<"END";
#!/bin/bash
cd @{[shell_quote($cwd)]} || exit 1
[ -f ./path.sh ] && . ./path.sh
set +eu
task=$task
line=$line
log=$log
${insert_task}{
  echo "# \$line"
  echo "# Running on \$(hostname)"
  echo "# Started at \$(date)"
  echo "#"
} >"\$log"
begin=\$(date +%s)
bash -c "\$line" >>"\$log" 2>&1 </dev/null &
child=\$!
# The queue's warning before it ends the job may reach this shell alone: pass it on, and see how the command ends.
passed=1
for signal in TERM USR1 USR2; do trap "passed=1; kill -\$signal \$child 2>/dev/null" "\$signal"; done
while [ -n "\$passed" ]; do
  passed=
  wait "\$child"
  code=\$?
done
elapsed=\$((\$(date +%s) - begin))
{
  echo "# Accounting: time=\$elapsed threads=$threads"
  echo "# Ended (code \$code) at \$(date), elapsed time \$elapsed seconds"
} >>"\$log"
echo "\$code" >@{[shell_quote($done)]}.\$task.tmp && mv @{[shell_quote($done)]}.\$task.tmp @{[shell_quote($done)]}.\$task
$exit_line
END
}

# Where a queue's own files go: q beside the log (or beside its folder, if that is called log). Makes the folders and
# removes the results of earlier runs. Returns {base, script, done}.
sub queue_files {
  my ($tool, $job) = @_;
  my $folder = dirname($job->{log});
  make_folder($tool, $folder);
  my $queue = "$folder/q" =~ s{(^|/)log/q$}{$1q}ir =~ s{^\./}{}r;
  make_folder($tool, $queue);
  my $name = basename($job->{log});
  $name =~ s/\.?\Q$job->{name}\E// if defined $job->{name};
  $name =~ s/\.[A-Za-z]{1,5}$//;
  $queue = getcwd() . "/$queue" unless $queue =~ m{^/};
  my %files = (base => "$queue/$name", script => "$queue/$name.sh", done => "$queue/done.$name.$$");
  opendir my $listing, $queue or die "$tool: could not read $queue: $!\n";
  unlink map { "$queue/$_" } grep { /^\Qdone.$name.$$.\E/ } readdir $listing;
  unlink "$files{base}.out";
  unlink map { "$files{base}.$_.out" } $job->{first} .. $job->{last};
  return \%files;
}

# Waits until every task has left its code in a file, is gone from the queue without one, or $interrupted says so.
# $alive lists the tasks that the queue still has: {number -> 1}, or undef if it does not answer. Returns
# ({task -> code}, [tasks without a code]).
sub wait_for_tasks {
  my ($job, $done, $alive, $interrupted) = @_;
  my %open = map { ($_ => 1) } $job->{first} .. $job->{last};
  my (%codes, %gone_since);
  my $pause = $POLL_FIRST;
  my $asked = time;
  while (%open) {
    select undef, undef, undef, $pause;
    last if $interrupted->();
    my $before = keys %open;
    my $folder = dirname($done);
    opendir my $listing, $folder or die "could not read $folder: $!\n";    # also refreshes a network file system
    my $prefix = basename($done);
    for my $name (readdir $listing) {
      next unless $name =~ /^\Q$prefix\E\.(\d+)$/ && $open{$1};
      my $task = $1;
      open my $in, '<', "$folder/$name" or next;
      my $code = <$in>;
      next unless defined $code && $code =~ /^(\d+)/;
      $codes{$task} = $1;
      delete $open{$task};
      unlink "$folder/$name";
    }
    $pause = keys %open < $before ? $POLL_FIRST : $pause * 1.3;
    $pause = $POLL_LONGEST if $pause > $POLL_LONGEST;
    next if !%open || time - $asked < $ASK_QUEUE_EVERY;
    $asked = time;
    my $there = $alive->();
    next unless defined $there;
    for my $task (keys %open) {
      if ($there->{$task}) { delete $gone_since{$task}; next }
      $gone_since{$task} //= time;
      last if $interrupted->();
    }
    my @lost = grep { $gone_since{$_} && time - $gone_since{$_} >= $PATIENCE } keys %open;
    return (\%codes, [sort { $a <=> $b } @lost]) if @lost && @lost == keys %open;
  }
  return (\%codes, []);
}

1;
