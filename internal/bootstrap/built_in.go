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

// The clients of this server's own.
const (
	CommandLineClientID = "authly-cli"
	ConsoleClientID     = "authly-console"
)

// builtInLifetime is how long an access token for the administration counts: an
// administrator's refresh token is nearby.
const builtInLifetime = client.Seconds(5 * time.Minute / time.Second)

// builtIn is a client of this server's own.
type builtIn struct {
	clientID string
	state    client.State // that it is made in
	client.Metadata
}

// builtIns returns the clients of this server's own, as they are on this version, at this
// issuer, with these scopes of the administration. Both are public, as everybody can read what is
// in them; what they can do is up to whoever signs in to them, who is asked each time
// that a program on the same machine could be meant by the redirect URI.
//
// The console is made disabled: this version serves no page at its redirect URI, and a client
// that nothing uses would only be one more way to ask for the scopes of the administration.
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

// prepareClients makes the clients of this server's own, or brings them up to date.
func (s *Service) prepareClients(ctx context.Context) error {
	catalogue, err := s.scopes.List(ctx)
	if err != nil {
		return err
	}
	// What the catalogue has, not what this version knows: a node that is not updated yet
	// takes nothing away that a newer one has given.
	var administration oauth.ScopeSet
	for _, entry := range catalogue {
		if oauth.IsAdministrationScope(entry.Name) {
			administration = append(administration, entry.Name)
		}
	}
	for _, wanted := range s.builtIns(administration) {
		if err := s.prepareClient(ctx, wanted); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) prepareClient(ctx context.Context, wanted builtIn) error {
	prepared, err := s.clients.Prepare(ctx, wanted.Metadata)
	if err != nil {
		return fmt.Errorf("prepare the client %s: %w", wanted.clientID, err)
	}
	return s.store.inTransaction(ctx, func(ctx context.Context) error {
		ensured, err := s.clients.EnsureBuiltIn(ctx, wanted.clientID, wanted.state, prepared)
		if fault.KindOf(err) == fault.Conflict {
			return fault.New(fault.Conflict, "setup.client_id_taken").Because(errors.Join(
				fmt.Errorf("the client %s belongs to the server itself, but there is another one of that name; delete that one", wanted.clientID), err))
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
			Target:  audit.Target{Kind: "client", ID: wanted.clientID, Name: wanted.Name},
			Details: audit.Details{Changes: audit.Compare(builtInFields(ensured.Before), builtInFields(ensured.After))},
		})
	})
}

// builtInFields are what can change of a client of this server's own from one start to another.
func builtInFields(known client.Client) map[string]any {
	if known.ClientID == "" {
		return nil
	}
	return map[string]any{
		"client_name": known.Name, "redirect_uris": known.RedirectURIs, "resources": known.Resources, "scopes": known.Scopes,
		"access_token_lifetime": int64(known.AccessTokenLifetime), "state": string(known.State),
		"id_token_signed_response_alg": string(known.IDTokenAlgorithm),
	}
}
