//go:build race

package audit_test

const perCheck = 10
