package identity

// IssuerKind is whose product an issuer is.
type IssuerKind string

const (
	Generic  IssuerKind = "generic"
	Entra    IssuerKind = "entra"
	Okta     IssuerKind = "okta"
	Auth0    IssuerKind = "auth0"
	Keycloak IssuerKind = "keycloak"
)
