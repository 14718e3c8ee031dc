package playground_test

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"authly/internal/audit"
	"authly/internal/discovery"
	"authly/internal/keys"
	"authly/internal/platform/clock"
	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
	"authly/internal/platform/httpx"
	"authly/internal/platform/secret"
	"authly/internal/platform/ui"
	"authly/internal/playground"
	"authly/internal/protocol/jose"
	"authly/internal/protocol/oauth"
	"authly/internal/protocol/oidc"
)

const clientID = "client_playground"

// provider is a server that signs everybody in without a question, so that the
// page can be tried against answers that a real server never gives.
type provider struct {
	issuer string // http://localhost:PORT…
	other  string // the same server under the name 127.0.0.1
	keys   *keys.Service

	mu        sync.Mutex
	algorithm jose.Algorithm
	spoil     spoiler
	requests  map[string]url.Values // authorization requests by code
	revoked   bool
}

// spoiler changes what the server answers. What is nil stays as it is.
type spoiler struct {
	response func(url.Values)
	claims   func(*oidc.IDTokenClaims)
	idToken  func(string) string
	userinfo func(map[string]any)
	metadata string // replaces the issuer in the metadata
}

func startProvider(t *testing.T, path string) *provider {
	t.Helper()
	sealer, err := secret.NewSealer(secret.New())
	if err != nil {
		t.Fatal(err)
	}
	database := dbtest.Open(t, db.SQLite)
	p := &provider{
		keys: keys.New(keys.Deps{
			Database: database, Sealer: sealer, Clock: clock.System(), Logger: slog.New(slog.DiscardHandler),
			Audit:            audit.New(audit.Deps{Database: database, Clock: clock.System()}),
			RotationInterval: 90 * 24 * time.Hour, PublishLead: 24 * time.Hour, RetainRetired: 60 * 24 * time.Hour,
		}),
		algorithm: jose.RS256,
		requests:  map[string]url.Values{},
	}
	for _, algorithm := range jose.Algorithms() {
		if err := p.keys.Ensure(t.Context(), algorithm); err != nil {
			t.Fatal(err)
		}
	}
	server := httptest.NewUnstartedServer(nil)
	address := server.Listener.Addr().String()
	p.issuer = "http://" + strings.Replace(address, "127.0.0.1", "localhost", 1) + path
	p.other = "http://" + address + path
	server.Config.Handler = p.handler(t)
	server.Start()
	t.Cleanup(server.Close)
	return p
}

func (p *provider) handler(t *testing.T) http.Handler {
	t.Helper()
	renderer, err := ui.New(ui.Options{Prefix: httpx.Path(p.issuer)})
	if err != nil {
		t.Fatal(err)
	}
	page, err := playground.New(playground.Deps{
		Issuer: p.issuer, ClientID: clientID, Scope: "openid profile email offline_access",
		Assets: renderer, LogoutURL: httpx.Path(p.issuer) + "/logout",
	})
	if err != nil {
		t.Fatal(err)
	}
	service, documents := discovery.New(discovery.Deps{
		Parts: discovery.Parts{
			Issuer:                p.issuer,
			AuthorizationEndpoint: p.issuer + "/oauth/authorize", TokenEndpoint: p.issuer + "/oauth/token",
			UserInfoEndpoint: p.issuer + "/oidc/userinfo", RevocationEndpoint: p.issuer + "/oauth/revoke",
			ResponseTypes: []oauth.ResponseType{oauth.ResponseTypeCode}, ResponseModes: []oauth.ResponseMode{oauth.ResponseModeQuery},
			GrantTypes:                      []oauth.GrantType{oauth.AuthorizationCode, oauth.RefreshToken},
			TokenAuthenticationMethods:      []oauth.AuthenticationMethod{oauth.AuthenticationMethodNone},
			RevocationAuthenticationMethods: []oauth.AuthenticationMethod{oauth.AuthenticationMethodNone},
			IDTokenSigningAlgorithms:        p.keys.Algorithms(),
		},
		Lists: func(context.Context) (discovery.Lists, error) {
			return discovery.Lists{Scopes: []string{"openid", "profile"}}, nil
		},
		JWKS: p.keys.JWKS,
	})
	if err := service.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	router := httpx.NewRouter(httpx.Options{Logger: slog.New(slog.DiscardHandler), Clock: clock.System(), Issuer: p.issuer})
	page.Mount(router)
	documents.Mount(router)
	router.Browser().Handle(ui.StaticRoute, renderer.Static())
	router.Browser().HandleFunc("GET /oauth/authorize", p.authorize)
	router.API().HandleFunc("POST /oauth/token", p.token)
	router.API().HandleFunc("GET /oidc/userinfo", p.userinfo)
	router.API().HandleFunc("POST /oauth/revoke", p.revoke)
	honest := router.Handler()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		replacement := p.spoil.metadata
		p.mu.Unlock()
		if replacement != "" && strings.HasSuffix(r.URL.Path, "/openid-configuration") {
			httpx.WriteJSON(w, http.StatusOK, map[string]string{"issuer": replacement})
			return
		}
		honest.ServeHTTP(w, r)
	})
}

// set prepares the next sign-in.
func (p *provider) set(algorithm jose.Algorithm, spoil spoiler) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.algorithm, p.spoil, p.revoked = algorithm, spoil, false
}

func (p *provider) authorize(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	request := r.URL.Query()
	code := rand.Text()
	p.requests[code] = request
	response := url.Values{"code": {code}, "state": {request.Get("state")}, "iss": {p.issuer}}
	if request.Get("prompt") == "none" {
		response = url.Values{"error": {"login_required"}, "error_description": {"nobody is signed in"}, "state": {request.Get("state")}, "iss": {p.issuer}}
	}
	if p.spoil.response != nil {
		p.spoil.response(response)
	}
	httpx.SeeOther(w, r, request.Get("redirect_uri")+"?"+response.Encode())
}

func (p *provider) token(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	request, nonce := url.Values{"scope": {"openid"}}, ""
	if r.PostFormValue("grant_type") == "authorization_code" {
		code := r.PostFormValue("code")
		request = p.requests[code]
		delete(p.requests, code)
		digest := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
		if request == nil || request.Get("code_challenge") != base64.RawURLEncoding.EncodeToString(digest[:]) ||
			r.PostFormValue("client_id") != clientID || r.PostFormValue("redirect_uri") != playground.RedirectURI(p.issuer) {
			httpx.WriteOAuthError(w, r, oauth.Refuse(oauth.InvalidGrant, "the code is not valid"))
			return
		}
		nonce = request.Get("nonce")
	} else if p.revoked || !strings.HasPrefix(r.PostFormValue("refresh_token"), "refresh-") {
		httpx.WriteOAuthError(w, r, oauth.Refuse(oauth.InvalidGrant, "the refresh token is not valid"))
		return
	}
	accessToken, err := p.keys.Sign(jose.RS256, jose.TypeAccessToken, map[string]any{"iss": p.issuer, "sub": "alice", "aud": p.issuer, "jti": rand.Text()})
	if err != nil {
		httpx.WriteOAuthError(w, r, err)
		return
	}
	now := clock.System().Now()
	identity := oidc.IDToken{
		Issuer: p.issuer, Subject: "alice", ClientID: clientID, Nonce: nonce, Algorithm: p.algorithm, AccessToken: accessToken,
		AuthenticationTime: now, AuthenticationMethods: []string{"pwd"}, IssuedAt: now, Lifetime: time.Hour,
	}
	claims := identity.Claims()
	if p.spoil.claims != nil {
		p.spoil.claims(&claims)
	}
	idToken, err := p.keys.Sign(p.algorithm, jose.TypeJWT, claims)
	if err != nil {
		httpx.WriteOAuthError(w, r, err)
		return
	}
	if p.spoil.idToken != nil {
		idToken = p.spoil.idToken(idToken)
	}
	answer := map[string]any{
		"access_token": accessToken, "token_type": "Bearer", "expires_in": 600,
		"refresh_token": "refresh-" + strconv.Itoa(int(now.UnixMicro())),
	}
	if strings.Contains(request.Get("scope"), "openid") {
		answer["id_token"] = idToken
	}
	httpx.WriteJSON(w, http.StatusOK, answer)
}

func (p *provider) userinfo(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if _, err := p.keys.Verify(token, jose.TypeAccessToken); err != nil || p.revoked {
		httpx.WriteBearerError(w, r, oauth.Refuse(oauth.InvalidToken, "the token is not valid"))
		return
	}
	claims := map[string]any{"sub": "alice", "name": "Alice Example", "email": "alice@example.com"}
	if p.spoil.userinfo != nil {
		p.spoil.userinfo(claims)
	}
	httpx.WriteJSON(w, http.StatusOK, claims)
}

func (p *provider) revoke(w http.ResponseWriter, _ *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.revoked = true
	w.WriteHeader(http.StatusOK)
}
