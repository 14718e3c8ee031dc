package bootstrap

import (
	"context"
	"errors"
	"fmt"
	"time"

	"authly/internal/audit"
	"authly/internal/client"
	"authly/internal/platform/fault"
	"authly/internal/protocol/oauth"
)

// The built-in clients of this server.
const (
	CommandLineClientID = "authly-cli"
	ConsoleClientID     = "authly-console"
)

// builtInLifetime is the lifetime of an access token for the administration. It is short because
// such a client can refresh at any time.
const builtInLifetime = client.Seconds(5 * time.Minute / time.Second)

// builtIn is a built-in client.
type builtIn struct {
	clientID string
	state    client.State // at its creation
	client.Metadata
}

// builtIns returns the built-in clients of this version, at this
// issuer, with the given scopes of the administration. Both are public, as anyone can read their
// code. They can do only what the signed-in administrator may, who is asked each time
// if the redirect URI could belong to another program on the same machine.
//
// The console is created disabled: this version serves no page at its redirect URI, and an unused
// client would only be one more way to request the scopes of the administration.
func (s *Service) builtIns(administration oauth.ScopeSet) []builtIn {
	common := client.Metadata{
		AuthenticationMethod: oauth.AuthenticationMethodNone, PKCE: client.PKCERequired, Consent: client.ConsentRemember,
		GrantTypes:          []oauth.GrantType{oauth.AuthorizationCode, oauth.RefreshToken},
		Scopes:              append(oauth.ScopeSet{oauth.ScopeOpenID, oauth.ScopeProfile, oauth.ScopeOfflineAccess}, administration...),
		Resources:           []string{s.administration},
		AccessTokenLifetime: builtInLifetime,
	}
	commandLine, console := common, common
	commandLine.Name, commandLine.ApplicationType = "Authly command line", oauth.Native
	commandLine.RedirectURIs = []string{"http://127.0.0.1/callback", "http://[::1]/callback"} // on any port (RFC 8252 section 7.3)
	console.Name, console.ApplicationType = "Authly console", oauth.Web
	console.RedirectURIs = []string{s.issuer + "/console/callback"}
	return []builtIn{{CommandLineClientID, client.Active, commandLine}, {ConsoleClientID, client.Disabled, console}}
}

// prepareClients creates or updates the built-in clients.
func (s *Service) prepareClients(ctx context.Context) error {
	catalogue, err := s.scopes.List(ctx)
	if err != nil {
		return err
	}
	// Use the scopes of the catalogue, not those of this version: a node that is not updated yet
	// must not remove what a newer one has added.
	var administration oauth.ScopeSet
	for _, entry := range catalogue {
		if oauth.IsAdministrationScope(entry.Name) {
			administration = append(administration, entry.Name)
		}
	}
	for _, b := range s.builtIns(administration) {
		if err := s.prepareClient(ctx, b); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) prepareClient(ctx context.Context, b builtIn) error {
	prepared, err := s.clients.Prepare(ctx, b.Metadata)
	if err != nil {
		return fmt.Errorf("prepare the client %s: %w", b.clientID, err)
	}
	return s.store.inTransaction(ctx, func(ctx context.Context) error {
		ensured, err := s.clients.EnsureBuiltIn(ctx, b.clientID, b.state, prepared)
		if fault.KindOf(err) == fault.Conflict {
			return fault.New(fault.Conflict, "setup.client_id_taken").Because(errors.Join(
				fmt.Errorf("the client %s belongs to the server itself, but there is another one of that name; delete that one", b.clientID), err))
		}
		if err != nil || !ensured.IsChanged() {
			return err
		}
		action := audit.ClientUpdate
		if ensured.IsNew() {
			action = audit.ClientCreate
		}
		return s.audit.Record(ctx, audit.Event{
			Action: action, Outcome: audit.Success, Actor: audit.Actor{Kind: audit.Server},
			Target:  audit.Target{Kind: "client", ID: b.clientID, Name: b.Name},
			Details: audit.Details{Changes: audit.Compare(builtInFields(ensured.Before), builtInFields(ensured.After))},
		})
	})
}

// builtInFields are the fields of a built-in client that can change from one start to the next.
func builtInFields(cl client.Client) map[string]any {
	if cl.ClientID == "" {
		return nil
	}
	return map[string]any{
		"client_name": cl.Name, "redirect_uris": cl.RedirectURIs, "resources": cl.Resources, "scopes": cl.Scopes,
		"access_token_lifetime": int64(cl.AccessTokenLifetime), "state": string(cl.State),
		"id_token_signed_response_alg": string(cl.IDTokenAlgorithm),
	}
}
