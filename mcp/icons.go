package mcp

import (
	"strings"

	"github.com/mark3labs/mcp-go/mcp"
)

// The marks that hosts show beside the server and its tools: one path each, on a square of 8. They come with the tool
// list of every conversation, so they are small; they are inline, so no host has to fetch anything from anywhere to
// show them.
const (
	markShield = "M4,0l3,1v3L4,8,1,4V1z"             // the server: access that is checked
	markRows   = "M0,1h8v1H0zm0,3h8v1H0zm0,3h5v1H0z" // query: rows
	markAsk    = "M5,1h3v6H5zM0,3h5v2H2v1H1V5H0z"    // request_access: a key
	markTable  = "M0,0h8v3H0zm0,4h3v4H0zm4,0h4v4H4z" // describe_table: a head and its columns
)

// inURI writes what must not stand in a URI as it is.
var inURI = strings.NewReplacer("<", "%3C", ">", "%3E", " ", "%20", "#", "%23")

// icon draws a mark in a blue that can be told from light and dark backgrounds. Without sizes, it is for any.
func icon(path string) mcp.Icon {
	svg := "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 8 8'><path fill='#38c' d='" + path + "'/></svg>"
	return mcp.Icon{Src: "data:image/svg+xml," + inURI.Replace(svg)}
}
