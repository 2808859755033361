"""The house rules of Axle that no compiler checks: layers, imports, names, sizes, and what may not be written.

    tidy.py             checks the tree, prints each breach as FILE:LINE: rule, exits 1 if there is one
    tidy.py --self-test breaks every rule on purpose in a copy and fails unless each breach is found
"""

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

# DESIGN's layers. A module may import only what lies below it, and inside L4 only Network, Identity, Content and Settings.
LAYERS = [
    {"COpenSSL", "CSQLite", "CLinux", "CZstd", "CXZ", "CZlib"},
    {"System"},
    {"TLS", "SQLite", "Compression"},
    {"Model", "Codec"},
    {"Protocol", "Trust", "Rollout", "API"},
    {"Network", "Identity", "Content", "Settings"},
    {"Transport", "HTTP", "Storage"},
    {"Hub", "Spoke", "Agent", "Operator"},
    {"Simulation"},
    {"axle-hub", "axle-spoke", "axle-agent", "axle", "axle-tuf", "axle-sim"},
]
LAYER = {module: level for level, modules in enumerate(LAYERS) for module in modules}
C_MODULES = LAYERS[0]
# Each C module has one importer.
C_IMPORTER = {
    "COpenSSL": "TLS", "CSQLite": "SQLite", "CLinux": "System",
    "CZstd": "Compression", "CXZ": "Compression", "CZlib": "Compression",
}
# Decisions: no IO, no clock, no randomness. Not even the C library.
PURE = {"Model", "Codec", "Protocol", "Trust", "Rollout", "API"}
PLATFORM_MODULES = {"Glibc", "Dispatch", "Foundation", "FoundationEssentials", "FoundationNetworking", "Synchronization"}
LONGEST_FILE = 500

IMPORT = re.compile(
    r"^\s*(?:@[\w()]+\s+)*(?:public\s+|package\s+|internal\s+|fileprivate\s+|private\s+)?import\s+"
    r"(?:(?:struct|class|enum|protocol|func|let|var|typealias)\s+)?(\w+)"
)
DECLARATION = re.compile(r"\b(?:struct|class|enum|protocol|actor|typealias|extension)\s+([A-Z]\w*)")
NESTED_FREE = re.compile(r"\bfunc\s+(\w+)")
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b|\bnot (yet )?implemented\b|\b[Ff]or now\b")
TRAPS = re.compile(r"\btry!|\bas!|\bfatalError\(")
PRIVATE_KEY = re.compile(r"^-----BEGIN [A-Z ]*PRIVATE KEY-----", re.MULTILINE)


class Breaches(list):
    def add(self, path, line, rule):
        self.append(f"{path}:{line}: {rule}")


def code_of(line):
    """The line without its comment, well enough for rules about code."""
    return line.split("//", 1)[0]


def module_of(relative):
    parts = relative.parts
    if parts[:2] == ("Sources", "Programs"):
        return parts[2]
    return parts[1] if parts[0] == "Sources" else None


def check_imports(module, relative, lines, breaches):
    for number, line in enumerate(lines, 1):
        found = IMPORT.match(line)
        if not found:
            continue
        name = found.group(1)
        if name in LAYER and name != module:
            same_layer = LAYER[name] == LAYER[module]
            if LAYER[name] > LAYER[module] or same_layer:
                breaches.add(relative, number, f"layers: {module} may not import {name}")
        if name in C_MODULES and C_IMPORTER[name] != module:
            breaches.add(relative, number, f"layers: only {C_IMPORTER[name]} imports {name}")
        if name in PLATFORM_MODULES:
            if name == "FoundationNetworking":
                breaches.add(relative, number, "imports: FoundationNetworking pulls libcurl into every program")
            elif name == "Dispatch" and module != "System":
                breaches.add(relative, number, "imports: Dispatch belongs to System")
            elif name in {"Foundation", "FoundationEssentials"}:
                # It would be a quarter of a static program, and its time zones are out of date.
                breaches.add(relative, number, f"imports: {module} uses no Foundation: JSON is Codec's, files are System's")
            elif module in PURE and name in {"Glibc", "Dispatch", "Synchronization"}:
                breaches.add(relative, number, f"imports: {module} is pure and does no IO")


def check_names(relative, text, breaches):
    stem = relative.stem.split("+", 1)[0]
    if relative.name in {"main.swift"}:
        return
    if stem not in set(DECLARATION.findall(text)):
        breaches.add(relative, 1, f"names: the file declares or extends no type named {stem}")


def check_text(relative, lines, breaches):
    if len(lines) > LONGEST_FILE:
        breaches.add(relative, len(lines), f"size: past {LONGEST_FILE} lines; do two nouns live here?")
    for number, line in enumerate(lines, 1):
        if UNFINISHED.search(line):
            breaches.add(relative, number, "unfinished: the line reads like unfinished work")
        code = code_of(line)
        if TRAPS.search(code):
            breaches.add(relative, number, "traps: no try!, as! or fatalError")
        if re.search(r"\bMutex\b", code):
            breaches.add(relative, number, "locks: NativeLock, which the thread sanitizer knows, and not the library's")
        if re.search(r"\btry\?", code):
            before = [lines[i] for i in range(max(0, number - 7), number)]
            if not any("//" in candidate for candidate in before):
                breaches.add(relative, number, "errors: try? needs a comment that says why")


def check_package(root, breaches):
    """Package.swift grants no dependency that points up or sideways."""
    text = (root / "Package.swift").read_text()
    pattern = re.compile(r'(?:module|program)\(\s*"([\w-]+)",\s*\[([^\]]*)\]', re.DOTALL)
    for name, granted in pattern.findall(text):
        line = text[: text.index(f'"{name}"')].count("\n") + 1
        for dependency in re.findall(r'"([\w-]+)"', granted):
            if name not in LAYER or dependency not in LAYER:
                breaches.add("Package.swift", line, f"layers: {name} or {dependency} has no layer in tidy.py")
            elif LAYER[dependency] >= LAYER[name]:
                breaches.add("Package.swift", line, f"layers: {name} may not depend on {dependency}")


def tracked_files(root):
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=root, capture_output=True, text=True, check=False)
    if listed.returncode == 0 and listed.stdout:
        return [pathlib.Path(name) for name in listed.stdout.splitlines() if (root / name).is_file()]
    return [path.relative_to(root) for path in root.rglob("*") if path.is_file()]


def check(root):
    breaches = Breaches()
    check_package(root, breaches)
    for relative in sorted(tracked_files(root)):
        if relative.suffix in {".md", ".swift", ".sh", ".py", ".pem", ".key", ""} and relative.name != "tidy.py":
            content = (root / relative).read_bytes()
            if PRIVATE_KEY.search(content.decode("utf-8", "replace")):
                breaches.add(relative, 1, "secrets: a private key is in the tree")
        if relative.suffix != ".swift" or relative.parts[0] != "Sources":
            continue
        text = (root / relative).read_text()
        lines = text.splitlines()
        module = module_of(relative)
        if module not in LAYER:
            breaches.add(relative, 1, f"layers: module {module} has no layer in tidy.py")
            continue
        check_imports(module, relative, lines, breaches)
        check_names(relative, text, breaches)
        check_text(relative, lines, breaches)
    return breaches


SELF_TEST = [
    ("layers: Model may not import Trust", "Sources/Model/Probe.swift", "import Trust\nenum Probe {}\n"),
    ("layers: Hub may not import Spoke", "Sources/Hub/Probe.swift", "import Spoke\nenum Probe {}\n"),
    ("layers: Transport may not import HTTP", "Sources/Transport/Probe.swift", "package import HTTP\nenum Probe {}\n"),
    ("layers: only TLS imports COpenSSL", "Sources/Agent/Probe.swift", "import COpenSSL\nenum Probe {}\n"),
    ("imports: Trust is pure", "Sources/Trust/Probe.swift", "import Glibc\nenum Probe {}\n"),
    ("imports: API uses no Foundation", "Sources/API/Probe.swift", "import FoundationEssentials\nenum Probe {}\n"),
    ("imports: Hub uses no Foundation", "Sources/Hub/Core/FoundationZone.swift", "import Foundation\nenum FoundationZone {}\n"),
    ("imports: axle uses no Foundation", "Sources/Programs/axle/main.swift", "import Foundation\n"),
    ("imports: Agent uses no Foundation", "Sources/Agent/Probe.swift", "internal import FoundationEssentials\nenum Probe {}\n"),
    ("imports: Spoke uses no Foundation", "Sources/Spoke/Probe.swift", "import Foundation\nenum Probe {}\n"),
    ("imports: Identity uses no Foundation", "Sources/Identity/Probe.swift", "import FoundationEssentials\nenum Probe {}\n"),
    ("imports: axle-spoke uses no Foundation", "Sources/Programs/axle-spoke/main.swift", "import FoundationEssentials\n"),
    ("imports: FoundationNetworking", "Sources/Hub/Probe.swift", "import FoundationNetworking\nenum Probe {}\n"),
    ("imports: Dispatch belongs", "Sources/Hub/Probe.swift", "import Dispatch\nenum Probe {}\n"),
    ("names: the file declares", "Sources/Model/Probe.swift", "enum Other {}\n"),
    ("size: past", "Sources/Model/Probe.swift", "enum Probe {}\n" + "// line\n" * LONGEST_FILE),
    ("unfinished:", "Sources/Model/Probe.swift", "enum Probe {}\n// TO" + "DO later\n"),
    ("traps:", "Sources/Model/Probe.swift", "enum Probe { static let a = try! f() }\n"),
    ("locks: NativeLock", "Sources/Hub/Probe.swift", "enum Probe { static let a = Mutex(1) }\n"),
    ("errors: try?", "Sources/Model/Probe.swift", "enum Probe { static let a = try? f() }\n"),
    ("secrets:", "Sources/Model/probe.pem", "-----BEGIN PRIVATE" + " KEY-----\n"),
]


def self_test(root):
    """Breaks each rule in a copy of the tree; a rule that does not notice is a failure."""
    failures = 0
    with tempfile.TemporaryDirectory() as folder:
        copy = pathlib.Path(folder)
        shutil.copy(root / "Package.swift", copy / "Package.swift")
        for expected, name, content in SELF_TEST:
            probe = copy / name
            probe.parent.mkdir(parents=True, exist_ok=True)
            probe.write_text(content)
            if not any(expected in breach for breach in check(copy)):
                print(f"tidy self-test: not noticed: {expected}")
                failures += 1
            probe.unlink()
        package = (root / "Package.swift").read_text()
        (copy / "Package.swift").write_text(package.replace('module("Model", []', 'module("Model", ["Trust"]', 1))
        if not any("Model may not depend on Trust" in breach for breach in check(copy)):
            print("tidy self-test: not noticed: a dependency that points up")
            failures += 1
    print(f"tidy self-test: {len(SELF_TEST) + 1 - failures} of {len(SELF_TEST) + 1} breaches noticed")
    return failures


def main():
    root = pathlib.Path(__file__).resolve().parents[2]
    if "--self-test" in sys.argv[1:]:
        return 1 if self_test(root) else 0
    breaches = check(root)
    for breach in breaches:
        print(breach)
    print(f"tidy: {len(breaches)} breaches")
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main())
