"""The files of a project: a README, a licence, settings, sources and tests in its language, a change log and a manual."""

import random
from collections.abc import Iterator

from symbiotic_gym.pocket.world.code_projects import Concept

__all__ = ["SETTINGS_PATH", "files"]

SETTINGS_PATH = "config/settings.toml"
LICENSES = {
    "MIT": "Permission is granted to anyone to use, copy, change and sell this software, as long as this notice stays with it.",
    "Apache-2.0": "You may use this work under the terms of the Apache License, version 2.0. Changes have to be stated.",
    "GPL-3.0": "This program is free software. Whoever passes it on, changed or not, passes on these freedoms, too.",
    "BSD-3-Clause": "Use in source and binary forms is allowed if this notice is kept and our names are not used to advertise.",
}


def files(concept: Concept, contact: str, version: str, rng: random.Random) -> Iterator[tuple[str, str]]:
    """Paths with contents. `contact` is who to write to, `version` the last one of the change log."""
    license_name = rng.choice(sorted(LICENSES))
    yield "LICENSE", f"{license_name}\n\n{LICENSES[license_name]}\n"
    yield "README.md", _readme(concept, license_name, contact, rng)
    yield "CHANGELOG.md", _changes(concept, version, rng)
    yield SETTINGS_PATH, _settings(rng)
    yield "docs/manual.md", _manual(concept, rng)
    for part in concept.parts:
        yield from _source(concept.language, part, rng)


def _readme(concept: Concept, license_name: str, contact: str, rng: random.Random) -> str:
    needs = {"Python": "Python 3.11", "JavaScript": "Node 20", "Rust": "Rust 1.80", "Go": "Go 1.22"}[concept.language]
    parts = "\n".join(f"- {part}" for part in concept.parts)
    return f"""# {concept.name}

{concept.description}

## Getting started

It needs {needs} and about {rng.randrange(40, 400)} MB of disk space. Copy `{SETTINGS_PATH}`, change what you have \
to, and start it.

## What is inside

{parts}

## Help

Open an issue, or ask {contact}, who looks after releases. Meetings are every {rng.choice(["first", "second", "last"])} \
{rng.choice(["Monday", "Tuesday", "Wednesday", "Thursday"])} of the month.

## License

{license_name}
"""


def _changes(concept: Concept, version: str, rng: random.Random) -> str:
    major, minor = (int(number) for number in version.split("."))
    lines = ["# Changes", ""]
    for number in range(minor, max(minor - 4, -1), -1):
        lines += [f"## {major}.{number}", ""]
        lines += [f"- {rng.choice(('Faster', 'Clearer', 'New', 'Fixed'))}: {part}" for part in rng.sample(concept.parts, 2)]
        lines.append("")
    return "\n".join(lines)


def _settings(rng: random.Random) -> str:
    return f"""[server]
port = {rng.randrange(3000, 9999)}
workers = {rng.randrange(2, 13)}
timeout_seconds = {rng.randrange(5, 91)}

[cache]
max_entries = {rng.randrange(2, 90) * 50}
keep_hours = {rng.randrange(1, 73)}

[mail]
retries = {rng.randrange(2, 10)}
daily_limit = {rng.randrange(4, 80) * 25}
"""


def _manual(concept: Concept, rng: random.Random) -> str:
    lines = [f"# {concept.name} manual", ""]
    for part in concept.parts:
        lines += [f"## The {part}", "", f"Open it from the menu. It keeps the last {rng.randrange(5, 60)} entries.", ""]
    return "\n".join(lines)


def _source(language: str, part: str, rng: random.Random) -> Iterator[tuple[str, str]]:
    name = part.replace(" ", "_")
    camel = "".join(word.capitalize() for word in part.split())
    most = rng.randrange(10, 500)
    if language == "Python":
        yield (
            f"src/{name}.py",
            (
                f'"""The {part}."""\n\nMOST = {most}\n\n\nclass {camel}:\n'
                f"    def __init__(self):\n        self.entries = []\n\n"
                f"    def add(self, entry):\n        if len(self.entries) >= MOST:\n            self.entries.pop(0)\n"
                f"        self.entries.append(entry)\n"
            ),
        )
        yield (
            f"tests/test_{name}.py",
            (
                f"from {name} import MOST, {camel}\n\n\ndef test_full():\n    it = {camel}()\n    for n in range(MOST + 1):\n"
                f"        it.add(n)\n    assert it.entries[0] == 1\n"
            ),
        )
    elif language == "JavaScript":
        yield (
            f"src/{name}.js",
            (
                f"// The {part}.\nconst MOST = {most};\n\nexport class {camel} {{\n  entries = [];\n\n  add(entry) {{\n"
                f"    if (this.entries.length >= MOST) this.entries.shift();\n    this.entries.push(entry);\n  }}\n}}\n"
            ),
        )
    elif language == "Rust":
        yield (
            f"src/{name}.rs",
            (
                f"//! The {part}.\n\nconst MOST: usize = {most};\n\npub struct {camel} {{\n    entries: Vec<String>,\n}}\n\n"
                f"impl {camel} {{\n    pub fn add(&mut self, entry: String) {{\n        if self.entries.len() >= MOST {{\n"
                f"            self.entries.remove(0);\n        }}\n        self.entries.push(entry);\n    }}\n}}\n"
            ),
        )
    else:
        yield (
            f"internal/{name}.go",
            (
                f"// Package {name} holds the {part}.\npackage {name.replace('_', '')}\n\nconst most = {most}\n\n"
                f"type {camel} struct {{\n\tentries []string\n}}\n\nfunc (it *{camel}) Add(entry string) {{\n"
                f"\tif len(it.entries) >= most {{\n\t\tit.entries = it.entries[1:]\n\t}}\n"
                f"\tit.entries = append(it.entries, entry)\n}}\n"
            ),
        )
