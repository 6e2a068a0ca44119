#!/usr/bin/env python3
"""The runner's operation that starts the agent, whole, with a script in the agent's place."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

RUNNER = pathlib.Path(sys.argv.pop(1))

# Does what its request says. Waiting, it ends at SIGTERM as the agent does.
AGENT = """#!/usr/bin/env python3
import json, os, signal, sys, time
request = json.load(sys.stdin)
say = lambda **event: print(json.dumps(event), flush=True)
say(event="progress", subject="redis", text=" ".join(sys.argv[1:]), bytes=5)
if request["do"] == "answer": say(event="result", data={"run": "r", "seen": request, "environment": sorted(os.environ)})
if request["do"] == "fail": say(event="failure", code="KAVI-E0704", message="nothing could be backed up", causes=["redis doesn't run"], fix="kavi logs redis")
if request["do"] == "die": print("terminate called", file=sys.stderr), os.kill(os.getpid(), signal.SIGKILL)
if request["do"] == "babble": print("not JSON"), print("[1]"), sys.exit(3)
if request["do"] == "wait":
    def stop(*_):
        open(request["told"], "w").write("stopped")
        sys.exit(130)
    signal.signal(signal.SIGTERM, stop)
    say(event="progress", subject="redis", text="waiting")
    time.sleep(request["seconds"])
    open(request["told"], "w").write("finished")
"""


class AgentRunTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        folder = pathlib.Path(self.folder.name)
        self.told = folder / "told"
        agent = folder / "kavi"
        agent.write_text(AGENT)
        agent.chmod(0o755)
        others = sorted(part for part in RUNNER.glob("*.py") if part.name not in ("core.py", "main.py"))
        script = "\n\n".join(part.read_text() for part in [RUNNER / "core.py", *others]) + "\n\nAGENT = %r\n" % str(agent)
        (folder / "runner.py").write_text(script + (RUNNER / "main.py").read_text())
        self.runner = subprocess.Popen(
            [sys.executable, "-IS", folder / "runner.py"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            env=dict(os.environ, KAVI_RUNNER_STATE=str(folder / "state"), KAVI_RUNNER_RUN=str(folder / "run")))
        self.assertEqual(self.next()["event"], "ready")

    def tearDown(self):
        self.runner.stdin.close()
        self.runner.stdout.close()
        self.runner.wait()
        self.folder.cleanup()

    def next(self):
        return json.loads(self.runner.stdout.readline())

    def ask(self, command="backup", **request):
        data = json.dumps(request).encode()
        operation = json.dumps({"operation": "agent/run", "parameters": {"command": command}, "owner": {"who": "ana"}}).encode()
        self.runner.stdin.write(b"agent-request %d\n%srequest %d\n%s" % (len(data), data, len(operation), operation))
        self.runner.stdin.flush()

    def test_progress_and_result_are_passed_on_again_and_again(self):
        for command in ("backup", "verify", "restore"):
            self.ask(command, do="answer", word="ñ")
            self.assertEqual(self.next(), {"event": "progress", "subject": "redis", "text": "__agent " + command, "bytes": 5})
            answer = self.next()
            self.assertEqual(answer["event"], "result")
            self.assertEqual(answer["data"]["seen"], {"do": "answer", "word": "ñ"})
            self.assertLessEqual(set(answer["data"]["environment"]), {"PATH", "LC_ALL", "LC_CTYPE"})

    def test_a_failure_is_the_agents_own(self):
        self.ask(do="fail")
        self.next()
        self.assertEqual(self.next(), {"event": "failure", "code": "KAVI-E0704", "message": "nothing could be backed up",
                                       "causes": ["redis doesn't run"], "fix": "kavi logs redis"})

    def test_an_agent_that_dies_is_told(self):
        self.ask(do="die")
        self.next()
        said = self.next()
        self.assertEqual((said["event"], said["code"], said["message"], said["causes"]),
                         ("failure", "KAVI-E0604", "kavi ended by signal 9 on the server", ["terminate called"]))
        self.ask(do="babble")
        self.next()
        self.assertEqual(self.next()["message"], "kavi ended with 3 on the server")

    def test_an_unknown_command_starts_nothing(self):
        self.ask("prune", do="answer")
        self.assertEqual(self.next()["message"], "the agent has no command 'prune'")

    def left_alone(self, command, seconds):
        self.ask(command, do="wait", told=str(self.told), seconds=seconds)
        self.next(), self.next()
        self.runner.stdin.close()
        self.runner.stdout.read()
        self.runner.wait()
        return self.told.read_text()

    def test_a_client_that_goes_away_ends_a_backup(self):
        self.assertEqual(self.left_alone("backup", 60), "stopped")

    def test_and_no_restore(self):
        self.assertEqual(self.left_alone("restore", 1.5), "finished")


if __name__ == "__main__":
    unittest.main()
