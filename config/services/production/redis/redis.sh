#!/bin/sh
# redis.sh start|check|cli. The password is that of the address with which Infisical connects, so it's written in one place
# only; Redis reads its settings from standard input, because everyone can read an argument list.
set -eu
login=$(cat /run/secrets/infisical_redis_url)
login=${login#*://}
login=${login%@*}
password=${login#*:}

case ${1:-} in
    start)
        exec redis-server - <<SETTINGS
requirepass $password
dir /data
appendonly yes
maxmemory-policy noeviction
SETTINGS
        ;;
    check) REDISCLI_AUTH=$password redis-cli ping | grep -q PONG ;;
    cli) shift; REDISCLI_AUTH=$password exec redis-cli "$@" ;;
    *) echo "usage: redis.sh start|check|cli" >&2; exit 2 ;;
esac
