#!/usr/bin/env python3
"""The runner's part for backups, against a folder instead of a host: programs that change the machine are stand-ins."""
import json
import os
import pathlib
import stat
import sys
import tempfile
import unittest

RUNNER = pathlib.Path(sys.argv.pop(1) if len(sys.argv) > 1 and os.path.isdir(sys.argv[1]) else
                      pathlib.Path(__file__).parents[4] / "lib/kavi/host/runner")
SPEC = {"name": "box-writer", "host": "box.example", "port": 23, "user": "u1", "host_key": "SHA256:x"}


class BackupTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.root = pathlib.Path(self.folder.name)
        parts = [RUNNER / "core.py"] + sorted(p for p in RUNNER.glob("*.py") if p.name not in ("core.py", "main.py"))
        self.runner = space = {}
        exec(compile("\n".join(part.read_text() for part in parts), "runner", "exec"), space)
        space["ETC_SYSTEMD"], space["KEYS"] = str(self.root / "systemd"), str(self.root / "keys")
        space["REQUEST"] = str(self.root / "kavi/backup.json")
        space["pin_box"] = lambda spec: None
        self.called, self.accepted = [], True
        self.systemctl = ""
        real = space["run"]

        def run(arguments, **more):
            if arguments[0] in ("ssh-keygen",):
                return real(arguments, **more)
            self.called.append(arguments)
            if arguments[0] == "sftp":
                return (0, "", "") if self.accepted else (255, "", "Permission denied (publickey).\n")
            return 0, self.systemctl, ""

        space["run"] = run

    def tearDown(self):
        self.folder.cleanup()

    def call(self, operation, frames={}, **parameters):
        return self.runner["OPERATIONS"][operation][0](parameters, frames)

    def facts(self):
        return self.runner["FACTS"]["backup"]({"writers": ["box-writer"]})

    def put(self, request, keep=(), units=None):
        self.call("backup/schedule", {"backup-request": json.dumps(request).encode()}, keep=list(keep),
                  units=units or {"kavi-backup.service": "s\n", "kavi-backup.timer": "t\n"})

    def stored(self):
        return json.loads((self.root / "kavi/backup.json").read_text())

    def test_nothing_is_there(self):
        facts = self.facts()
        self.assertEqual(facts["request"], {})
        self.assertEqual(facts["keys"], {"backup_signing": "", "box-writer": ""})
        self.assertNotIn("mode", facts)

    def test_digests_are_those_of_the_planner(self):
        """The same values stand in host_request_test.cpp."""
        self.put({"a": {"z": 1, "b": ["ñ/\"x\"", True, None]}, "n": 5, "notify": {"url": "https://x"}})
        self.assertEqual(self.facts()["request"], {"a": "bc0f85e77a435f7e", "n": "ef2d127de37b942b", "notify": "894ca098fbf643e6"})

    def test_the_request_is_roots_alone(self):
        self.put({"n": 1})
        self.assertEqual(stat.S_IMODE(os.stat(self.root / "kavi/backup.json").st_mode), 0o600)
        self.assertEqual(self.facts()["mode"], "%d 0600" % os.geteuid())
        os.chmod(self.root / "kavi/backup.json", 0o644)
        self.assertEqual(self.facts()["mode"], "%d 0644" % os.geteuid())

    def test_what_isnt_known_stays(self):
        self.put({"n": 1, "encryption_key": "ab:cd", "notify": {"url": "https://x"}})
        self.put({"n": 2, "encryption_key": ""}, keep=["encryption_key", "notify", "sealed_sequence"])
        self.assertEqual(self.stored(), {"n": 2, "encryption_key": "ab:cd", "notify": {"url": "https://x"}})
        self.put({"n": 3, "encryption_key": ""})
        self.assertEqual(self.stored(), {"n": 3, "encryption_key": ""})

    def test_a_broken_request_is_replaced(self):
        (self.root / "kavi").mkdir()
        (self.root / "kavi/backup.json").write_text("[1,")
        self.assertEqual(self.facts()["request"], {})
        self.put({"n": 1}, keep=["n"])
        self.assertEqual(self.stored(), {"n": 1})

    def test_the_timer_is_enabled_and_started_anew(self):
        self.put({"n": 1})
        self.assertEqual(self.called, [["systemctl", "daemon-reload"], ["systemctl", "enable", "--quiet", "kavi-backup.timer"],
                                       ["systemctl", "restart", "kavi-backup.timer"]])
        self.assertEqual((self.root / "systemd/kavi-backup.timer").read_text(), "t\n")

    def test_keys_are_made_once_and_remembered_once_let_in(self):
        self.accepted = False
        first = self.call("backup/keys", spec=SPEC)
        self.assertFalse(first["accepted"])
        self.assertEqual(first["why"], ["Permission denied (publickey)."])
        unknown = self.facts()["accepted"]["box-writer"]
        self.accepted = True
        second = self.call("backup/keys", spec=SPEC)
        self.assertEqual((first["public"], first["signing"]), (second["public"], second["signing"]))
        self.assertTrue(second["signing"].startswith("ssh-ed25519 ") and second["signing"] != second["public"])
        facts = self.facts()
        self.assertEqual(facts["keys"], {"backup_signing": second["signing"], "box-writer": second["public"]})
        self.assertNotEqual(facts["accepted"]["box-writer"], unknown)
        self.assertEqual(facts["accepted"]["box-writer"], self.runner["short_digest"]("u1@box.example:23 " + second["public"]))
        for name in ("box-writer", "backup_signing"):
            self.assertEqual(stat.S_IMODE(os.stat(self.root / "keys" / (name + "_ed25519")).st_mode), 0o600)

    def test_no_private_half_is_in_an_answer(self):
        answer = json.dumps([self.call("backup/keys", spec=SPEC), self.facts()])
        self.assertNotIn("PRIVATE", answer)

    def test_facts_are_small(self):
        self.call("backup/keys", spec=SPEC)
        self.put({name: "x" * 500 for name in "abcdefghijklm"})
        self.assertLess(len(json.dumps(self.facts())), 1500)

    def test_what_systemd_says(self):
        self.systemctl = "UnitFileState=enabled\nActiveState=active\nLastTriggerUSec=\nNextElapseUSecRealtime=Thu 2026-11-26 06:05:11 UTC\nResult=n/a\n"
        self.assertEqual(self.facts()["timer"], {"UnitFileState": "enabled", "ActiveState": "active",
                                                 "NextElapseUSecRealtime": "Thu 2026-11-26 06:05:11 UTC"})


if __name__ == "__main__":
    unittest.main()
