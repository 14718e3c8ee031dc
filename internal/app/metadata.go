package app

import (
	"context"
	"fmt"
	"slices"

	"authly/internal/authorize"
	"authly/internal/client"
	"authly/internal/discovery"
	"authly/internal/introspect"
	"authly/internal/logout"
	"authly/internal/protocol/jose"
	"authly/internal/protocol/oauth"
	"authly/internal/protocol/oidc"
	"authly/internal/revoke"
	"authly/internal/session"
	"authly/internal/token"
	"authly/internal/userinfo"
)

// mountDiscovery describes what is mounted, and nothing else.
func (a *App) mountDiscovery(ctx context.Context, built *features) error {
	issuer := a.settings.Issuer
	described, handler := discovery.New(discovery.Deps{
		Parts: discovery.Parts{
			Issuer: issuer, AuthorizationEndpoint: issuer + authorize.Path, TokenEndpoint: issuer + token.Path,
			UserInfoEndpoint: issuer + userinfo.Path, RevocationEndpoint: issuer + revoke.Path,
			IntrospectionEndpoint: issuer + introspect.Path, EndSessionEndpoint: issuer + logout.EndSessionPath,
			BackChannelLogout:    true,
			FrontChannelLogout:   true,
			CheckSessionIframe:   a.checkSessionIframe(),
			RegistrationEndpoint: a.registrationEndpoint(),
			ResponseTypes:        []oauth.ResponseType{oauth.ResponseTypeCode},
			ResponseModes:        oauth.ResponseModes(), GrantTypes: built.mounted,
			TokenAuthenticationMethods: built.clientAuth.Methods(), RevocationAuthenticationMethods: built.clientAuth.Methods(),
			IntrospectionAuthenticationMethods: built.clientAuth.ConfidentialMethods(),
			Claims: append(oidc.ProtocolClaims(), oidc.ClaimNames(oauth.ScopeSet{
				oauth.ScopeProfile, oauth.ScopeEmail, oauth.ScopeAddress, oauth.ScopePhone,
			})...),
			SubjectTypes: []string{string(client.SubjectPublic), string(client.SubjectPairwise)},
			PromptValues: promptValues(), DisplayValues: []string{"page", "popup"}, AuthenticationContextClasses: oidc.ContextClasses(),
			ClaimsParameter: true, RequestParameter: true, RequestURIParameter: a.settings.Requests.RequestURI,
			RequestObjectSigningAlgorithms: jose.Algorithms(), AuthorizationSigningAlgorithms: jose.Algorithms(), AssertionAlgorithms: jose.Algorithms(),
			EncryptionAlgorithms: a.keyAlgorithms(), ContentEncryptions: jose.ContentEncryptions(), IDTokenSigningAlgorithms: jose.Algorithms(), UserInfoSigningAlgorithms: jose.Algorithms(),
		},
		Lists: func(ctx context.Context) (discovery.Lists, error) {
			active, err := a.Scopes.Active(ctx)
			names := make([]string, 0, len(active))
			for _, entry := range active {
				if !oauth.IsAdministrationScope(entry.Name) { // nothing for clients in general
					names = append(names, entry.Name)
				}
			}
			return discovery.Lists{Scopes: names}, err
		},
		JWKS: a.keys.JWKS,
	})
	if err := described.Refresh(ctx); err != nil {
		return fmt.Errorf("describe the server: %w", err)
	}
	handler.Mount(a.router)
	return nil
}

// keyAlgorithms returns what clients may be registered for.
func (a *App) keyAlgorithms() []jose.KeyAlgorithm {
	if a.settings.Tokens.AllowWeakEncryption {
		return jose.KeyAlgorithms()
	}
	return jose.StrongKeyAlgorithms()
}

// checkSessionIframe returns where clients watch sessions, "" if they can't.
func (a *App) checkSessionIframe() string {
	if !a.settings.Logout.SessionManagement {
		return ""
	}
	return a.settings.Issuer + session.CheckPath
}

// promptValues returns the prompts that do what they say. create is understood, but
// nobody can make an account here, and clients read this list to know whether to offer it
// (Initiating User Registration via OpenID Connect 1.0).
func promptValues() []oidc.Prompt {
	return slices.DeleteFunc(oidc.Prompts(), func(prompt oidc.Prompt) bool { return prompt == oidc.PromptCreate })
}
