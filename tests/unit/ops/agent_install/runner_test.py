#!/usr/bin/env python3
"""The runner's part that installs kavi's executable, against a folder instead of /usr/local/lib/kavi."""
import hashlib
import os
import pathlib
import stat
import sys
import tempfile
import unittest
import zlib

RUNNER = pathlib.Path(sys.argv.pop(1))


def program(version):
    return ('#!/bin/sh\n[ "$*" = --version ] && echo "kavi %s"\n' % version).encode()


class AgentTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.agent = pathlib.Path(self.folder.name) / "lib/kavi/kavi"
        self.space = {}
        parts = [RUNNER / "core.py", RUNNER / "agent.py"]
        exec(compile("\n".join(part.read_text() for part in parts), "runner", "exec"), self.space)
        self.space["AGENT"] = str(self.agent)

    def tearDown(self):
        self.folder.cleanup()

    def facts(self):
        return self.space["agent_facts"]({})

    def install(self, data, version, sha256=None):
        parameters = {"sha256": sha256 or hashlib.sha256(data).hexdigest(), "version": version}
        return self.space["agent_install"](parameters, {"program": zlib.compress(data)})

    def refused(self, *words, **more):
        with self.assertRaises(self.space["Failure"]) as caught:
            self.install(*words, **more)
        return caught.exception

    def test_nothing_is_there(self):
        self.assertEqual(self.facts(), {})

    def test_installed_whole_and_found_again(self):
        data = program("0.1.0")
        self.install(data, "0.1.0")
        self.assertEqual(self.agent.read_bytes(), data)
        self.assertEqual(stat.S_IMODE(self.agent.stat().st_mode), 0o755)
        found = self.facts()
        self.assertEqual((found["sha256"], found["version"]), (hashlib.sha256(data).hexdigest(), "0.1.0"))
        self.assertTrue(found["mode"].endswith(" 0755"), found)
        self.assertEqual(os.listdir(self.agent.parent), ["kavi"])

    def test_a_running_one_may_be_replaced(self):
        self.install(program("0.1.0"), "0.1.0")
        before = self.agent.open("rb")
        self.install(program("0.2.0"), "0.2.0")
        self.assertEqual(before.read(), program("0.1.0"))
        before.close()
        self.assertEqual(self.facts()["version"], "0.2.0")

    def test_damaged_on_the_way(self):
        self.install(program("0.1.0"), "0.1.0")
        self.assertEqual(self.refused(program("0.2.0"), "0.2.0", sha256="0" * 64).message, "kavi's executable arrived damaged")
        self.assertEqual(self.facts()["version"], "0.1.0")

    def test_one_that_does_not_run_leaves_the_old_one(self):
        self.install(program("0.1.0"), "0.1.0")
        for data in (b"\x7fELF of another machine", program("9.9.9"), b"#!/bin/sh\nexit 1\n"):
            failure = self.refused(data, "0.2.0")
            self.assertEqual(failure.message, "kavi's executable doesn't run on this server")
            self.assertEqual(self.facts()["version"], "0.1.0")
            self.assertEqual(os.listdir(self.agent.parent), ["kavi"])

    def test_what_is_no_program(self):
        self.agent.parent.mkdir(parents=True)
        self.agent.symlink_to("/bin/true")
        self.assertEqual(self.facts()["sha256"], "not a file")
        self.install(program("0.1.0"), "0.1.0")
        self.assertFalse(self.agent.is_symlink())
        self.agent.write_bytes(b"changed")
        self.assertEqual(self.facts()["version"], "")


unittest.main()
