package identity

// Caller names who shares are counted for: an agent, and whom it acts for. One busy user of a chat host must not keep
// out the others. It is for comparing, and not for people to read.
func (p Principal) Caller() string {
	if p.User == nil {
		return p.Agent.ID
	}
	return p.Agent.ID + "\x00" + p.User.Issuer + "\x00" + p.User.Subject
}
