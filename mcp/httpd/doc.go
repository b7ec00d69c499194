// Package httpd serves the protocol over HTTP, and whatever else stands behind the same guards.
//
// A request passes the guards in one order, which guards.go has as a list: what costs least and knows least of the
// caller comes first, and no body is read for a caller who is not proved. What the guards find out travels with the
// request as an argument; nothing is put into its context before mcp-go takes it.
package httpd
