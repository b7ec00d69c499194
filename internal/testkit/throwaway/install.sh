#!/bin/sh
# Installs PostgreSQL's server binaries with the system's package manager, unless they are there. Nothing is started.
set -eu

found() {
	[ -n "${DEPUTY_PG_BIN:-}" ] && return 0
	command -v initdb >/dev/null 2>&1 && return 0
	for initdb in /usr/lib/postgresql/*/bin/initdb /opt/homebrew/opt/postgresql*/bin/initdb /usr/local/opt/postgresql*/bin/initdb /usr/pgsql-*/bin/initdb; do
		[ -x "$initdb" ] && return 0
	done
	return 1
}

as_root() {
	if [ "$(id -u)" = 0 ]; then "$@"; elif command -v sudo >/dev/null 2>&1; then sudo "$@"; else
		echo "PostgreSQL's server binaries are missing, and installing them needs root: run '$*' as root" >&2
		exit 1
	fi
}

# PgBouncer is for the tests of poolers, which are skipped without it. The tests start their own.
pooler() {
	command -v pgbouncer >/dev/null 2>&1 || [ -x /usr/sbin/pgbouncer ] && return 0
	command -v apt-get >/dev/null 2>&1 && { [ "$(id -u)" = 0 ] || command -v sudo >/dev/null 2>&1; } || return 0
	echo "installing PgBouncer" >&2
	as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -qq --no-install-recommends pgbouncer ||
		echo "PgBouncer cannot be had: the tests of poolers are skipped" >&2
}

if found; then
	pooler
	exit 0
fi
echo "installing PostgreSQL's server binaries" >&2
if command -v apt-get >/dev/null 2>&1; then
	as_root apt-get update -qq
	as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql-common
	# Debian would make and start a cluster of its own: the tests start theirs.
	as_root sh -c 'echo "create_main_cluster = false" >>/etc/postgresql-common/createcluster.conf'
	as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql
elif command -v brew >/dev/null 2>&1; then
	brew install --quiet postgresql@17
else
	echo "PostgreSQL's server binaries are missing: install PostgreSQL 14 or newer with your package manager (no server needs to run), or set DEPUTY_PG_BIN to their folder" >&2
	exit 1
fi
pooler
found
