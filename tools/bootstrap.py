"""Make .venv hold what requirements.lock and requirements-dev.lock say, and the workspace's packages. With nothing to
do, nothing is printed.

Standard library only, and readable by an old python3, so that it can say that it is too old.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(ROOT, ".venv")
STAMP = os.path.join(VENV, ".hermodr-installed")
LOCKS = [os.path.join(ROOT, name) for name in ("requirements.lock", "requirements-dev.lock")]
OLDEST = (3, 11)


def main():
    if sys.version_info < OLDEST:
        fail(
            "Hermodr needs Python %d.%d or newer, and %s is %s.\nName a newer one: make PYTHON=/path/to/python3 …"
            % (*OLDEST, sys.executable, sys.version.split()[0])
        )
    pyprojects = sorted(
        os.path.join(ROOT, kind, name, "pyproject.toml")
        for kind in ("libs", "services")
        for name in os.listdir(os.path.join(ROOT, kind))
        if os.path.exists(os.path.join(ROOT, kind, name, "pyproject.toml"))
    )
    wanted = [python_identity(), digest(LOCKS), digest(pyprojects)]
    if installed() == wanted:
        return
    state = os.path.join(ROOT, ".hermodr")
    os.makedirs(state, mode=0o755, exist_ok=True)
    with open(os.path.join(state, "bootstrap.lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two makes at once: the second waits, then finds everything done
        install(wanted, pyprojects)


def install(wanted, pyprojects):
    """Does the steps whose input changed; the stamp is written after each, so that an interrupted run continues."""
    done = installed()
    if done == wanted:
        return
    started = time.monotonic()
    say("installing into .venv (once; later commands start at once)")
    if not usable(done, wanted):
        step("virtual environment", create_environment)
        done = []
    done = (done + ["", "", ""])[:3]
    if done[1] != wanted[1]:
        step("packages from the locks", install_locks)
        done = [wanted[0], wanted[1], ""]
        write_stamp(done)
    if done[2] != wanted[2]:
        step("Hermodr's own packages", install_workspace, [os.path.dirname(path) for path in pyprojects])
        write_stamp(wanted)
    say("installed in %.1f s" % (time.monotonic() - started))


def usable(done, wanted):
    """An environment of this interpreter, at this place, with pip."""
    python = os.path.join(VENV, "bin", "python")
    if done and done[0] != wanted[0]:
        return False
    if not os.path.exists(python):
        return False
    return subprocess.run([python, "-m", "pip", "--version"], capture_output=True).returncode == 0


def create_environment():
    if subprocess.run([sys.executable, "-c", "import ensurepip"], capture_output=True).returncode:
        install_venv_support()
    if os.path.isdir(VENV) and not os.path.islink(VENV):
        shutil.rmtree(VENV)
    run([sys.executable, "-m", "venv", VENV])


def install_venv_support():
    """Debian keeps ensurepip in a package of its own."""
    package = "python%d.%d-venv" % sys.version_info[:2]
    if not shutil.which("apt-get"):
        fail(
            "%s lacks the venv and ensurepip modules: install your system's package for them" % sys.executable
        )
    if os.geteuid() != 0:
        fail(
            "python3 -m venv does not work here. Run this once, then try again:\n  sudo apt-get install %s"
            % package
        )
    environment = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
    run(["apt-get", "update", "-qq"], environment)
    run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", package], environment)


def install_locks():
    pip = [os.path.join(VENV, "bin", "python"), "-m", "pip", "--disable-pip-version-check"]
    files = [word for lock in LOCKS for word in ("-r", lock)]
    run([*pip, "install", "--quiet", "--no-deps", "--require-hashes", *files])


def install_workspace(folders):
    """Editable, all at once and offline, by the uv of the lock."""
    command = [os.path.join(VENV, "bin", "uv"), "pip", "install", "--quiet", "--offline", "--no-deps"]
    command += ["--no-build-isolation", "--python", os.path.join(VENV, "bin", "python")]
    for folder in folders:
        command += ["--editable", folder]
    path = os.path.join(VENV, "bin") + os.pathsep + os.environ.get("PATH", "")
    run(command, dict(os.environ, PATH=path, VIRTUAL_ENV=VENV))


def installed():
    try:
        with open(STAMP, encoding="utf-8") as stamp:
            return stamp.read().splitlines()
    except OSError:
        return []


def write_stamp(lines):
    with open(STAMP + ".new", "w", encoding="utf-8") as stamp:
        stamp.write("\n".join(lines) + "\n")
    os.replace(STAMP + ".new", STAMP)


def python_identity():
    """An environment copied elsewhere, or of another Python, is made anew."""
    return "%s %s %s" % (sys.version.split()[0], os.path.realpath(sys.executable), ROOT)


def digest(paths):
    summary = hashlib.sha256()
    for path in paths:
        with open(path, "rb") as content:
            summary.update(os.path.relpath(path, ROOT).encode() + b"\0" + content.read() + b"\0")
    return summary.hexdigest()


def step(title, action, *arguments):
    print("  %s …" % title, end="", flush=True)
    started = time.monotonic()
    action(*arguments)
    print(" %.1f s" % (time.monotonic() - started), flush=True)


def run(command, environment=None):
    done = subprocess.run(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if done.returncode:
        print(" failed", flush=True)
        fail("%s\n%s failed with exit status %d" % (done.stdout.rstrip(), " ".join(command), done.returncode))


def say(text):
    print("hermodr: %s" % text, flush=True)


def fail(text):
    print("hermodr: %s" % text, file=sys.stderr, flush=True)
    raise SystemExit(1)


if __name__ == "__main__":
    main()
