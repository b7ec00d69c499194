#!/bin/sh
# An autonomous agent: asks Deputy one question with its own key, with nobody there, and prints the answer as JSON.
#
#   DEPUTY_URL=https://deputy.example.com/mcp DEPUTY_KEY_FILE=/etc/deputy/nightly.key nightly-report.sh "SELECT …"
#
# The key goes from its file (mode 0600) into the request. It is never an argument, which everybody on the machine could read.
# Needs curl and jq.
set -eu
: "${DEPUTY_URL:?set it to the address of the server, with /mcp}" "${DEPUTY_KEY_FILE:?set it to the file that holds the agent's key}"
sql=${1:?give a statement}

# One request is the whole conversation: since revision 2026-07-28 of the protocol nothing has to be opened or closed.
request=$(jq -cn --arg sql "$sql" '{
	jsonrpc: "2.0", id: 1, method: "tools/call",
	params: {
		name: "query", arguments: {sql: $sql},
		_meta: {
			"io.modelcontextprotocol/protocolVersion": "2026-07-28",
			"io.modelcontextprotocol/clientInfo": {name: "nightly-report", version: "1"},
			"io.modelcontextprotocol/clientCapabilities": {}
		}
	}
}')
answer=$(sed -n '1s/^/Authorization: Bearer /p' "$DEPUTY_KEY_FILE" | curl --silent --show-error --fail-with-body --max-time 120 --header @- \
	--header 'Content-Type: application/json' --header 'Accept: application/json, text/event-stream' \
	--header 'MCP-Protocol-Version: 2026-07-28' --header 'Mcp-Method: tools/call' --header 'Mcp-Name: query' \
	--data-binary "$request" "$DEPUTY_URL")

# A refusal is an answer, too: it says what to do, and ends the job with an error that cron or systemd reports.
if [ "$(printf '%s' "$answer" | jq -r '.result.isError // has("error")')" != false ]; then
	printf '%s\n' "$answer" | jq -r '.result.structuredContent // .error | .message, .hint // empty' >&2
	exit 1
fi
printf '%s\n' "$answer" | jq -c '.result.structuredContent | {columns: [.columns[].name], rows, truncated, notices}'
