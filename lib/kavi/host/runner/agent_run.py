# Runs kavi's own executable on this server, which backs up, restores and verifies (docs/backups.md).
import select

AGENT_MODES = ("backup", "restore", "verify")


def client_gone():
    """Has the runner's own input ended? Between requests a client sends nothing."""
    return bool(select.select([sys.stdin.buffer], [], [], 0)[0]) and sys.stdin.buffer.peek(1) == b""


def stop_when_alone(agent, done):
    """A client that is gone wants no backup any more; the agent stops at its next safe point. A restore goes on: it has
    begun to replace something."""
    while not done.wait(0.5):
        if client_gone():
            agent.terminate()
            return


@operation("agent/run", changes=True)
def agent_run(parameters, frames):
    """{"command": "backup" | "restore" | "verify"}, and its request as the frame "agent-request" → the agent's result. Its
    progress goes to the client as it comes."""
    command = parameters["command"]
    if command not in AGENT_MODES:
        raise Failure("KAVI-E0604", "the agent has no command '%s'" % command)
    if not os.access(AGENT, os.X_OK):
        raise Failure("KAVI-E0604", "kavi's executable isn't on this server", ["%s isn't there" % AGENT], "kavi deploy")
    agent = subprocess.Popen([AGENT, "__agent", command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                             env={"PATH": os.environ.get("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"), "LC_ALL": "C.UTF-8"})
    done, said = threading.Event(), []
    helpers = [threading.Thread(target=lambda: said.append(agent.stderr.read()[-4000:].decode("utf-8", "replace")))]
    if command != "restore":
        helpers.append(threading.Thread(target=stop_when_alone, args=(agent, done)))
    for helper in helpers:
        helper.start()
    try:
        ending = talk_to_agent(agent, frames["agent-request"])
    finally:
        status = agent.wait()
        done.set()
        for helper in helpers:
            helper.join()
    return judge_agent(ending, status, "".join(said))


def talk_to_agent(agent, request):
    """Its last line."""
    try:
        agent.stdin.write(request)
        agent.stdin.close()
    except OSError:  # it ended; what it said tells why
        pass
    ending = {}
    for line in agent.stdout:
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if not isinstance(event, dict):
            continue
        if event.get("event") == "progress":
            say(event)
        else:
            ending = event
    return ending


def judge_agent(ending, status, said):
    if ending.get("event") == "result":
        return ending.get("data")
    if ending.get("event") == "failure":
        raise Failure(ending.get("code", "KAVI-E0604"), ending.get("message", "a step failed"), ending.get("causes", []),
                      ending.get("fix", ""))
    tail = [line for line in said.strip().splitlines() if line.strip()][-5:]
    how = "by signal %d" % -status if status < 0 else "with %d" % status
    raise Failure("KAVI-E0604", "kavi ended %s on the server" % how, tail, "run the command again")
