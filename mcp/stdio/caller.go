package stdio

import (
	"context"
	"errors"

	"deputy/identity"
	"deputy/mcp"
	"deputy/tools"
)

// caller verifies the credentials of the process, which may have changed since the last call.
func (p *pipe) caller(ctx context.Context, g mcp.Generation) (context.Context, tools.Call, error) {
	given, err := p.config.Credentials()
	if err == nil {
		given.ClientAddress = clientName
		var principal identity.Principal
		if principal, err = p.watch.Prove(ctx, p.config.Authenticator(g), given); err == nil {
			return ctx, tools.Call{Principal: principal, Client: clientName}, nil
		}
	}
	p.log.Warn().Err(err).Str("client_id", identity.UnknownClient(err)).Msg("caller refused")
	if why, ok := errors.AsType[*identity.AuthError](err); ok && why != nil {
		g.Tools().TurnAway(ctx, clientName, why)
	}
	return nil, tools.Call{}, credentialRefusal(err)
}

// clientName stands for the network address, on the record.
const clientName = "stdio"

// admit holds the caller to the limits.
func (p *pipe) admit(ctx context.Context, call tools.Call) (leave func(), _ error) {
	leave, e := p.limits.Admit(call.Principal)
	if e == nil {
		return leave, nil
	}
	p.limits.Refused(ctx, e)
	if refusal := p.config.Generations.Now().Tools().OverLimit(ctx, call, e.Says); refusal != nil {
		return nil, refusal
	}
	return nil, errors.New("a call was refused without a refusal")
}

// record puts a call on the record that no tool took. The caller is proved only now that it is needed.
func (p *pipe) record(ctx context.Context, c *mcp.Call) {
	if !c.Unserved() {
		return
	}
	ctx, call, err := p.caller(context.WithoutCancel(ctx), c.Generation) // a caller who cancels is on the record too
	if err != nil {
		return // the caller is on the record as one who was turned away
	}
	leave, err := p.admit(ctx, call)
	if err != nil {
		return // and so is one who comes too often
	}
	defer leave()
	c.Record(ctx, c.Generation.Tools(), call)
}

func credentialRefusal(err error) *tools.Refusal {
	r := &tools.Refusal{
		Code:    tools.NotPermitted,
		Message: "the credentials of this Deputy process cannot be read",
		Hint: "Nothing you can write helps. Ask the person who set this server up to set DEPUTY_AGENT_KEY and, to act for a human, " +
			"DEPUTY_USER_TOKEN or DEPUTY_USER_TOKEN_FILE, in the environment of \"deputy stdio\".",
	}
	if refusal, ok := errors.AsType[*identity.AuthError](err); ok && refusal != nil {
		r.Message = refusal.Message
		switch {
		case errors.Is(err, identity.ErrStopped):
			r.Hint = "Nothing you can write helps. Tell the human that an administrator of Deputy has stopped this."
		case errors.Is(err, identity.ErrSignIn):
			r.Hint = "Nothing you can write helps. Ask the human to do what the message says in a terminal on this machine, and then try again."
		case errors.Is(err, identity.ErrAnotherHuman):
			r.Hint = "Nothing you can write helps. Ask the human to restart this server in their application; what you have seen so far was another human's."
		}
		if refusal.Code == identity.Unavailable {
			r.Code = tools.Unavailable
			if !errors.Is(err, identity.ErrStopped) {
				r.Hint = "Try again later."
			}
		}
	}
	return r
}
