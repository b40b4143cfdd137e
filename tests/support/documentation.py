"""What the project's pages say: their commands, in code blocks and in sentences, and what they link to."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).parents[2]
PAGES = sorted([*PROJECT.glob("*.md"), *PROJECT.glob("docs/*.md"), *PROJECT.glob("examples/*.md")])
_BLOCK = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"(?<!`)`([^`\n]+(?:\n[^`\n]+)?)`(?!`)")
_COMMAND = re.compile(r"(?:[A-Z_]+=\S+ )*(?:dropserve|make|aws|eval|torchrun|python|\.venv/bin/\w+) ")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_SEPARATORS = {"&&", "||", "|", ";"}
_REDIRECTS = {">", ">>", "<"}


@dataclass(frozen=True)
class Command:
    """One program with its arguments; `in_block`: a page has it in a code block, else in a sentence."""

    page: str
    words: tuple[str, ...]
    in_block: bool

    def __str__(self) -> str:
        return " ".join(self.words)


def blocks(page: Path, language: str) -> list[str]:
    """The code blocks of a language."""
    return [text for tag, text in _BLOCK.findall(page.read_text("utf-8")) if tag == language]


def prose(page: Path) -> str:
    """The page without its code blocks."""
    return _BLOCK.sub("", page.read_text("utf-8"))


def inline_codes(page: Path) -> list[str]:
    """What a sentence writes as code."""
    return [" ".join(text.split()) for text in _INLINE.findall(prose(page))]


def links(page: Path) -> list[str]:
    """Addresses of links and pictures."""
    return _LINK.findall(prose(page))


def commands() -> list[Command]:
    """Every command of every page."""
    return [command for page in PAGES for command in _commands_of(page)]


def _commands_of(page: Path) -> Iterator[Command]:
    name = str(page.relative_to(PROJECT))
    lines = [line for text in blocks(page, "sh") for line in text.replace("\\\n", " ").splitlines()]
    prompts = [line for text in blocks(page, "console") for line in text.splitlines()]
    lines += [line.removeprefix("$ ") for line in prompts if line.startswith("$ ")]
    for line in lines:
        for words in split(line):
            yield Command(name, words, in_block=True)
    for code in inline_codes(page):
        if _COMMAND.match(code):
            for words in split(code):
                yield Command(name, words, in_block=False)


def split(line: str) -> list[tuple[str, ...]]:
    """The commands of a shell's line, without assignments, redirections and comments."""
    if found := re.match(r'eval "\$\((.*)\)"', line):
        line = found[1]
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;<>")
    lexer.whitespace_split = True
    found_commands: list[list[str]] = [[]]
    words = iter(lexer)
    for word in words:
        if word in _SEPARATORS:
            found_commands.append([])
        elif word in _REDIRECTS:
            next(words, None)
        elif found_commands[-1] or not re.fullmatch(r"[A-Z_]+=\S*", word):
            found_commands[-1].append(word)
    return [tuple(each) for each in found_commands if each]
