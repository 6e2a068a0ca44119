#!/bin/sh
# Infisical reads its settings from the environment alone: every file in /run/secrets becomes a variable of its name.
set -eu
for file in /run/secrets/*; do
    value=$(cat "$file")
    export "$(basename "$file")=$value"
done
unset value
exec "$@"
