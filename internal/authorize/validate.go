package authorize

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"authly/internal/client"
	"authly/internal/interaction"
	"authly/internal/platform/fault"
	"authly/internal/protocol/oauth"
	"authly/internal/protocol/oidc"
)

// PageRefusal is a refusal that must not be sent anywhere: the client or its
// redirect URI is not established (OAuth 2.1 section 4.1.2.1).
type PageRefusal struct {
	// Message is the key of what the person is told.
	Message string
	Code    oauth.ErrorCode
	// Description is for the developer of the client.
	Description string
}

// Error returns the description, for the log.
func (r *PageRefusal) Error() string { return string(r.Code) + ": " + r.Description }

// The bounds of what is carried through a sign-in.
const (
	maxNonceBytes     = 1024
	maxLoginHintBytes = 256
)

// validated is an authorization request as far as it could be read, with what is wrong with it. The caller
// decides when the client is told.
type validated struct {
	request interaction.Request
	client  client.Client
	// refusal is nil if nothing is wrong with the request. It has a code, and is not in the request.
	refusal *oauth.Error
}

// deferred returns the request with its refusal waiting in it: a browser must not be redirected because of an
// error before the person has signed in (RFC 9700 section 4.11.2).
func (v validated) deferred() interaction.Request {
	if v.refusal != nil {
		v.request.Refusal = &interaction.Refusal{Code: v.refusal.Code, Description: v.refusal.Description}
	}
	return v.request
}

// validate turns parameters into a request, and says what is wrong with it. The error is a [*PageRefusal], or an
// internal error.
func (s *Service) validate(ctx context.Context, params oauth.Params, malformed error) (validated, error) {
	known, err := s.establishClient(ctx, params, malformed)
	if err != nil {
		return validated{}, err
	}
	params, objection := s.objects.apply(ctx, known, params)
	redirectURI, err := establishRedirectURI(known, params, malformed)
	if objection != nil && err != nil {
		// Where to send the person may be in what can't be believed.
		err = &PageRefusal{"authorize.request_object_wrong", oauth.CodeOf(objection), describe(objection)}
	}
	if err != nil {
		return validated{}, err
	}
	request := interaction.Request{
		Client: known.ID, ClientID: known.ClientID, ClientName: known.Name, ClientHost: oauth.RedirectHost(redirectURI),
		SelfRegistered: known.RegisteredBy == client.ByClient, ClientURI: known.ClientURI, PolicyURI: known.PolicyURI, TermsURI: known.TermsOfServiceURI,
		RedirectURI: redirectURI, State: params.Get("state"), Sector: known.PairwiseSector(),
	}
	// From here on the client can be told, in the way that it asked for if it may.
	mode, refusal := responseMode(known, params)
	request.ResponseMode = mode
	if objection != nil {
		refusal = objection
	}
	if filling := s.fill(ctx, &request, known, params); refusal == nil {
		refusal = filling
	}
	if malformed != nil {
		refusal = malformed
	}
	result := validated{request: request, client: known}
	if refusal != nil && (!errors.As(refusal, &result.refusal) || result.refusal.Code == "") {
		return validated{}, fmt.Errorf("validate an authorization request: %w", refusal)
	}
	return result, nil
}

// establishClient and establishRedirectURI decide whether there is anybody to
// answer. Parameters that came twice are not established at all.
func (s *Service) establishClient(ctx context.Context, params oauth.Params, malformed error) (client.Client, error) {
	clientID := params.Get("client_id")
	if clientID == "" {
		refusal := &PageRefusal{"authorize.client_missing", oauth.InvalidRequest, "client_id is missing"}
		if malformed != nil {
			refusal.Description = describe(malformed)
		}
		return client.Client{}, refusal
	}
	known, err := s.clients.Find(ctx, clientID)
	switch {
	case fault.KindOf(err) == fault.NotFound:
		return client.Client{}, &PageRefusal{"authorize.client_unknown", oauth.InvalidClient, "there is no client with this client_id"}
	case err != nil:
		return client.Client{}, err
	case !known.IsActive():
		return client.Client{}, &PageRefusal{"authorize.client_disabled", oauth.UnauthorizedClient, "this client is disabled"}
	}
	return known, nil
}

func establishRedirectURI(known client.Client, params oauth.Params, malformed error) (string, error) {
	sent := params.Get("redirect_uri")
	if sent == "" {
		refusal := &PageRefusal{"authorize.redirect_uri_missing", oauth.InvalidRequest, "redirect_uri is missing"}
		if malformed != nil {
			refusal.Description = describe(malformed)
		}
		return "", refusal
	}
	if !known.HasRedirectURI(sent) {
		return "", &PageRefusal{
			"authorize.redirect_uri_unknown", oauth.InvalidRequest,
			"redirect_uri is not registered for this client; it must be equal to a registered one in every character",
		}
	}
	return sent, nil
}

// fill checks the rest of the request and copies it; its error is what the client is told.
func (s *Service) fill(ctx context.Context, request *interaction.Request, known client.Client, params oauth.Params) error {
	// Read first, so that prompt=none is honoured even when something else is wrong.
	prompts, err := oidc.ParsePrompt(params.Get("prompt"))
	if err != nil {
		if slices.Contains(strings.Split(params.Get("prompt"), " "), string(oidc.PromptNone)) {
			// none with something else is an error, and still nothing may be shown.
			request.Prompts = oidc.PromptSet{oidc.PromptNone}
		}
		return err
	}
	request.Prompts = prompts
	if err := checkFixed(known, params); err != nil {
		return err
	}
	request.Nonce, request.LoginHint = params.Get("nonce"), params.Get("login_hint")
	if len(request.Nonce) > maxNonceBytes {
		return oauth.Refuse(oauth.InvalidRequest, "nonce is too long")
	}
	if len(request.LoginHint) > maxLoginHintBytes {
		request.LoginHint = "" // a hint that can't be one is no error (OpenID Connect Core 1.0 section 3.1.2.1)
	}
	if err := fillMaxAge(request, known, params); err != nil {
		return err
	}
	if err := fillClaims(request, params); err != nil {
		return err
	}
	if err := s.fillPerson(request, known, params); err != nil {
		return err
	}
	if request.Scopes, err = s.scopes.grantable(ctx, known, params.Get("scope")); err != nil {
		return err
	}
	if request.Resources, err = oauth.SelectResources(params.All("resource"), known.Resource, "the client may not have tokens for this resource"); err != nil {
		return err
	}
	return fillChallenge(request, known, params)
}

// checkFixed refuses what this server does only in one way, or not at all.
func checkFixed(known client.Client, params oauth.Params) error {
	switch responseType := params.Get("response_type"); {
	case responseType == "":
		return oauth.Refuse(oauth.InvalidRequest, "response_type is missing")
	case responseType != string(oauth.ResponseTypeCode):
		return oauth.Refuse(oauth.UnsupportedResponseType, "only the response_type code is supported")
	case !known.MayUse(oauth.AuthorizationCode):
		return oauth.Refuse(oauth.UnauthorizedClient, "the client may not use the authorization code grant")
	case params.Has("registration"):
		return oauth.Refuse(oauth.RegistrationNotSupported, "the registration parameter is not supported")
	}
	return nil
}

// responseMode returns how the answer travels, and a refusal if the requested way
// is none of the client's; that is told in the query. A mode that was sent twice is not sent.
func responseMode(known client.Client, params oauth.Params) (oauth.ResponseMode, error) {
	mode := oauth.ResponseMode(params.Get("response_mode"))
	switch {
	case mode == "" && !known.MayReceive(oauth.ResponseModeQuery): // the default of the response type code
		return "", oauth.Refuse(oauth.InvalidRequest, "response_mode is missing, and the client may not use the default one")
	case mode == "":
		return "", nil
	case !mode.IsSupported():
		return "", oauth.Refuse(oauth.InvalidRequest, "the response_mode is not supported")
	case !known.MayReceive(mode):
		return "", oauth.Refuse(oauth.UnauthorizedClient, "the client may not use this response_mode")
	default:
		return mode, nil
	}
}

// fillClaims reads the claims parameter and which authentication context classes
// are essential (OpenID Connect Core 1.0 sections 5.5 and 5.5.1.1). Those of acr_values, and a
// client's default ones, are wishes: what the ID token says is what was done (section 3.1.2.1).
func fillClaims(request *interaction.Request, params oauth.Params) error {
	requested, err := oidc.ParseClaimsRequest(params.Get("claims"))
	if err != nil {
		return err
	}
	request.Claims = requested
	if class := requested.IDToken["acr"]; class.Essential && len(class.Values) > 0 {
		request.ContextClasses = class.Texts()
		if len(request.ContextClasses) == 0 {
			return oauth.Refuse(oauth.InvalidRequest, "the requested acr values are not texts")
		}
	}
	return nil
}

// claimsBeyondScopes returns the names of the claims about the person that are
// asked for by name and that no granted scope stands for: a person is asked about those.
func claimsBeyondScopes(request interaction.Request) []string {
	known := oidc.ClaimNames(oauth.ScopeSet{oauth.ScopeProfile, oauth.ScopeEmail, oauth.ScopeAddress, oauth.ScopePhone})
	covered := oidc.ClaimNames(request.Scopes)
	var beyond []string
	for _, name := range slices.Concat(oidc.Names(request.Claims.UserInfo), oidc.Names(request.Claims.IDToken)) {
		if slices.Contains(known, name) && !slices.Contains(covered, name) && !slices.Contains(beyond, name) {
			beyond = append(beyond, name)
		}
	}
	return beyond
}

func fillMaxAge(request *interaction.Request, known client.Client, params oauth.Params) error {
	maxAge, err := oidc.ParseMaxAge(params.Get("max_age"))
	if err != nil {
		return err
	}
	request.MaxAge = maxAge.String()
	if !maxAge.Sent() && known.DefaultMaxAge != nil {
		request.MaxAge = strconv.FormatInt(int64(*known.DefaultMaxAge), 10)
	}
	return nil
}

// fillChallenge holds PKCE (RFC 7636 section 4.4.1, OAuth 2.1 section 4.1.1).
func fillChallenge(request *interaction.Request, known client.Client, params oauth.Params) error {
	challenge, method := params.Get("code_challenge"), params.Get("code_challenge_method")
	if challenge == "" {
		nonce := client.NonceAbsent
		if request.Nonce != "" && request.Scopes.Has(oauth.ScopeOpenID) {
			nonce = client.NonceSent
		}
		if method != "" || known.NeedsChallenge(nonce) {
			return oauth.Refuse(oauth.InvalidRequest, "code_challenge is missing; PKCE with S256 is required")
		}
		return nil
	}
	if err := oauth.ParseCodeChallenge(challenge, method); err != nil {
		return err
	}
	request.CodeChallenge = challenge
	return nil
}
