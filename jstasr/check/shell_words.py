"""The commands that a bash script calls, as far as they can be read without running it."""

import re
from dataclasses import dataclass, field

BUILTINS = frozenset(
    """. : [ alias bg bind break builtin caller cd command compgen complete continue coproc declare dirs disown echo
    enable eval exec exit export false fc fg getopts hash help history jobs kill let local logout mapfile popd printf
    pushd pwd read readarray readonly return set shift shopt source suspend test times trap true type typeset ulimit
    umask unalias unset wait""".split()
)
BEFORE_COMMAND = frozenset("if then else elif while until do ! { time".split())  # a command follows
NO_COMMAND = frozenset("for case select function in esac fi done } ;; [[".split())  # none does
RUNNERS = frozenset("sudo env exec command nohup nice timeout xargs builtin".split())  # what they run follows them
QUESTIONS = frozenset("which type hash command".split())  # `command -v ffmpeg`: the script copes with either answer
HERE_DOCUMENT = re.compile(r"(?<!<)<<-?\s*(['\"]?)(\w+)\1[^\n]*\n.*?(?:^\s*\2\s*$|\Z)", re.DOTALL | re.MULTILINE)


@dataclass
class ShellCommands:
    """Names in the place of a command, names of functions, and names that the script itself looks for."""

    called: set[str] = field(default_factory=set)
    functions: set[str] = field(default_factory=set)
    asked_for: set[str] = field(default_factory=set)


def shell_commands(script: str) -> ShellCommands:
    """The commands of a script. A name that is put together while it runs (`$cmd`) is not found."""
    return _Reader(HERE_DOCUMENT.sub(lambda match: match[0].partition("\n")[0] + "\n", script)).read()


class _Reader:
    """Reads a script character by character; a word is None where quotes or variables make it unknown."""

    def __init__(self, script: str):
        self.text = re.sub(r"\\\n", " ", script)
        self.position = 0
        self.found = ShellCommands()

    def read(self) -> ShellCommands:
        while self.position < len(self.text):
            self._code(closing="")
        return self.found

    def _code(self, closing: str) -> None:
        """Commands up to `closing`, which is "" (the end of the script), ")" or "`"."""
        words: list[str | None] = []
        pending: list[list[str | None]] = []  # commands of this line, which a case pattern's ) takes back
        word, known, depth = "", True, 0
        text = self.text

        def end_word() -> None:
            nonlocal word, known
            if word or not known:
                words.append(word if known else None)
            word, known = "", True

        def end_command() -> None:
            end_word()
            if words:
                pending.append(words.copy())
            words.clear()

        def end_line() -> None:
            end_command()
            for command in pending:
                self._command(command)
            pending.clear()

        while self.position < len(text):
            character = text[self.position]
            self.position += 1
            if character == closing and depth == 0:
                break
            if character == "\\":
                self.position += 1
                known = False
            elif character == "'":
                self._skip_to("'")
                known = False
            elif character == '"':
                self._double_quoted()
                known = False
            elif character == "`":
                self._code("`")
                known = False
            elif character == "$":
                self._dollar()
                known = False
            elif character == "#" and not word and known:
                self.position = text.find("\n", self.position) if "\n" in text[self.position :] else len(text)
            elif character in " \t":
                end_word()
                if words == ["[["]:
                    self._skip_to("]]")
                    words.append(None)
            elif character == "\n" or text.startswith(";;", self.position - 1):
                end_line()
            elif character in ";|&":
                if not (
                    character == "&" and (word.endswith((">", "<")) or text[self.position : self.position + 1] == ">")
                ):
                    end_command()
            elif character == "(":
                if text.startswith("(", self.position) and not word:
                    self._skip_to("))")
                elif word.endswith("="):
                    self._skip_array()
                    known = False
                elif re.match(r"\s*\)", text[self.position :]):
                    self.found.functions.add(word or (words.pop() or "" if words else ""))
                    self.position = text.find(")", self.position) + 1
                    word, known = "", True
                    words.clear()
                else:
                    end_command()
                    depth += 1
            elif character == ")":
                if depth:
                    end_command()
                    depth -= 1
                else:  # the pattern of a case
                    word, known = "", True
                    words.clear()
                    pending.clear()
            else:
                word += character
        end_line()

    def _skip_to(self, end: str) -> None:
        """To behind `end`, or to the end of the script."""
        found = self.text.find(end, self.position)
        self.position = len(self.text) if found < 0 else found + len(end)

    def _double_quoted(self) -> None:
        while self.position < len(self.text):
            character = self.text[self.position]
            self.position += 1
            if character == '"':
                return
            if character == "\\":
                self.position += 1
            elif character == "`":
                self._code("`")
            elif character == "$":
                self._dollar()

    def _dollar(self) -> None:
        """What follows a $: a command in parentheses is read, a variable or sum is passed over."""
        text = self.text
        if text.startswith("((", self.position):
            self._skip_to("))")
        elif text.startswith("(", self.position):
            self.position += 1
            self._code(")")
        elif text.startswith("{", self.position):
            depth = 0
            while self.position < len(text):
                depth += {"{": 1, "}": -1}.get(text[self.position], 0)
                self.position += 1
                if depth == 0:
                    return
        elif match := re.compile(r"\w+|[#?@*!$-]").match(text, self.position):
            self.position = match.end()

    def _skip_array(self) -> None:
        depth = 1
        while self.position < len(self.text) and depth:
            character = self.text[self.position]
            self.position += 1
            depth += {"(": 1, ")": -1}.get(character, 0)
            if character == '"':
                self._double_quoted()
            elif character == "'":
                self._skip_to("'")

    def _command(self, words: list[str | None]) -> None:
        """Takes the name of one command, and of that which it runs in its turn."""
        rest = list(words)
        if rest[:1] == ["function"] and len(rest) > 1 and rest[1]:
            self.found.functions.add(rest[1])
            return
        while rest:
            first = rest.pop(0)
            if first is None or first in NO_COMMAND:
                return
            if first in BEFORE_COMMAND or re.match(r"\w+\+?=", first):
                continue
            if redirection := re.match(r"\d*(?:>>?|<<?<?|&>>?)(&?)(.*)", first):
                if not redirection[2] and rest:
                    rest.pop(0)
                continue
            if first in QUESTIONS and (first != "command" or rest[:1] in (["-v"], ["-V"])):
                self.found.asked_for |= {word for word in rest if word and not word.startswith("-")}
                return
            if first in RUNNERS:
                while rest and (rest[0] is None or re.match(r"-|\d|\w+=", rest[0])):
                    rest.pop(0)
                self.found.called.add(first)
                continue
            self.found.called.add(first)
            return
