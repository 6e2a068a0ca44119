# The last part: everything is registered now.
say({"event": "ready", "python": "%d.%d" % sys.version_info[:2]})
serve(sys.stdin.buffer)
