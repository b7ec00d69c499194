package httpd

import (
	"encoding/json"
	"net/http"

	"deputy/identity"
)

// Metadata is what hosts and people are told of where tokens come from.
type Metadata struct {
	Issuers []string         // authorization servers, for clients that look for a token
	Scopes  []string         // what clients ask those for, as they write it
	Login   []identity.Offer // how people sign in with deputy login; empty: they do not
}

// protectedResource is the document of RFC 9728. It lets servers have members of their own, and has clients pass over
// those that they do not know.
type protectedResource struct {
	Resource   string           `json:"resource"`
	Issuers    []string         `json:"authorization_servers,omitempty"`
	Scopes     []string         `json:"scopes_supported,omitempty"`
	Methods    []string         `json:"bearer_methods_supported"`
	Name       string           `json:"resource_name"`
	Algorithms []string         `json:"dpop_signing_alg_values_supported"`
	Login      []identity.Offer `json:"deputy_login,omitempty"`
}

// metadata says where tokens come from. Scripts of all sites may read it: it holds nothing that is secret.
func (s *server) metadata(w http.ResponseWriter, r *http.Request) {
	says := s.config.Metadata()
	w.Header().Set("Access-Control-Allow-Origin", "*")
	w.Header().Set("Access-Control-Allow-Methods", "GET, HEAD, OPTIONS")
	w.Header().Set("Access-Control-Allow-Headers", "Content-Type, Authorization")
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodHead {
		return
	}
	_ = json.NewEncoder(w).Encode(protectedResource{
		Resource:   s.resource,
		Issuers:    says.Issuers,
		Scopes:     says.Scopes,
		Methods:    []string{"header"},
		Name:       "Deputy",
		Algorithms: identity.ProofAlgorithms(),
		Login:      says.Login,
	}) // a client that has gone cannot be told
}
