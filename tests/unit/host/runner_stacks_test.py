#!/usr/bin/env python3
"""runner_stacks_test.py RUNNER: the runner's part for stacks, against a folder in place of a server."""
import os
import sys
import tempfile
import unittest
from pathlib import Path

RUNNER = Path(sys.argv.pop(1))


def runner(state):
    """The runner's parts without the last one, which would serve."""
    os.environ["KAVI_RUNNER_STATE"] = state
    os.environ["KAVI_RUNNER_RUN"] = state + "/run"
    parts = {}
    for part in ("core", "docker", "files", "stacks"):
        exec(compile((RUNNER / (part + ".py")).read_text(), part, "exec"), parts)
    return parts


class Stacks(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        root = self.folder.name
        self.directory, self.secrets = root + "/opt/production", root + "/state/secrets/production"
        self.previous = root + "/state/previous/production"
        self.runner = runner(root + "/state")

    def tearDown(self):
        self.folder.cleanup()

    def put(self, files, secrets, **more):
        frames, lists = {}, {}
        for kind, entries, mode in (("files", files, "0644"), ("secrets", secrets, "0444")):
            lists[kind] = [{"path": path, "mode": mode, "frame": kind + path} for path in entries]
            frames.update({kind + path: data for path, data in entries.items()})
        parameters = {"stack": "production", "directory": self.directory, "secrets_folder": self.secrets, "remove": [],
                      "all_secrets": True, "keep_as": "", "kept": [], "keep": [], **lists, **more}
        return self.runner["OPERATIONS"]["stack/put"][0](parameters, frames)

    def record(self, files):
        self.runner["OPERATIONS"]["record/write"][0]({"path": "stacks/production.json", "value": {"files": files}}, {})

    def facts(self):
        return self.runner["FACTS"]["stacks"](
            {"stacks": {"production": {"directory": self.directory, "secrets": self.secrets}}})["production"]

    def read(self, path):
        return Path(path).read_bytes()

    def mode(self, path):
        return os.stat(path).st_mode & 0o7777

    def test_places_files_and_secrets_with_their_modes(self):
        done = self.put({"a.yml": b"1", "sub/b": b"2"}, {"KEY": b"k"})
        self.assertEqual(sorted(done["written"]), ["KEY", "a.yml", "sub/b"])
        self.assertEqual(self.read(self.directory + "/sub/b"), b"2")
        self.assertEqual(self.mode(self.secrets), 0o700)
        self.assertEqual(self.mode(self.secrets + "/KEY"), 0o444)
        self.assertEqual(self.put({"a.yml": b"1", "sub/b": b"2"}, {"KEY": b"k"})["written"], [])

    def test_leaves_data_beside_the_files_alone_and_looks_at_its_own_files_only(self):
        self.put({"a.yml": b"1"}, {"KEY": b"k"})
        os.makedirs(self.directory + "/data")
        Path(self.directory + "/data/big").write_bytes(b"x")
        self.record(["a.yml", "gone.yml", "../../../etc/passwd"])
        seen = self.facts()
        self.assertEqual(list(seen["files"]), ["a.yml"])
        self.assertEqual(list(seen["secrets"]), ["KEY"])
        self.assertEqual(seen["files"]["a.yml"]["mode"], "0644")
        self.put({"a.yml": b"2"}, {}, remove=["old.yml"])
        self.assertEqual(self.read(self.directory + "/data/big"), b"x")

    def test_removes_what_is_gone_but_no_secret_that_it_was_told_to_leave(self):
        self.put({"a.yml": b"1", "b.yml": b"1"}, {"KEY": b"k", "OLD": b"o"})
        self.put({"a.yml": b"1"}, {"KEY": b"k"}, remove=["b.yml", "never"], all_secrets=False)
        self.assertFalse(os.path.exists(self.directory + "/b.yml"))
        self.assertEqual(sorted(os.listdir(self.secrets)), ["KEY", "OLD"])
        self.put({"a.yml": b"1"}, {"KEY": b"k"})
        self.assertEqual(os.listdir(self.secrets), ["KEY"])

    def test_keeps_the_release_before_once(self):
        self.put({"a.yml": b"one", ".env": b"e"}, {"KEY": b"k1"})
        before = {"keep_as": "2026-11-25.1", "kept": [".env", "a.yml"], "keep": ["2026-11-25.1"]}
        self.put({"a.yml": b"two"}, {"KEY": b"k2"}, **before)
        self.put({"a.yml": b"three"}, {"KEY": b"k3"}, **before)
        kept = self.previous + "/2026-11-25.1"
        self.assertEqual(self.read(kept + "/files/a.yml"), b"one")
        self.assertEqual(self.read(kept + "/files/.env"), b"e")
        self.assertEqual(self.read(kept + "/secrets/KEY"), b"k1")
        self.assertEqual(self.mode(kept + "/secrets/KEY"), 0o444)
        self.assertEqual(self.mode(self.previous), 0o700)

    def test_forgets_kept_releases_that_nothing_needs(self):
        self.put({"a.yml": b"one"}, {})
        self.put({"a.yml": b"two"}, {}, keep_as="1", kept=["a.yml"], keep=["1"])
        self.put({"a.yml": b"three"}, {}, keep_as="2", kept=["a.yml"], keep=["2"])
        self.assertEqual(os.listdir(self.previous), ["2"])

    def test_refuses_paths_that_lead_out(self):
        with self.assertRaises(self.runner["Failure"]):
            self.put({"../x": b"1"}, {})


unittest.main()
