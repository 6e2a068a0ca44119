#!/usr/bin/env python3
"""by_hand.py KAVI IMAGE_SCRIPT: runs the commands of docs/recovery-by-hand.md as they stand there, against a backup that kavi's
agent made of a real PostgreSQL, Redis and volume, and that is fetched from a real SFTP server. Only the values of the blocks
marked "variables" are this test's own."""
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
PAGE = ROOT / "docs/recovery-by-hand.md"
PROJECT = "kavi-by-hand-%d" % os.getpid()
SERVERS = []


def run(*words, stdin=None, check=True, **more):
    done = subprocess.run(words, input=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more)
    if check and done.returncode != 0:
        fail("%s ended with %d\n%s\n%s" % (" ".join(map(str, words)), done.returncode, done.stdout[-3000:], done.stderr[-3000:]))
    return done.stdout.strip()


def fail(text):
    print("✘ " + text)
    sys.exit(1)


def check(what, condition, detail=""):
    if not condition:
        fail("%s: %s" % (what, detail))
    print("  ✔ " + what)


def blocks():
    """(is it of variables, its text) of each shell block of the page."""
    return [(bool(m.group(1)), m.group(2)) for m in re.finditer(r"^```sh( variables)?\n(.*?)^```$", PAGE.read_text(), re.M | re.S)]


def with_values(text, values):
    """The block with the test's values; every variable must be one of the test's."""
    lines = []
    for line in text.splitlines():
        name = line.split("=", 1)[0]
        check("the page's variable %s is this test's, too" % name, name in values, sorted(values))
        lines.append("%s='%s'" % (name, values[name]))
    return "\n".join(lines) + "\n"


def wait_until(*words):
    until = time.monotonic() + 60
    while subprocess.run(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode != 0:
        if time.monotonic() > until:
            fail("%s didn't succeed in 60 s" % " ".join(words))
        time.sleep(0.1)


def container(service, image, *options, command=()):
    name = "%s-%s-1" % (PROJECT, service)
    run("docker", "run", "--detach", "--network", "none", "--name", name, "--label", "com.docker.compose.project=" + PROJECT,
        "--label", "com.docker.compose.service=" + service, "--label", "com.docker.compose.oneoff=False", *options, image, *command)
    return name


def sql(postgres, database, text):
    return run("docker", "exec", "-i", postgres, "psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-d", database, stdin=text)


def start_sftp(folder, home):
    """An sshd of this test that gives nothing but SFTP into `home`."""
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / "host"))
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / "reader"))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (folder / "sshd_config").write_text(
        "Port %d\nListenAddress 127.0.0.1\nHostKey %s\nAuthorizedKeysFile %s\nStrictModes no\nPidFile none\nPermitRootLogin yes\n"
        "Subsystem sftp internal-sftp\nForceCommand internal-sftp -R -d %s\n" % (port, folder / "host", folder / "reader.pub", home))
    os.makedirs("/run/sshd", exist_ok=True)
    server = subprocess.Popen(["/usr/sbin/sshd", "-D", "-f", str(folder / "sshd_config")], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    SERVERS.append(server)
    host_key = (folder / "host.pub").read_text().split()
    # What the reader answers when sftp asks about the host key.
    ssh_home = folder / "home/.ssh"
    ssh_home.mkdir(parents=True)
    (ssh_home / "known_hosts").write_text("[127.0.0.1]:%d %s %s\n" % (port, host_key[0], host_key[1]))
    wait_until("bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/%d" % port)
    return port, ssh_home / "known_hosts"


def main():
    kavi, image_script = sys.argv[1], sys.argv[2]
    if os.path.exists("/run/kavi-lab/docker.sock"):
        os.environ.setdefault("DOCKER_HOST", "unix:///run/kavi-lab/docker.sock")
    missing = [tool for tool in ("docker", "age", "zstd", "jq", "sftp", "mmdebstrap") if not shutil.which(tool)]
    if missing or os.geteuid() != 0 or subprocess.run(["docker", "version"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode:
        print("SKIPPED: no docker, or not root, or missing: " + " ".join(missing))
        return
    image = run(image_script, "15")
    folder = Path(tempfile.mkdtemp(prefix="kavi-by-hand-"))
    try:
        recover(kavi, image, folder)
    finally:
        for server in SERVERS:
            server.terminate()
            server.wait()
        for name in run("docker", "ps", "-aq", "--filter", "label=com.docker.compose.project=" + PROJECT).split():
            run("docker", "rm", "-fv", name, check=False)
        for volume in (PROJECT + "_files", PROJECT + "_redis"):
            where = run("docker", "volume", "inspect", "--format", "{{.Mountpoint}}", volume, check=False)
            run("docker", "volume", "rm", "-f", volume, check=False)
            if where:
                shutil.rmtree(Path(where).parent, ignore_errors=True)
        shutil.rmtree(folder)


def recover(kavi, image, folder):
    store, work = folder / "store", folder / "work"
    for path in (store, work):
        path.mkdir()
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / "signing"))
    run("age-keygen", "-o", str(folder / "identity"))
    recipient = run("age-keygen", "-y", str(folder / "identity"))
    for volume in ("files", "redis"):
        run("docker", "volume", "create", "%s_%s" % (PROJECT, volume))
    files, redis_folder = (run("docker", "volume", "inspect", "--format", "{{.Mountpoint}}", "%s_%s" % (PROJECT, v)) for v in ("files", "redis"))
    postgres = container("postgres", image, "-e", "POSTGRES_PASSWORD=x", "--tmpfs", "/var/lib/postgresql/data", command=("postgres", "-c", "fsync=off"))
    redis = container("redis", image, "-v", PROJECT + "_redis:/data", "--user", "redis", "--entrypoint", "redis-server",
                      command=("--dir", "/data", "--appendonly", "yes"))
    wait_until("docker", "exec", postgres, "pg_isready", "-q", "-h", "127.0.0.1", "-U", "postgres")
    wait_until("docker", "exec", redis, "redis-cli", "ping")
    sql(postgres, "postgres", "CREATE ROLE app LOGIN PASSWORD 'x'; CREATE DATABASE infisical OWNER app")
    sql(postgres, "infisical", "SET ROLE app; CREATE TABLE \"it's\" AS SELECT i FROM generate_series(1, 1000) i; CREATE TABLE users AS SELECT 1 AS id")
    run("docker", "exec", redis, "redis-cli", "SET", "key", "value")
    Path(files, "a").mkdir()
    Path(files, "a/file").write_text("content\n")
    os.chown(Path(files, "a"), 1234, 1234)
    request = {"kavi.agent": 1, "estate": "kavi", "server": "bruno", "kavi": "test", "recipients": [recipient],
               "signing_key": str(folder / "signing"), "stores": [{"name": "box", "kind": "local", "folder": str(store)}],
               "items": [{"name": "databases", "kind": "postgres", "project": PROJECT, "service": "postgres"},
                         {"name": "redis", "kind": "redis", "project": PROJECT, "service": "redis"},
                         {"name": "forgejo", "kind": "files", "volume": PROJECT + "_files", "exclude": []}]}
    said = run(kavi, "__agent", "backup", stdin=json.dumps(request)).splitlines()
    result = json.loads(said[-1])
    check("kavi's agent made a backup", result.get("event") == "result" and not result["data"]["manifest"]["failures"], said[-1][:2000])

    # All of it is lost.
    sql(postgres, "infisical", "DROP TABLE users; DELETE FROM \"it's\"")
    run("docker", "exec", redis, "redis-cli", "FLUSHALL")
    run("docker", "stop", redis)
    shutil.rmtree(Path(files, "a"))

    port, known_hosts = start_sftp(folder, store)
    shutil.copy(folder / "signing.pub", work / "signer.pub")
    values = {"BOX": "root@127.0.0.1", "BOX_PORT": port, "BOX_KEY": folder / "reader", "IDENTITY": folder / "identity", "ESTATE": "kavi",
              "SERVER": "bruno", "POSTGRES": postgres, "ITEM": "databases", "DATABASE": "infisical", "FILES_ITEM": "forgejo", "FOLDER": files,
              "REDIS_ITEM": "redis", "REDIS_FOLDER": redis_folder}
    # The answer to "Are you sure you want to continue connecting?" is given before; nothing else of the commands is touched.
    script = "set -eu\nset -o pipefail\nsftp() { command sftp -o UserKnownHostsFile='%s' \"$@\"; }\n" % known_hosts
    for variables, text in blocks():
        script += with_values(text, values) if variables else text
    done = subprocess.run(["bash", "-c", script], cwd=str(work), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        fail("the page's commands ended with %d\n%s" % (done.returncode, done.stdout[-4000:]))
    print("\n".join("    " + line for line in done.stdout.splitlines()[-25:]))
    check("the signature was found good", 'Good "kavi.backup@kua.cl" signature for bruno' in done.stdout, done.stdout[-2000:])

    check("the rows are back", sql(postgres, "infisical", "SELECT (SELECT count(*) FROM \"it's\") || ' ' || (SELECT count(*) FROM users)") == "1000 1")
    check("and belong to who had them", sql(postgres, "infisical", "SELECT tableowner FROM pg_tables WHERE tablename = 'users'") == "app")
    check("the files are back", Path(files, "a/file").read_text() == "content\n" and os.stat(Path(files, "a")).st_uid == 1234)
    run("docker", "start", redis)
    wait_until("docker", "exec", redis, "redis-cli", "ping")
    check("Redis has its key again", run("docker", "exec", redis, "redis-cli", "GET", "key") == "value")


if __name__ == "__main__":
    main()
