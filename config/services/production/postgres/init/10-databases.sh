# shellcheck shell=bash
# PostgreSQL's image sources this once, when its data directory is empty: a role and a database for each application.
# Infisical's password is taken out of the address that Infisical connects with, so it's written in one place only.

password_of() {
    local login
    login=$(cat "$1")
    login=${login#*://}
    login=${login%@*}
    printf %s "${login#*:}"
}

# create NAME PASSWORD: the password goes by the environment, because everyone can read an argument list.
create() {
    case $2 in
        "") echo "the password of $1 is empty" >&2; return 1 ;;
        *%*) echo "the password of $1 is percent-encoded; use letters and digits" >&2; return 1 ;;
    esac
    ROLE_PASSWORD=$2 psql --no-psqlrc --quiet -v ON_ERROR_STOP=1 -v name="$1" \
        --username "$POSTGRES_USER" --dbname postgres <<'SQL'
\getenv password ROLE_PASSWORD
CREATE ROLE :"name" LOGIN PASSWORD :'password';
CREATE DATABASE :"name" OWNER :"name";
REVOKE ALL ON DATABASE :"name" FROM PUBLIC;
SQL
}

create infisical "$(password_of /run/secrets/infisical_db_connection_uri)"
create forgejo "$(cat /run/secrets/forgejo_database_password)"
create kuanary "$(cat /run/secrets/kuanary_database_password)"
