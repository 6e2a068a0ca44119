"""A box to store in, near and at the end of a slow line; commands run beside each other; tables."""
import json
import os
import subprocess
import sys
import time
from pathlib import Path

ROUNDS = 3
SPACE = "kavi-bench"
FAR, NEAR = "10.211.7.1", "10.211.7.2"


def must(*command, **more):
    return subprocess.run(command, check=True, **more)


class Box:
    """An sshd as root on loopback and at the far end of the delayed line, with a folder for what is stored."""

    def __init__(self, build, folder, milliseconds):
        self.folder = Path(folder)
        self.port = 20000 + os.getpid() % 10000
        for name in ("host", "user"):
            must("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.folder / name)
        (self.folder / "box").mkdir()
        os.chmod(self.folder, 0o755)
        subprocess.run(["ip", "netns", "delete", SPACE], stderr=subprocess.DEVNULL)
        must("ip", "netns", "add", SPACE)
        inside = ["ip", "netns", "exec", SPACE, "ip"]
        must(*inside, "link", "set", "lo", "up")
        self.line = subprocess.Popen(
            [build / "tests/bench/bench_delay_line", SPACE, str(milliseconds // 2)], stdout=subprocess.PIPE, text=True)
        if self.line.stdout.readline() != "ready\n":
            sys.exit("there is no delayed line")
        for command, device, address in ((["ip"], "far0", FAR), (inside, "near0", NEAR)):
            must(*command, "address", "add", f"{address}/30", "dev", device)
            must(*command, "link", "set", device, "up", "mtu", "1500", "txqueuelen", "10000")
        os.makedirs("/run/sshd", exist_ok=True)
        config = self.folder / "sshd_config"
        config.write_text(
            f"Port {self.port}\nListenAddress 127.0.0.1\nListenAddress {FAR}\nHostKey {self.folder}/host\n"
            f"AuthorizedKeysFile {self.folder}/user.pub\nStrictModes no\nUsePAM no\nUseDNS no\nPidFile none\n"
            "PermitRootLogin yes\nPasswordAuthentication no\nSubsystem sftp internal-sftp\n")
        self.sshd = subprocess.Popen(["/usr/sbin/sshd", "-D", "-f", config], stderr=subprocess.DEVNULL)
        self.pin = must("ssh-keygen", "-lf", self.folder / "host.pub", capture_output=True, text=True).stdout.split()[1]
        key = (self.folder / "host.pub").read_text().split()[:2]
        (self.folder / "known").write_text(
            "".join(f"[{host}]:{self.port} {' '.join(key)}\n" for host in ("127.0.0.1", FAR)))
        while subprocess.run(self.ssh("127.0.0.1") + ["true"], stderr=subprocess.DEVNULL).returncode != 0:
            time.sleep(0.05)

    def ssh(self, host, *options):
        return ["ssh", "-F", "none", "-i", str(self.folder / "user"), "-p", str(self.port), "-l", "root", "-o",
                f"UserKnownHostsFile={self.folder}/known", "-o", "IdentitiesOnly=yes", *options, host]

    def description(self, host):
        return json.dumps({"name": "box", "kind": "sftp", "host": host, "port": self.port, "user": "root",
                           "host_key": self.pin, "key": str(self.folder / "user"), "folder": str(self.folder / "box")})

    def rclone(self, host):
        """To be followed by the path."""
        return (f":sftp,host={host},port={self.port},user=root,key_file={self.folder}/user,"
                f"known_hosts_file={self.folder}/known,shell_type=unix:")

    def close(self):
        for process in (self.sshd, self.line):
            process.terminate()
            process.wait()
        subprocess.run(["ip", "netns", "delete", SPACE])


def run(command, source, target, environment=None):
    """Seconds, seconds of processor time and peak MiB of one command."""
    with open(source, "rb") as reading, open(target, "wb") as writing:
        began = time.monotonic()
        process = subprocess.Popen(command, stdin=reading, stdout=writing, stderr=subprocess.PIPE,
                                   env={**os.environ, **(environment or {})})
        problems = process.stderr.read().decode()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = status
        if status != 0:
            sys.exit(f"{command} failed: {problems}")
        return time.monotonic() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def rounds(contestants):
    """Each once, then each again: what else the machine does hits all alike. The fastest run of each counts."""
    runs = {name: [] for name in contestants}
    for _ in range(ROUNDS):
        for name, contestant in contestants.items():
            runs[name].append(contestant())
    return {name: min(done) for name, done in runs.items()}


def table(title, mib, rows):
    print(f"\n{title}\n{'':28}{'s':>8}{'MB/s':>8}{'CPU s':>8}{'MiB':>7}")
    for name, (seconds, cpu, memory) in rows.items():
        print(f"{name:28}{seconds:8.2f}{mib * 1.048576 / seconds:8.1f}{cpu:8.2f}{memory:7.0f}")
