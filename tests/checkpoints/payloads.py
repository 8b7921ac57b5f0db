"""What a pickle can call that makes a file: harmless, and each by another way into Python.

The names are those that public lists of bypasses of pickle scanners give: interpreters of text, shells, openers
of files, debuggers, profilers, code of torch and numpy that runs strings, and ways to reach them by attribute.
"""

from __future__ import annotations

import os
from typing import Any

from tests.checkpoints.writers import Call, Name, dumps


def call(name: str, *arguments: Any) -> Call:
    """`module.name(*arguments)`; a colon stands where the module ends, if that is not the last dot."""
    return Call(at(name), arguments)


def at(name: str) -> Name:
    """The name written as a global."""
    module, _, last = name.partition(":") if ":" in name else name.rpartition(".")
    return Name(module, last)


def attribute(value: Any, *names: str) -> Any:
    """`getattr(getattr(value, names[0]), names[1])`, and so on."""
    for name in names:
        value = call("builtins.getattr", value, name)
    return value


def payloads(marker: str) -> dict[str, Any]:
    """Values that make the file `marker` while an unpickler builds them."""
    return {
        **_shells(marker),
        **_interpreters(marker),
        **_openers(marker),
        **_detours(marker),
    }


def _shells(m: str) -> dict[str, Any]:
    touch = f"touch {m}"
    words = ["touch", m]
    create = os.O_CREAT | os.O_WRONLY
    return {
        "posix.system": call("posix.system", touch),
        "os.system": call("os.system", touch),
        "os.popen": Call(attribute(call("os.popen", touch), "read"), ()),
        "os.spawnvp": call("os.spawnvp", 0, "touch", words),
        "os.spawnlp": call("os.spawnlp", 0, "touch", *words),
        "os.posix_spawnp": call("os.posix_spawnp", "touch", words, {}),
        "os.open": call("os.open", m, create, 0o600),
        "os.mkdir": call("os.mkdir", m),
        "os.makedirs": call("os.makedirs", m),
        "os.mkfifo": call("os.mkfifo", m),
        "os.symlink": call("os.symlink", "/", m),
        "subprocess.run": call("subprocess.run", words),
        "subprocess.call": call("subprocess.call", words),
        "subprocess.check_call": call("subprocess.check_call", words),
        "subprocess.check_output": call("subprocess.check_output", words),
        "subprocess.getoutput": call("subprocess.getoutput", touch),
        "subprocess.getstatusoutput": call("subprocess.getstatusoutput", touch),
        "subprocess.Popen": Call(attribute(call("subprocess.Popen", words), "wait"), ()),
        "subprocess.Popen-new": Call(at("subprocess.Popen"), (words,), new=True),
        "pty.spawn": call("pty.spawn", words),
        "pydoc.pipepager": call("pydoc.pipepager", "x", f"cat > {m}"),
        "pydoc.tempfilepager": call("pydoc.tempfilepager", "x", f"{touch};:"),
        "imaplib.IMAP4_stream": call("imaplib.IMAP4_stream", touch),
        "torch.utils.collect_env.run": call("torch.utils.collect_env.run", touch),
        "torch.utils.collect_env.run_and_read_all": call(
            "torch.utils.collect_env.run_and_read_all",
            at("torch.utils.collect_env.run"),
            touch,
        ),
    }


def _interpreters(m: str) -> dict[str, Any]:
    python = f"open({m!r}, 'w').close()"
    compiled = call("builtins.compile", python, "x", "exec")
    return {
        "eval": call("builtins.eval", python),
        "exec": call("builtins.exec", python),
        "exec-compiled": call("builtins.exec", compiled),
        "python2-eval": call("__builtin__.eval", python),
        "numpy.testing.runstring": call("numpy.testing._private.utils.runstring", python, {}),
        "numpy.f2py.myeval": call("numpy.f2py.crackfortran.myeval", python),
        "torch.execWrapper": call("torch.jit.unsupported_tensor_ops.execWrapper", python, {}, {}),
        "timeit.timeit": call("timeit.timeit", python, "pass", at("time.time"), 1),
        "timeit.repeat": call("timeit.repeat", python, "pass", at("time.time"), 1, 1),
        "timeit.main": call("timeit.main", ["-n1", "-r1", python]),
        "cProfile.run": call("cProfile.run", python),
        "cProfile.runctx": call("cProfile.runctx", python, {}, {}),
        "profile.run": call("profile.run", python),
        "profile.runctx": call("profile.runctx", python, {}, {}),
        "bdb.Bdb.run": Call(attribute(call("bdb.Bdb"), "run"), (python,)),
        "bdb.Bdb.runeval": Call(attribute(call("bdb.Bdb"), "runeval"), (python,)),
        "trace.Trace": Call(attribute(call("trace.Trace", 0, 0), "run"), (python,)),
        "code.InteractiveInterpreter": Call(
            attribute(call("code.InteractiveInterpreter"), "runsource"), (python,)
        ),
        "code.InteractiveConsole": Call(
            attribute(call("code.InteractiveConsole"), "push"), (python,)
        ),
        "code.runcode": Call(
            attribute(call("code.InteractiveInterpreter"), "runcode"), (compiled,)
        ),
        "runpy._run_code": call("runpy._run_code", compiled, {}),
        "types.FunctionType": Call(call("types.FunctionType", compiled, {}), ()),
        "codeop-exec": call("builtins.exec", call("codeop.compile_command", python)),
        "importlib.import_module": Call(
            attribute(call("importlib.import_module", "os"), "mkdir"), (m,)
        ),
        "__import__": Call(attribute(call("builtins.__import__", "os"), "mkdir"), (m,)),
        "pydoc.locate": Call(call("pydoc.locate", "os.mkdir"), (m,)),
        "pkgutil.resolve_name": Call(call("pkgutil.resolve_name", "os:mkdir"), (m,)),
        "logging.config.resolve": Call(call("logging.config._resolve", "os.mkdir"), (m,)),
        "ctypes.system": Call(attribute(call("ctypes.CDLL", None), "mkdir"), (m.encode(), 0o700)),
    }


def _openers(m: str) -> dict[str, Any]:
    return {
        "open": call("builtins.open", m, "w"),
        "io.open": call("io.open", m, "w"),
        "_io.open": call("_io.open", m, "w"),
        "io.FileIO": call("io.FileIO", m, "w"),
        "_io.FileIO": call("_io.FileIO", m, "x"),
        "codecs.open": call("codecs.open", m, "w"),
        "fileinput.hook_compressed": call("fileinput.hook_compressed", m, "w"),
        "gzip.open": call("gzip.open", m, "w"),
        "bz2.open": call("bz2.open", m, "w"),
        "lzma.open": call("lzma.open", m, "w"),
        "zipfile.ZipFile": call("zipfile.ZipFile", m, "w"),
        "tarfile.open": call("tarfile.open", m, "w"),
        "sqlite3.connect": Call(
            attribute(call("sqlite3.connect", m), "execute"), ("create table a(b)",)
        ),
        "dbm.dumb.open": call("dbm.dumb.open", m, "n"),
        "mailbox.Maildir": call("mailbox.Maildir", m),
        "mailbox.mbox": call("mailbox.mbox", m),
        "logging.FileHandler": call("logging.FileHandler", m),
        "logging.handlers": call("logging.handlers.WatchedFileHandler", m),
        "shutil.copyfile": call("shutil.copyfile", "/dev/null", m),
        "shutil.copy": call("shutil.copy", "/dev/null", m),
        "pathlib.touch": Call(attribute(call("pathlib.Path", m), "touch"), ()),
        "pathlib.write": Call(attribute(call("pathlib.Path", m), "write_text"), ("x",)),
        "pathlib.mkdir": call("pathlib:Path.mkdir", call("pathlib.Path", m)),
        "numpy.savetxt": call("numpy.savetxt", m, [1]),
        "numpy.memmap": call("numpy.memmap", m, "u1", "w+", 0, 4),
        "numpy.tofile": Call(attribute(call("numpy.array", [1]), "tofile"), (m,)),
        "torch.save": call("torch.save", 1, m),
        "torch.serialization.save": call("torch.serialization.save", 1, m),
        "tempfile.mkdtemp": call(
            "os.rename", call("tempfile.mkdtemp", "", "x", os.path.dirname(m)), m
        ),
        "xml.ElementTree": Call(
            attribute(
                call(
                    "xml.etree.ElementTree.ElementTree", call("xml.etree.ElementTree.Element", "a")
                ),
                "write",
            ),
            (m,),
        ),
        "json.dump": call("json.dump", [], call("builtins.open", m, "w")),
        "pickle.dump": call("pickle.dump", [], call("builtins.open", m, "wb")),
        "http.cookiejar": Call(attribute(call("http.cookiejar.LWPCookieJar", m), "save"), ()),
    }


def _detours(m: str) -> dict[str, Any]:
    """Ways to a function that hide its name from whoever looks for it."""
    inner = dumps(call("os.mkdir", m), 2)
    mkdir = at("os.mkdir")
    path = call("pathlib.Path", m)
    made = call("builtins.map", mkdir, [m])
    module = call("builtins.__import__", "os")
    return {
        "functools.partial": Call(call("functools.partial", mkdir, m), ()),
        "functools.reduce": call("functools.reduce", mkdir, [m, 0o700]),
        "list-map": call("builtins.list", made),
        "min-map": call("builtins.min", made),
        "sorted-map": call("builtins.sorted", made),
        "list-filter": call("builtins.list", call("builtins.filter", mkdir, [m])),
        "starmap": call("builtins.list", call("itertools.starmap", mkdir, [(m,)])),
        "operator.methodcaller": Call(call("operator.methodcaller", "mkdir"), (path,)),
        "operator.attrgetter": Call(Call(call("operator.attrgetter", "mkdir"), (module,)), (m,)),
        "operator.itemgetter": Call(call("operator.itemgetter", 0), ([call("os.mkdir", m)],)),
        "copyreg._reconstructor": call(
            "copyreg._reconstructor",
            *(at("builtins.list"), at("builtins.list"), [call("os.mkdir", m)]),
        ),
        "threading.Thread": Call(
            attribute(call("threading.Thread", None, mkdir, "x", (m,)), "run"), ()
        ),
        "pickle.loads": call("pickle.loads", inner),
        "_pickle.loads": call("_pickle.loads", inner),
        "torch.storage._load_from_bytes": call("torch.storage._load_from_bytes", inner),
        "dotted": Call(Name("pathlib", "os.mkdir"), (m,)),
        "dotted-torch": Call(Name("torch.serialization", "os.mkdir"), (m,)),
        "dotted-numpy": Call(Name("numpy.testing._private.utils", "os.mkdir"), (m,)),
        "allowed-module-argparse": Call(Name("argparse", "_os.mkdir"), (m,)),
        "allowed-module-torch": Call(Name("torch.storage", "io.FileIO"), (m, "w")),
        "argument-of-append": Call(
            attribute(call("builtins.list", [m]), "append"), (call("os.mkdir", m),)
        ),
    }


def opcodes(marker: str) -> dict[str, tuple[bytes, bool]]:
    """Attacks that no pickler writes, as opcodes that leave one value, and whether a stock loader runs them."""
    touch = _text(f"touch {marker}")
    one = touch + b"\x85R"
    words = b"](" + _text("touch") + _text(marker) + b"e"
    system = b"cposix\nsystem\n"
    return {
        "inst": (b"(" + touch + b"ios\nsystem\n", True),
        "obj": (b"(cos\nsystem\n" + touch + b"o", True),
        "newobj": (b"csubprocess\nPopen\n" + words + b"\x85\x81", False),
        "newobj-ex": (b"csubprocess\nPopen\n" + words + b"\x85}\x92", False),
        "duplicated": (system + b"2" + touch + b"\x85R0" + one, True),
        "popped": (system + one + b"0N", True),
        "pop-mark": (b"(" + system + one + b"1N", True),
        "memo-shadow": (
            b"ccollections\nOrderedDict\nq\x05" + system + b"q\x05h\x05" + one + b"\x86",
            True,
        ),
        "memo-long": (system + b"r\x00\x01\x00\x00" + b"j\x00\x01\x00\x00" + one + b"\x86", True),
        "text-put": (system + b"p9\ng9\n" + one + b"\x86", True),
        "build-global": (b"ccollections\nOrderedDict\n}" + _text("x") + b"Nsb", False),
        "build-setstate": (
            b"ctypes\nSimpleNamespace\n)R}" + _text("x") + system + one + b"sb",
            True,
        ),
        "build-slots": (b"ccollections\nOrderedDict\n)RN}" + _text("keys") + b"Ns\x86b", False),
        "build-class": (b"ccollections\nOrderedDict\n)R}" + _text("__class__") + b"Nsb", False),
        "key": (b"}" + system + one + b"Ns", True),
        "item": (b"}N" + system + one + b"s", True),
        "appended": (b"]" + system + one + b"a", True),
        "set-member": (b"\x8f(" + system + one + b"\x90", True),
        "argument-of-allowed": (
            b"ccollections\nOrderedDict\n](" + system + one + b"K\x01\x86e\x85R",
            True,
        ),
        "persistent": (_text("storage") + b"Q", False),
        "persistent-text": (b"Pstorage\n", False),
        "extension-1": (b"\x82\x01", False),
        "extension-2": (b"\x83\x01\x00", False),
        "extension-4": (b"\x84\x01\x00\x00\x00", False),
        "unicode-name": (b"\x8c\x02os\x8c\x06system\x93" + one, True),
        "name-in-memo": (b"\x8c\x02os\x94\x8c\x06system\x94\x93" + one, True),
        "name-of-bytes": (b"C\x02osC\x06system\x93" + one, False),
        "call-of-text": (_text("os.system") + one, False),
        "call-of-storage": (b"ctorch\nFloatStorage\n" + one, False),
        "encode-other": (b"c_codecs\nencode\n" + _text("x") + _text("rot13") + b"\x86R", False),
        "buffer": (b"\x97", False),
        "read-only": (b"\x97\x98", False),
        "bytearray": (b"\x96" + (4).to_bytes(8, "little") + b"abcd", False),
        "nested-proto": (system + b"\x80\x02" + one, True),
    }


def _text(value: str) -> bytes:
    raw = value.encode()
    return b"X" + len(raw).to_bytes(4, "little") + raw
