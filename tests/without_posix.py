"""A Python that has no more of the system than Windows gives: no fcntl, no pread, no fork, no SIGKILL.

`import tests.without_posix` before steerx, or `pytest -p tests.without_posix` for a whole suite. It also hides
the native library and every compiler. What it cannot show is how another system behaves where it does have
a call: open files that cannot be replaced, names that differ in case alone, other text encodings.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys

# What steerx is built on comes for each system from its own makers; it may use all that is there.
BUILT_ON = (
    "PIL.Image", "filelock", "numpy", "pydantic", "rich.console", "rich.progress", "safetensors.torch",
    "sklearn.decomposition", "sklearn.linear_model", "sklearn.svm", "torch", "typer.testing", "yaml",
)  # fmt: skip
MODULES = (
    "_curses", "_posixshmem", "crypt", "curses", "fcntl", "grp", "nis", "ossaudiodev", "posix", "pty",
    "pwd", "readline", "resource", "spwd", "syslog", "termios", "tty",
)  # fmt: skip
OS = (
    "O_ASYNC", "O_CLOEXEC", "O_DIRECT", "O_DIRECTORY", "O_DSYNC", "O_NDELAY", "O_NOATIME", "O_NOCTTY",
    "O_NOFOLLOW", "O_NONBLOCK", "O_PATH", "O_RSYNC", "O_SYNC", "WCOREDUMP", "WIFEXITED",
    "chown", "chroot", "confstr", "copy_file_range", "ctermid", "fchdir", "fchown", "fdatasync",
    "fork", "forkpty", "fpathconf", "fstatvfs", "getegid", "geteuid", "getgid", "getgrouplist", "getgroups",
    "getloadavg", "getpgid", "getpgrp", "getpriority", "getresuid", "getsid", "getuid", "killpg", "lchown",
    "lockf", "major", "makedev", "memfd_create", "minor", "mkfifo", "mknod", "nice", "openpty", "pathconf",
    "pipe2", "posix_fadvise", "posix_fallocate", "posix_spawn", "pread", "preadv", "pwrite", "pwritev",
    "readv", "sched_getaffinity", "sched_setaffinity", "setegid", "seteuid", "setgid",
    "setpgid", "setpriority", "setsid", "setuid", "splice", "sync", "sysconf", "tcgetpgrp",
    "ttyname", "uname", "wait", "wait3", "wait4", "writev",
)  # fmt: skip
SIGNALS = (
    "SIGALRM", "SIGBUS", "SIGCHLD", "SIGCONT", "SIGHUP", "SIGKILL", "SIGPIPE", "SIGQUIT", "SIGSTOP",
    "SIGTSTP", "SIGUSR1", "SIGUSR2", "SIGWINCH", "alarm", "getitimer", "pause", "pthread_kill",
    "pthread_sigmask", "setitimer", "siginterrupt", "sigpending", "sigwait",
)  # fmt: skip

assert not any(name.split(".")[0] == "steerx" for name in sys.modules), "import this before steerx"
for name in BUILT_ON:
    importlib.import_module(name)
for name in MODULES:
    sys.modules[name] = None  # type: ignore[assignment]  # what the import system takes for: not there
sys.modules["steerx._C"] = None  # type: ignore[assignment]
for module, names in ((os, OS), (signal, SIGNALS)):
    for name in names:
        if hasattr(module, name):
            delattr(module, name)
os.environ["PATH"] = ""
os.environ.setdefault("USERNAME", "user")
