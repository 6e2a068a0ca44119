# The runner's own part: frames in, event lines out, the lock, programs. Python 3.8 and nothing but its library.
import base64
import fcntl
import hashlib
import http.client
import json
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
import zlib

STATE = os.environ.get("KAVI_RUNNER_STATE", "/var/lib/kavi")  # another place in tests
RUN = os.environ.get("KAVI_RUNNER_RUN", "/run/kavi")
LOG = STATE + "/log.jsonl"

OPERATIONS = {}
FACTS = {}


class Failure(Exception):
    """Ends an operation. `code` is one of kavi's error codes ("KAVI-E0604")."""

    def __init__(self, code, message, causes=(), fix=""):
        super().__init__(message)
        self.code, self.message, self.causes, self.fix = code, message, list(causes), fix

    def as_json(self):
        return {"code": self.code, "message": self.message, "causes": self.causes, "fix": self.fix}


def operation(name, changes=False):
    """Registers an operation: f(parameters, frames) -> result. `changes`: it runs under the host's lock."""

    def register(function):
        OPERATIONS[name] = (function, changes)
        return function

    return register


def facts(name):
    """Registers a part of the facts: f(parameters) -> value; called when the facts request names it."""

    def register(function):
        FACTS[name] = function
        return function

    return register


_out = threading.Lock()


def say(event):
    """One event line. A client that has gone is no reason to stop half-way."""
    line = (json.dumps(event, ensure_ascii=False, separators=(",", ":")) + "\n").encode("utf-8", "replace")
    with _out:
        try:
            sys.stdout.buffer.write(line)
            sys.stdout.buffer.flush()
        except OSError:
            pass


def progress(subject, text):
    say({"event": "progress", "subject": subject, "text": text})


def answer(result):
    text = json.dumps(result, ensure_ascii=False, separators=(",", ":"))
    if len(text) < 1000:
        say({"event": "result", "data": result})
    else:
        packed = base64.b64encode(zlib.compress(text.encode("utf-8", "replace"), 6)).decode()
        say({"event": "result", "z": packed})


def read_exactly(stream, count):
    data = stream.read(count)
    if len(data) != count:
        raise EOFError
    return data


def read_request(stream):
    """(request, frames), or None at the end of input. A frame is "NAME LENGTH\\n" and its bytes; the request, a
    frame itself, comes last and says how many came before it."""
    frames = {}
    while True:
        line = stream.readline()
        if not line.endswith(b"\n"):
            return None
        name, _, length = line[:-1].rpartition(b" ")
        data = read_exactly(stream, int(length))
        if name == b"request":
            return json.loads(data), frames
        frames[name.decode()] = data


class Lock:
    """flock on /run/kavi/lock: free when this process ends, however it ends. The owner's name lies beside it."""

    def __init__(self):
        self.file = None

    def hold(self, owner, wait):
        if self.file:
            return
        os.makedirs(RUN, mode=0o700, exist_ok=True)
        file = open(RUN + "/lock", "a")
        until = time.monotonic() + wait
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                if time.monotonic() >= until:
                    raise Failure("KAVI-E0903", "another run holds this server's lock", [self.holder()],
                                  "wait for it, or give --lock-wait 5m")
                progress("lock", "waiting for another run")
                time.sleep(min(1, max(0.05, until - time.monotonic())))
        write_file(RUN + "/owner", json.dumps(dict(owner, since=now())).encode(), 0o600)
        self.file = file

    def holder(self):
        try:
            with open(RUN + "/owner") as file:
                owner = json.load(file)
            return "held by %s (%s) since %s" % (owner["who"], owner["command"], owner["since"])
        except (OSError, ValueError, KeyError):
            return "its owner didn't say who it is"


LOCK = Lock()


def now():
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def write_file(path, data, mode, owner=None):
    """Beside the target, synced, renamed: whole or not there. Parents are made 0755."""
    folder = os.path.dirname(path)
    os.makedirs(folder, mode=0o755, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=".kavi-", dir=folder)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fchmod(file.fileno(), mode)
            if owner:
                os.fchown(file.fileno(), *owner)
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        if os.path.exists(temporary):
            os.unlink(temporary)
        raise


def read_text(path, otherwise=None):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return otherwise


def read_json(path, otherwise=None):
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except (OSError, ValueError):
        return otherwise


def sha256_file(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def run(arguments, timeout=600, data=None, env=None, cwd=None):
    """(status, output, errors) of a program; its input is empty unless given. -1: it took too long."""
    try:
        done = subprocess.run(arguments, input=data if data is not None else b"", stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=timeout, env=env, cwd=cwd)
        return done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")
    except subprocess.TimeoutExpired:
        return -1, "", "took longer than %d s" % timeout
    except OSError as problem:
        return 127, "", str(problem)


def must_run(arguments, code="KAVI-E0604", **more):
    status, out, err = run(arguments, **more)
    if status != 0:
        tail = [line for line in (err or out).strip().splitlines() if line.strip()][-5:]
        raise Failure(code, "'%s' ended with %d" % (" ".join(arguments[:3]), status), tail)
    return out


def log(entry):
    """A line in the host's own log; a full disk doesn't stop the work."""
    try:
        os.makedirs(STATE, mode=0o700, exist_ok=True)
        with open(LOG, "a") as file:
            file.write(json.dumps(dict(entry, at=now())) + "\n")
    except OSError:
        pass


def serve(stream):
    # The client may be killed: what is under way is finished, then input ends.
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    while True:
        try:
            received = read_request(stream)
        except EOFError:
            received = None
        if received is None:
            return
        request, frames = received
        serve_one(request, frames)


def serve_one(request, frames):
    name = request.get("operation", "")
    try:
        if name not in OPERATIONS:
            raise Failure("KAVI-E0604", "the runner has no operation '%s'" % name)
        function, changes = OPERATIONS[name]
        if changes:
            LOCK.hold(request.get("owner", {}), request.get("lock_wait", 0))
        result = function(request.get("parameters", {}), frames)
        if changes:
            log({"operation": name, "owner": request.get("owner", {}), "outcome": "done"})
        answer(result)
    except Failure as failure:
        if name in OPERATIONS and OPERATIONS[name][1]:
            log({"operation": name, "owner": request.get("owner", {}), "outcome": failure.message})
        say(dict(failure.as_json(), event="failure"))
    except OSError as problem:
        say({"event": "failure", "code": "KAVI-E0604", "message": "%s failed" % name, "causes": [str(problem)],
             "fix": "the server's disk is full: kavi server clean" if problem.errno == 28 else ""})
    except Exception as problem:  # a bug of the runner: say where, never what it held
        trace, last = problem.__traceback__, 0
        while trace:
            last, trace = trace.tb_lineno, trace.tb_next
        say({"event": "failure", "code": "KAVI-E0999", "message": "the runner failed in %s" % name,
             "causes": ["%s at line %d" % (type(problem).__name__, last)], "fix": "please report it"})
