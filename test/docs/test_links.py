"""Links, paths and names in the pages exist."""

import ast
import re

LINK = re.compile(r"(?<!`)\[[^\]]*\]\(([^)\s]+)\)")


def prose(text):
    """The page without its code blocks and spans, in which brackets are no links."""
    return re.sub(r"`[^`\n]*`", "", re.sub(r"(?:^|(?<=\n\n))(?:(?: {4}.*)?\n)+", "\n", text))


def anchors(path):
    """The anchors that the headings of a page have on GitHub."""
    headings = re.findall(r"^#+ (.*)$", path.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_relative_link_leads_to_a_file_and_a_heading(tracked, root):
    wrong, count = [], 0
    for page in (path for path in tracked if path.suffix == ".md"):
        for link in LINK.findall(prose(page.read_text("utf-8"))):
            if re.match(r"[a-z]+:", link):
                continue
            count += 1
            name, _, anchor = link.partition("#")
            target = (page.parent / name).resolve() if name else page
            if not target.exists() or (anchor and anchor not in anchors(target)):
                wrong.append(f"{page.relative_to(root)}: {link}")
    assert not wrong
    assert count > 50


def test_every_page_that_code_names_exists(tracked, root):
    wrong = []
    for path in tracked:
        if path.suffix in (".py", ".pyx", ".h", ".sh", ".bats", ".yaml", ".toml", ".md"):
            if path.is_relative_to(root / "test/docs"):
                continue
            for name in re.findall(r"(?<![\w/])docs/[\w/.]*\w\.(?:md|csv|py|svg)", path.read_text("utf-8")):
                if not (root / name).is_file() and "NAME" not in name:
                    wrong.append(f"{path.relative_to(root)}: {name}")
    assert not wrong


def test_every_page_of_docs_is_reached_from_the_index(root):
    linked = set()
    for index in (root / "docs/README.md", root / "docs/measurements/README.md"):
        linked |= {(index.parent / link.partition("#")[0]).resolve() for link in LINK.findall(index.read_text("utf-8"))}
    pages = {path for path in (root / "docs").glob("**/*.md") if path != root / "docs/README.md"}
    assert pages <= linked


def defined(path):
    """Functions, classes and methods (`Class.method`) of a Python file."""
    names = set()
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            names.add(node.name)
        if isinstance(node, ast.ClassDef):
            names |= {f"{node.name}.{item.name}" for item in node.body if isinstance(item, ast.FunctionDef)}
    return names


def test_each_part_of_the_paper_is_where_the_architecture_says(root):
    page = (root / "docs/architecture.md").read_text("utf-8")
    table = page.split("## The paper in the code")[1].split("\nNot in the paper")[0]
    rows = [line.split(" | ")[1] for line in table.splitlines() if line.startswith("| ") and "`jstasr/" in line]
    assert len(rows) > 15
    for row in rows:
        for place in row.split("; "):
            path, *names = re.findall(r"`([^`]+)`", place)
            assert (root / path).is_file(), path
            if path.endswith(".py"):
                assert set(names) <= defined(root / path), place


def test_the_architecture_lists_the_floors_in_their_order(root):
    page = (root / "docs/architecture.md").read_text("utf-8")
    table = page.split("\n## Floors\n")[1].split("\n## ")[0]
    drawn = re.findall(r"^\| (\w+) \|", table, re.MULTILINE)[1:]
    source = ast.parse((root / "test/test_floors.py").read_text("utf-8"))
    floors = next(
        node.value
        for node in source.body
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "FLOORS"
    )
    assert drawn == eval(ast.unparse(floors))
