"""Stage 0: what the scripts in local/ need."""

import pytest

from jstasr.check.local_needs import local_items, local_needs
from jstasr.check.shell_words import shell_commands


@pytest.fixture
def local(tmp_path, monkeypatch):
    """A folder of scripts, and a function that writes one."""
    monkeypatch.chdir(tmp_path)

    def put(name, text):
        path = tmp_path / "local" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return path.parent.relative_to(tmp_path)

    return put


@pytest.mark.parametrize(
    "script, called",
    [
        ("a x | b y; c && d || e & f\ng", "a b c d e f g"),
        ("if a; then b; elif c; then d; else e; fi; while f; do g; done; until h; do ! i; done", "a b c d e f g h i"),
        ("for a in b c; do d $a; done", "d"),
        ("case $1 in a|b) c ;; *) d;; esac", "c d"),
        ('x=1 y= a; export z=2; z=(b c "d") ; e', "a export e"),
        ("(a; b) && { c; }", "a b c"),
        ('x=$(a "$(b c)" | d); echo "$(e)" `f g`', "a b d echo e f"),
        ("a <(b c) >(d) < e > f 2>&1 >>g &>h; i", "a b d i"),
        ("echo 'a | b' \"c; d\" # e | f", "echo"),
        ("a <<END | b\nc\nd x\nEND\ne", "a b e"),
        ("a <<'END'\nc | d\nEND\ne <<<f", "a e"),
        ("n=$(($(wc -l < a) - 4000)); ((n > b)); [ $n = c ]; [[ a =~ (b|c) && d ]] && e", "[ e"),
        ("a \\\n b | c", "a c"),
        (
            "sudo -u x a; xargs -n 1 -I {} b {}; LC_ALL=C env X=1 c; timeout 5 d; exec e",
            "sudo a xargs b env c timeout d exec e",
        ),
        ('"$cmd" a; $cmd b; ${x}c d', ""),
        ("time a; ! b", "a b"),
    ],
)
def test_the_commands_of_a_script_are_found(script, called):
    assert shell_commands(script).called == set(called.split())


def test_functions_and_questions_are_known():
    found = shell_commands("f() { a; }\nfunction g { b; }\ncommand -v c >/dev/null || which d; type e")
    assert found.functions == {"f", "g"}
    assert found.asked_for == {"c", "d", "e"}


def test_what_is_missing_is_named_with_its_file_and_where_it_comes_from(local):
    local("data.sh", "log() { echo $1; }\nlog x\npython3 local/prep.py | no-such-tool\nscripts/x.sh y\nffmpeg -i a b")
    folder = local(
        "prep.py",
        "import os\nimport no_such_module\nimport helper\ntry:\n    import maybe\nexcept ImportError:\n    pass",
    )
    local("helper.py", "from other_module.x import y")
    local("unused.py", "import never")
    items = {item.name: item for item in local_items(folder)}
    assert items["no_such_module (local/prep.py)"].required
    assert items["other_module (local/helper.py)"].required
    assert not items["maybe (local/prep.py)"].required
    assert not items["no-such-tool (local/data.sh)"].required
    assert "its own toolkit" in items["scripts/x.sh (local/data.sh)"].remedy
    assert "apt-get install ffmpeg" in items["ffmpeg (local/data.sh)"].remedy
    assert not [name for name in items if name.startswith(("never", "helper", "log", "os ", "python3"))]


PERL = """#!/usr/bin/env perl
use strict; use warnings; use 5.010;
use Getopt::Long qw(:config no_ignore_case);
use File::Basename;
use No::Such::Module qw(f);
use Helper;
require No::Perhaps;
eval { require Maybe; };
# use Commented;
print "use Printed;\\n";

=head1 NAME

use Documented;

=cut

if (1) {
    use No::Nested 1.2;
}
__END__
use Behind;
"""


def test_perl_modules_are_named_with_their_script(local):
    local("prep.pl", PERL)
    local("Helper.pm", "package Helper;\nuse No::Deeper;\n1;")
    folder = local("data.sh", "local/prep.pl a | perl -MNo::Option -MList::Util=sum -ne 'print'\n# perl -MNever")
    items = {item.name: item for item in local_items(folder)}
    perl = {name: item.required for name, item in items.items() if "::" in name}
    assert perl == {
        "No::Such::Module (local/prep.pl)": True,
        "No::Nested (local/prep.pl)": False,
        "No::Deeper (local/Helper.pm)": True,
        "No::Option (local/data.sh)": False,
        "No::Perhaps (local/prep.pl)": False,
    }
    assert len(items) == len(perl)
    assert "apt-get install libno-such-module-perl" in items["No::Such::Module (local/prep.pl)"].remedy


def test_players_that_wav_scp_will_call_are_needed_for_stage_2(local):
    folder = local("data.sh", 'echo "$id flac -c -d -s $file |" >wav.scp\n# mpg123 -w a b')
    (item,) = local_items(folder)
    assert item.name == "flac (local/data.sh)" and item.stages == (1, 2)


def test_a_program_that_the_script_looks_for_itself_is_not_certain(local):
    folder = local("data.sh", "if ! command -v unzip; then exit 1; fi\nunzip a\nwget b")
    certain = {need.name: need.certain for need in local_needs(folder)}
    assert certain == {"unzip": False, "wget": True}


def test_a_recipe_without_local_needs_nothing(tmp_path):
    assert local_items(tmp_path / "local") == []
