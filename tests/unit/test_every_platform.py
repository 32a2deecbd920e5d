"""What would run on the developers' system alone is found here, not by the first user of Windows.

`make types` checks with ``--platform win32`` that every name exists there; this checks what exists and means
something else, or nothing.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted([*(ROOT / "reconciler").rglob("*.py"), *(ROOT / "state").rglob("*.py")])

ONE_SYSTEM_S_MODULES = {
    *("crypt", "fcntl", "grp", "posix", "pty", "pwd", "resource", "spwd", "syslog", "termios", "tty"),
    *("msvcrt", "winreg", "_winapi"),
}
POSIX_NAMES = {
    *(
        "os.fork",
        "os.forkpty",
        "os.getuid",
        "os.geteuid",
        "os.getgid",
        "os.getegid",
        "os.getlogin",
        "os.uname",
    ),
    *("os.setsid", "os.setuid", "os.setgid", "os.killpg", "os.getpgid", "os.chown", "os.lchown", "os.fchmod"),
    *(
        "os.mkfifo",
        "os.mknod",
        "os.openpty",
        "os.nice",
        "os.wait",
        "os.waitid",
        "os.O_NONBLOCK",
        "os.O_NOFOLLOW",
    ),
    *(
        "os.O_CLOEXEC",
        "os.O_DIRECTORY",
        "signal.SIGKILL",
        "signal.SIGHUP",
        "signal.SIGUSR1",
        "signal.SIGALRM",
    ),
    *("signal.alarm", "signal.setitimer", "signal.pause", "socket.AF_UNIX", "socket.SO_REUSEPORT"),
    *("loop.add_signal_handler", "asyncio.open_unix_connection", "time.tzset", "select.poll", "select.epoll"),
}
WINDOWS_NAMES = {
    *(
        "os.O_BINARY",
        "os.startfile",
        "signal.SIGBREAK",
        "signal.CTRL_BREAK_EVENT",
        "socket.SO_EXCLUSIVEADDRUSE",
    ),
    *("subprocess.DETACHED_PROCESS", "subprocess.CREATE_NEW_PROCESS_GROUP", "subprocess.CREATE_NO_WINDOW"),
}
DIFFERENT_NAMES = {
    *(
        "os.open",
        "os.write",
        "os.chmod",
        "os.kill",
        "os.umask",
        "os.symlink",
        "os.link",
        "os.dup2",
        "os.mkdir",
    ),
    *("os.rename", "os.fsync", "signal.signal", "subprocess.Popen", "subprocess.run"),
}
ONE_MODULE_OF_EACH_ROOM = {
    "state/stores/files.py": "modes, locks, durable files of the record",
    "reconciler/credentials/private_file.py": "who else may read a secret",
    "reconciler/credentials/command.py": "a program that prints a secret",
    "reconciler/issuers/manual/folder.py": "files that a person puts there, opened without waiting",
    "reconciler/whole_file.py": "files that are never seen in part",
    "reconciler/cli/console.py": "where output goes when its reader left",
    "reconciler/cli/signals.py": "what ends a run from outside",
    "reconciler/lab/process.py": "the lab in the background",
    "reconciler/lab/exchange/files.py": "durable files of the lab",
}


def place(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def uses(tree: ast.AST, guard: str = "") -> Iterator[tuple[str, str]]:
    """Every dotted name, and the platform that a test around it leaves: ``win32``, ``posix`` or none."""
    for child in ast.iter_child_nodes(tree):
        if isinstance(child, ast.Attribute) and isinstance(child.value, ast.Name):
            yield f"{child.value.id}.{child.attr}", guard
        if isinstance(child, ast.If) and (asked := is_about_windows(child.test)):
            here, other = ("win32", "posix") if asked == "is" else ("posix", "win32")
            for branch, left in ((child.body, here), (child.orelse, other)):
                yield from uses(ast.Module(branch, []), left)
            yield from uses(child.test, guard)
            continue
        yield from uses(child, guard)


def is_about_windows(test: ast.expr) -> str:
    """``is`` or ``is not``; "" for any other test."""
    text = ast.unparse(test)
    if text in ("sys.platform == 'win32'", "os.name == 'nt'"):
        return "is"
    return "is not" if text in ("sys.platform != 'win32'", "os.name != 'nt'") else ""


@pytest.fixture(scope="module")
def trees() -> dict[str, ast.Module]:
    return {place(path): ast.parse(path.read_text(encoding="utf-8")) for path in FILES}


def test_no_module_of_one_system_is_imported(trees: dict[str, ast.Module]) -> None:
    found = [f"{file}: {name}" for file, tree in trees.items() for name in imported(tree)]
    assert not [each for each in found if each.rpartition(" ")[2] in ONE_SYSTEM_S_MODULES]


def imported(tree: ast.Module) -> Iterator[str]:
    """First words of the modules of others that a module imports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield (node.module or "").partition(".")[0]


def test_what_one_system_lacks_stands_in_a_branch_for_the_other(trees: dict[str, ast.Module]) -> None:
    """With ``if sys.platform``, which the type checker follows too; a branch has its twin beside it."""
    found = [
        f"{file}: {name}"
        for file, tree in trees.items()
        for name, guard in uses(tree)
        if (name in POSIX_NAMES and guard != "posix") or (name in WINDOWS_NAMES and guard != "win32")
    ]
    assert not found


def test_what_differs_between_systems_stands_in_one_module_of_each_room(trees: dict[str, ast.Module]) -> None:
    calls = {file for file, tree in trees.items() for name, _ in uses(tree) if name in DIFFERENT_NAMES}
    methods = {
        file
        for file, tree in trees.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr in ("chmod", "symlink_to", "hardlink_to")
    }
    assert not (calls | methods) - set(ONE_MODULE_OF_EACH_ROOM)


def test_text_is_never_in_the_encoding_of_the_system(trees: dict[str, ast.Module]) -> None:
    """It is cp1252 on one machine and UTF-8 on the next (PEP 597)."""
    assert not [
        f"{file}:{call.lineno}"
        for file, tree in trees.items()
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and leaves_the_encoding_open(call)
    ]


def leaves_the_encoding_open(call: ast.Call) -> bool:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    words = {word.arg: word.value for word in call.keywords}
    if name in ("read_text", "write_text"):
        return "encoding" not in words and len(call.args) < (1 if name == "read_text" else 2)
    if name in ("Popen", "run", "check_output"):
        return bool({"text", "universal_newlines"} & set(words)) and "encoding" not in words
    if name not in ("open", "fdopen", "NamedTemporaryFile", "TextIOWrapper"):
        return False
    texts = [arg.value for arg in (*call.args, *words.values()) if isinstance(arg, ast.Constant)]
    modes = [text for text in texts if isinstance(text, str) and set(text) <= set("rwaxbt+")]
    is_own_open = isinstance(call.func, ast.Attribute) and not modes and name == "open"
    return not is_own_open and "encoding" not in words and not any("b" in mode for mode in modes)


@pytest.mark.parametrize(
    ("code", "wrong"),
    [
        ("open('a')", True),
        ("open('a', 'rb')", False),
        ("path.open('w')", True),
        ("path.read_text()", True),
        ("path.read_text('utf-8')", False),
        ("path.write_text(text, encoding='utf-8')", False),
        ("os.fdopen(handle, 'w', encoding='utf-8')", False),
        ("subprocess.run(a, text=True)", True),
        ("session.open()", False),
    ],
)
def test_an_encoding_left_open_is_seen(code: str, wrong: bool) -> None:
    """The test above would pass on anything otherwise."""
    call = ast.parse(code, mode="eval").body
    assert isinstance(call, ast.Call)
    assert leaves_the_encoding_open(call) is wrong


def test_a_branch_for_a_system_is_seen() -> None:
    code = "if sys.platform == 'win32':\n os.a\nelse:\n os.b\nos.c\ndef f():\n if os.name != 'nt':\n  os.d"
    assert {
        (name, guard) for name, guard in uses(ast.parse(code)) if name[:3] == "os." and len(name) == 4
    } == {
        ("os.a", "win32"),
        ("os.b", "posix"),
        ("os.c", ""),
        ("os.d", "posix"),
    }
