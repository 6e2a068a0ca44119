#!/usr/bin/env python3
"""The runner's host keys, baseline items and mounts, against a folder instead of a host: programs that change the
machine are stand-ins that note how they were called; ssh-keygen is the real one."""
import base64
import hashlib
import json
import os
import pathlib
import stat
import subprocess
import sys
import tempfile
import unittest

RUNNER = pathlib.Path(sys.argv.pop(1) if len(sys.argv) > 1 and os.path.isdir(sys.argv[1]) else
                      pathlib.Path(__file__).parents[4] / "lib/kavi/host/runner")

STAND_IN = """#!/bin/sh
echo "$(basename "$0") $*" >>"$LOG"
answer="$ANSWERS/$(basename "$0")"
[ -x "$answer" ] && exec "$answer" "$@"
exit 0
"""


class RunnerTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.root = pathlib.Path(self.folder.name)
        self.log_file, self.answers = self.root / "log", self.root / "answers"
        for folder in ("bin", "answers", "ssh/sshd_config.d", "systemd", "run", "state", "keys", "mounts"):
            (self.root / folder).mkdir(parents=True)
        for program in ("systemctl", "systemd-run", "sshd", "iptables", "apt-mark", "apt-get", "chattr", "umount",
                        "ssh-keyscan", "sftp", "timeout"):
            self.script(self.root / "bin" / program, STAND_IN)
        self.saved_environment = dict(os.environ)
        os.environ.update(PATH="%s:%s" % (self.root / "bin", os.environ["PATH"]), LOG=str(self.log_file),
                          ANSWERS=str(self.answers), KAVI_RUNNER_STATE=str(self.root / "state"),
                          KAVI_RUNNER_RUN=str(self.root / "run"))
        self.runner = self.load()

    def tearDown(self):
        os.environ.clear()
        os.environ.update(self.saved_environment)
        self.folder.cleanup()

    def script(self, path, text):
        path.write_text(text)
        path.chmod(0o755)

    def answer(self, program, text):
        self.script(self.answers / program, "#!/bin/sh\n" + text)

    def load(self):
        parts = [RUNNER / "core.py"] + sorted(p for p in RUNNER.glob("*.py") if p.name not in ("core.py", "main.py"))
        space = {}
        exec(compile("\n".join(part.read_text() for part in parts), "runner", "exec"), space)
        space["SSH_FOLDER"] = str(self.root / "ssh")
        space["OWN_KEY"] = str(self.root / "ssh/kavi_host_ed25519_key")
        space["DROPINS"] = str(self.root / "ssh/sshd_config.d")
        space["KEY_SETTING"] = "HostKey %s\n" % space["OWN_KEY"]
        space["ETC_SYSTEMD"] = str(self.root / "systemd")
        space["KEYS"], space["MOUNT_LISTS"] = str(self.root / "keys"), str(self.root / "mounts")
        space["DPKG_STATUS"] = str(self.root / "dpkg")
        space["AuthorizedKeys"].PATH = str(self.root / "authorized_keys")
        space["say"] = lambda event: None
        write = space["write_file"]
        # cloud-init's folder is the machine's own.
        space["write_file"] = lambda path, *more: write(str(self.root / "cloud.cfg") if "cloud.cfg.d" in path else path, *more)
        return space

    def call(self, operation, **parameters):
        return self.runner["OPERATIONS"][operation][0](parameters, {})

    def log(self):
        return self.log_file.read_text().splitlines() if self.log_file.exists() else []

    def fails(self, operation, **parameters):
        with self.assertRaises(self.runner["Failure"]) as caught:
            self.call(operation, **parameters)
        return caught.exception

    # --- Host keys ---

    def test_the_hosts_key_is_made_once_and_stays_here(self):
        first, second = self.call("trust/make"), self.call("trust/make")
        self.assertEqual(first, second)
        self.assertTrue(first["public"].startswith("ssh-ed25519 AAAA"))
        self.assertEqual(list(first), ["public"])
        key = self.root / "ssh/kavi_host_ed25519_key"
        self.assertEqual(stat.S_IMODE(key.stat().st_mode), 0o600)
        self.assertEqual([p.name for p in (self.root / "ssh").glob(".kavi-*")], [])

    def test_switching_prepares_the_way_back_first_and_settling_drops_the_first_key(self):
        old = self.root / "ssh/ssh_host_ed25519_key"
        for name in ("ssh_host_ed25519_key", "ssh_host_ed25519_key.pub", "ssh_host_rsa_key", "sshd_config"):
            (self.root / "ssh" / name).write_text("old")
        self.call("trust/make")
        self.assertTrue(self.call("trust/switch")["switched"])
        commands = [line.split()[0] for line in self.log()]
        self.assertLess(commands.index("systemd-run"), commands.index("sshd"))
        self.assertIn("--on-active=120", " ".join(self.log()))
        self.assertTrue(old.exists())
        # Killed here, and run again: it still waits for a new connection.
        self.assertTrue(self.call("trust/switch")["switched"])
        self.call("trust/settle")
        self.assertFalse(old.exists())
        self.assertFalse((self.root / "ssh/ssh_host_rsa_key").exists())
        self.assertTrue((self.root / "ssh/sshd_config").exists())
        self.assertFalse(self.call("trust/switch")["switched"])
        self.call("trust/settle")

    def test_settling_after_the_way_back_was_taken_keeps_the_first_key(self):
        old = self.root / "ssh/ssh_host_ed25519_key"
        old.write_text("old")
        self.call("trust/make")
        self.call("trust/switch")
        self.take_the_way_back()
        self.assertFalse((self.root / "ssh/sshd_config.d/10-kavi-host-key.conf").exists())
        self.assertEqual(self.fails("trust/settle").message, "sshd went back to its old host key")
        self.assertTrue(old.exists())

    def take_the_way_back(self):
        """Runs what systemd-run was told to run later."""
        name = self.runner["KEY_DROPIN"]
        subprocess.run(["/bin/sh", "-c", self.runner["RESTORE"], "sh", self.runner["saved_copy"](name),
                        self.runner["DROPINS"] + "/" + name], check=True)

    def test_settings_that_sshd_refuses_are_as_they_were(self):
        path = self.root / "ssh/sshd_config.d/05-kavi.conf"
        for before in (None, "UseDNS no\n"):
            if before:
                path.write_text(before)
            self.answer("sshd", "echo 'bad option' >&2; exit 255")
            failure = self.fails("baseline/mend", spec={"kind": "sshd", "title": "sshd", "name": "05-kavi.conf", "content": "X\n"})
            self.assertEqual(failure.causes, ["bad option"])
            self.assertEqual(path.read_text() if path.exists() else None, before)
            self.assertFalse(os.path.exists(self.runner["saved_copy"]("05-kavi.conf")))

    def test_the_way_back_restores_what_was_there(self):
        saved, target = self.root / "saved", self.root / "target"
        for old in ("old\n", ""):
            saved.write_text(old)
            target.write_text("new\n")
            subprocess.run(["/bin/sh", "-c", self.runner["RESTORE"], "sh", str(saved), str(target)], check=True)
            self.assertEqual(target.read_text() if target.exists() else "", old)
            self.assertFalse(saved.exists())

    # --- Items ---

    def state(self, spec):
        return self.call("baseline/check", spec=spec)

    def mended(self, spec):
        result = self.call("baseline/mend", spec=spec)
        if not result["confirm"]:
            self.assertEqual(self.state(spec), {"state": "ok", "found": []})
        return result["confirm"]

    def test_files_and_folders(self):
        path = str(self.root / "etc/x.conf")
        spec = {"kind": "file", "title": "x", "path": path, "mode": "0640", "content": "a\n", "then": [["systemctl", "restart", "x"]]}
        self.assertEqual(self.state(spec)["found"], ["%s isn't there" % path])
        self.mended(spec)
        self.assertIn("systemctl restart x", self.log())
        os.chmod(path, 0o666)
        self.assertEqual(self.state(spec)["found"], ["%s has mode 0666, wanted 0640" % path])
        self.mended(spec)
        folders = {"kind": "folders", "title": "f", "folders": {str(self.root / "a"): "0700", str(self.root / "b"): "0755"}}
        self.assertEqual(len(self.state(folders)["found"]), 2)
        self.mended(folders)

    def test_json_keeps_what_isnt_ours(self):
        path = self.root / "daemon.json"
        spec = {"kind": "json", "title": "j", "path": str(path), "values": {"live-restore": True, "log-opts": {"max-size": "20m"}}}
        path.write_text(json.dumps({"dns": ["1.1.1.1"], "log-opts": {"tag": "x", "max-size": "1m"}}))
        self.assertEqual(self.state(spec)["found"], ["live-restore is null", 'log-opts is {"tag": "x", "max-size": "1m"}'])
        self.mended(spec)
        self.assertEqual(json.loads(path.read_text()),
                         {"dns": ["1.1.1.1"], "live-restore": True, "log-opts": {"tag": "x", "max-size": "20m"}})
        path.write_text("{broken")
        self.assertEqual(self.state(spec)["found"], ["%s isn't JSON" % path])
        self.assertEqual(self.fails("baseline/mend", spec=spec).message, "%s isn't a JSON object" % path)
        self.assertEqual(path.read_text(), "{broken")

    def key(self, name):
        path = self.root / name
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(path)], check=True)
        return pathlib.Path(str(path) + ".pub").read_text().strip()

    def test_operators_are_compared_as_keys(self):
        ana, ben = self.key("ana"), self.key("ben")
        spec = {"kind": "authorized-keys", "title": "operators", "lines": [ana]}
        path = self.root / "authorized_keys"
        path.write_text('# a comment\n\nrestrict,command="ssh-keygen me" %s other comment\n' % ana.rsplit(" ", 1)[0])
        self.assertEqual(self.state(spec)["state"], "ok")
        path.write_text(ben + "\n")
        found = self.state(spec)["found"]
        digest = base64.b64encode(hashlib.sha256(base64.b64decode(ben.split()[1])).digest()).decode().rstrip("=")
        self.assertEqual(found[1], "also has SHA256:%s ben" % digest)
        self.assertTrue(found[0].startswith("without SHA256:") and found[0].endswith(" ana"))
        self.assertEqual(self.mended(spec), "authorized_keys")
        self.assertEqual(self.state(spec)["found"], ["the change isn't confirmed yet"])
        self.call("guard/confirm", name="authorized_keys")
        self.assertEqual(self.state(spec)["state"], "ok")
        self.assertEqual(path.read_text().splitlines()[1:], [ana])
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)

    def dpkg(self, **states):
        blocks = ["Package: %s\nStatus: %s\nDescription: x\n Package: indented\n" % (name.replace("_", "."), status)
                  for name, status in states.items()]
        (self.root / "dpkg").write_text("\n".join(blocks))

    def test_packages_are_those_that_are_installed_whole(self):
        self.dpkg(curl="install ok installed", zstd="deinstall ok config-files", jq="install ok half-configured")
        spec = {"kind": "packages", "title": "p", "names": ["curl", "zstd", "jq", "age"]}
        self.assertEqual(self.state(spec)["found"], [name + " isn't installed" for name in ("zstd", "jq", "age")])
        self.assertEqual(self.fails("baseline/mend", spec=spec).message, "p isn't as wanted even after mending")
        self.assertEqual([line for line in self.log() if line.startswith("apt-get")][0].split(" install ")[1],
                         "--no-install-recommends zstd jq age")

    def test_docker_is_there_and_held(self):
        self.dpkg(docker_io="install ok installed", containerd="hold ok installed", runc="deinstall ok config-files")
        self.runner["SOCKET"] = str(self.root / "dpkg")
        self.runner["compose_version"] = lambda: "2.26.1-4"
        self.assertEqual(self.state({"kind": "docker", "title": "d"})["found"], ["docker.io isn't held"])
        self.runner["compose_version"] = lambda: "1.29.2"
        self.runner["SOCKET"] = str(self.root / "nothing")
        self.assertEqual(self.state({"kind": "docker", "title": "d"})["found"][0], "no Docker engine")

    def test_a_unit_that_is_there_but_without_effect_differs(self):
        spec = {"kind": "unit", "title": "u", "name": "u.service", "content": "[Unit]\n", "probe": ["iptables", "-C"]}
        self.mended(spec)
        self.assertIn("systemctl enable --quiet u.service", self.log())
        self.answer("iptables", "exit 1")
        self.assertEqual(self.state(spec)["found"], ["u.service has no effect"])
        self.answer("systemctl", "exit 1")
        self.assertEqual(self.state(spec)["found"], ["u.service isn't enabled"])

    def test_one_item_that_fails_doesnt_hide_the_others(self):
        items = {"good": {"kind": "folders", "folders": {}}, "bad": {"kind": "file"}, "odd": {"kind": "nonsense"}}
        said = self.runner["FACTS"]["baseline"]({"items": items})
        self.assertEqual(said["good"]["state"], "ok")
        self.assertEqual(said["bad"], {"state": "differs", "found": ["can't be checked: 'path'"]})
        self.assertEqual(said["odd"]["state"], "differs")

    # --- Mounts ---

    def mount_spec(self, **more):
        return dict({"kind": "mount", "title": "box", "name": "box", "at": str(self.root / "mnt"), "user": "u1-sub4",
                     "host": "u1.example", "port": 23, "host_key": "SHA256:x", "services": [["prod", "forgejo"]]}, **more)

    def test_units_are_named_as_systemd_names_them(self):
        name = self.runner["mount_unit"]
        self.assertEqual(name("/mnt/storagebox"), "mnt-storagebox.mount")
        self.assertEqual(name("/mnt/my-box/ü"), "mnt-my\\x2dbox-\\xc3\\xbc.mount")

    def test_the_box_is_pinned_or_refused(self):
        blob = self.key("box").split()[1]
        self.answer("ssh-keyscan", "echo '[u1.example]:23 ssh-ed25519 %s'" % blob)
        wrong = self.fails("mount/prepare", spec=self.mount_spec())
        self.assertEqual(wrong.code, "KAVI-E0603")
        self.assertFalse((self.root / "keys/box_known_hosts").exists())
        right = self.mount_spec(host_key=self.runner["fingerprint_of"](blob))
        self.answer("sftp", "exit 255")
        said = self.call("mount/prepare", spec=right)
        self.assertFalse(said["accepted"])
        self.assertTrue(said["public"].startswith("ssh-ed25519 "))
        self.answer("sftp", "exit 0")
        self.answer("ssh-keyscan", "exit 1")
        again = self.call("mount/prepare", spec=right)
        self.assertEqual((again["public"], again["accepted"]), (said["public"], True))
        self.assertIn("StrictHostKeyChecking=yes", self.log()[-1])
        self.answer("ssh-keyscan", "echo 'connect refused' >&2; exit 1")
        self.assertEqual(self.fails("mount/prepare", spec=self.mount_spec(name="other")).code, "KAVI-E0601")

    def test_a_mount_point_with_something_in_it_is_left_alone(self):
        self.dpkg(sshfs="install ok installed")
        (self.root / "mnt").mkdir()
        (self.root / "mnt/lost.txt").write_text("written while the mount was away")
        failure = self.fails("baseline/mend", spec=self.mount_spec())
        self.assertEqual(failure.causes, ["lost.txt"])
        self.assertTrue((self.root / "mnt/lost.txt").exists())

    def test_the_mounts_units_say_what_is_wanted(self):
        texts = self.runner["unit_texts"](self.mount_spec(at="/mnt/storagebox"))
        self.assertEqual(sorted(texts), ["kavi-keep-box.service", "kavi-keep-box.timer", "kavi-services-box.service",
                                         "mnt-storagebox.mount"])
        mount = texts["mnt-storagebox.mount"]
        self.assertIn("What=u1-sub4@u1.example:\nWhere=/mnt/storagebox\nType=fuse.sshfs\n", mount)
        for option in ("port=23", "StrictHostKeyChecking=yes", "IdentitiesOnly=yes", "PasswordAuthentication=no"):
            self.assertIn("," + option + ",", mount.replace("Options=", ",") .replace("\nTimeoutSec", ",\n"))
        self.assertIn("BindsTo=mnt-storagebox.mount", texts["kavi-services-box.service"])

    def test_a_mount_is_looked_at_without_waiting_for_it(self):
        self.dpkg(sshfs="install ok installed")
        spec = self.mount_spec()
        found = self.state(spec)["found"]
        self.assertIn("%s isn't mounted" % spec["at"], found)
        self.runner["is_mounted"] = lambda at: True
        self.answer("timeout", "exit 124")
        self.assertIn("%s doesn't answer" % spec["at"], self.state(spec)["found"])
        self.assertIn("timeout 20 stat %s/.kavi-mount" % spec["at"], self.log())


if __name__ == "__main__":
    unittest.main()
