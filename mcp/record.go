package mcp

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/mark3labs/mcp-go/mcp"

	"deputy/tools"
)

// A tool that takes a message writes the record, and so does a limit or a scope that refuses it; what is not taken,
// such as the call of a tool that is not there or a message that cannot be read, is recorded at its end. That does not
// rest on mcp-go's hooks: they do not run for what mcp-go itself refuses.

// Taken says that the message needs no further record.
func (c *Call) Taken() { c.taken.Store(true) }

// Misread says why the message could not be read.
func (c *Call) Misread(why string) { c.misread = why }

// told are the methods that say what there is, and run nothing.
var told = []string{
	string(mcp.MethodInitialize),
	string(mcp.MethodServerDiscover),
	string(mcp.MethodPing),
	string(mcp.MethodToolsList),
	string(mcp.MethodResourcesList),
	string(mcp.MethodResourcesTemplatesList),
	string(mcp.MethodPromptsList),
}

// Tells reports whether the message only asks what there is, and runs nothing.
func (m Message) Tells() bool { return slices.Contains(told, m.Method) }

// served are the methods that are answered without a record: they say what there is, or wait.
var served = append(slices.Clone(told), string(mcp.MethodSubscriptionsListen))

// Record puts the call of a proved caller on the record when nothing else did.
func (c *Call) Record(ctx context.Context, use Tools, call tools.Call) {
	if tool, why := c.unserved(); why != "" {
		use.Refuse(ctx, call, tool, why)
	}
}

// Unserved reports whether the call needs a record that nothing has written.
func (c *Call) Unserved() bool {
	_, why := c.unserved()
	return why != ""
}

// unserved is what the record says of a message that was not taken: the tool that it named, if any, and why. An empty
// reason: there is nothing to record.
func (c *Call) unserved() (tool, why string) {
	method, tool := c.Message.known()
	switch {
	case c.taken.Load():
		return "", ""
	case c.misread != "":
		return "", "the message cannot be read: " + c.misread
	case c.Message.Method == "" || slices.Contains(served, c.Message.Method):
		return "", ""
	case method != string(mcp.MethodToolsCall):
		return "", fmt.Sprintf("there is no method %q here", showable(c.Message.Method))
	case tool != otherName:
		return tool, "the call does not fit the protocol, so no tool took it"
	}
	return showable(c.Message.tool), "there is no such tool"
}

var plainName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_./:-]{0,63}$`)

// showable is a name that a caller made up, as the record may have it: short, of plain letters, and nothing like a key
// or a token.
func showable(name string) string {
	if !plainName.MatchString(name) || strings.Contains(name, "deputy_ak_") || strings.Contains(name, "eyJ") {
		return "(no plain name)"
	}
	return name
}
