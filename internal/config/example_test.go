package config_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"deputy/internal/config"
)

func Example() {
	folder, err := os.MkdirTemp("", "config")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(folder)
	file := filepath.Join(folder, "deputy.yaml")
	os.WriteFile(file, []byte(`
agents:
  - name: marketing
    client_ids: [marketing]
platforms:
  shop:
    engine: postgres
    dsn: postgres://deputy_runner:${SHOP_PASSWORD}@localhost/shop
    schemas: {sales: true}
    signing_key: ${SHOP_SIGNING_KEY}
policies:
  - name: marketing reads sales
    gant: [sales.*]
    to: gruop:Marketing
`), 0o600)

	_, err = config.Load(file, func(name string) (string, bool) {
		return "hunter2", name == "SHOP_PASSWORD"
	})
	fmt.Println(strings.ReplaceAll(err.Error(), file, "deputy.yaml"))
	// Output:
	// deputy.yaml:9: platforms.shop.schemas: a list belongs here, not keys with values
	// deputy.yaml:10: platforms.shop.signing_key: the environment variable SHOP_SIGNING_KEY is not set
	// deputy.yaml:13: policies[0]: unknown key "gant"; did you mean "grant"? (known: name, platform, grant, guardrail, mask, filter, to, require, for, except, with, when, where, match, within, sample)
	// deputy.yaml:14: policies[0].to: "gruop:Marketing" is not a term; did you mean "group:Marketing"? (known: everyone, group:NAME, attribute:NAME=VALUE, user:ID, agent:NAME, agent-group:NAME, mode:on_behalf_of, mode:autonomous, purpose:NAME)
}
