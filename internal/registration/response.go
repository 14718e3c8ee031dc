package registration

import (
	"net/url"

	"authly/internal/client"
	"authly/internal/platform/secret"
	"authly/internal/protocol/oauth"
)

// Registration is a client's record with what lets its owner change it.
type Registration struct {
	Client client.Client
	// Secret is zero if the client has none, or has seen it before: only its hash is kept.
	Secret secret.Redacted
	// Token is the registration access token (RFC 7592 section 3).
	Token secret.Redacted
	// URI is where the record is read and changed.
	URI string
}

// Path is where clients are registered, below the issuer.
const Path = "/oauth/register"

// recordURI returns the client configuration endpoint of a client.
func recordURI(issuer, clientID string) string {
	return issuer + Path + "/" + url.PathEscape(clientID)
}

// response is the client information response (RFC 7591 section 3.2.1, RFC 7592
// section 3): everything that is registered, as it is registered. Empty values of what a client
// can leave out are left out.
func (r Registration) response() map[string]any {
	m := r.Client.Metadata
	document := map[string]any{
		"client_id": r.Client.ClientID, "client_id_issued_at": r.Client.CreatedAt.Unix(),
		"registration_access_token": r.Token.Reveal(), "registration_client_uri": r.URI,

		"application_type": m.ApplicationType, "token_endpoint_auth_method": m.AuthenticationMethod, "grant_types": m.GrantTypes,
		"response_types": append([]oauth.ResponseType{}, m.ResponseTypes...), // missing would mean code (RFC 7591 section 2)
		"scope":          m.Scopes.String(),
	}
	if !r.Secret.IsZero() {
		document["client_secret"], document["client_secret_expires_at"] = r.Secret.Reveal(), 0 // never
	}
	for member := range client.Members() {
		if member.ByClient && !member.IsEmpty(m) {
			document[member.Name] = member.Of(&m)
		}
	}
	return document
}
