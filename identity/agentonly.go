package identity

// AgentOnly is the refusal of an agent that proved itself, and for which nothing is missing but the human that it acts
// for. It is an *AuthError like every other, and makes no Principal: the agent may be told what there is to call, and
// can call none of it.
type AgentOnly struct {
	*AuthError
	Agent Agent
}

func (a *AgentOnly) Unwrap() error { return a.AuthError }
