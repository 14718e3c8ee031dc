package e2e_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"authly/internal/testx"
)

// relyingParty is an application on a port of its own that signs people in
// with go-oidc and x/oauth2, as their documentation shows.
type relyingParty struct {
	t        *testing.T
	issuer   *testx.Server
	client   testx.Client
	provider *oidc.Provider
	config   oauth2.Config
	url      string // http://127.0.0.1:PORT
	other    string // the same application on another site: http://localhost:PORT

	mu       sync.Mutex
	started  map[string]started // by state
	outcomes chan outcome
}

type started struct{ verifier, nonce string }

// outcome is what came of one sign-in.
type outcome struct {
	response url.Values
	token    *oauth2.Token
	idToken  *oidc.IDToken
	err      error
}

// newRelyingParty starts the application. Its redirect URI is registered without
// the port, which is only good for loopback addresses (RFC 8252 section 7.3).
func newRelyingParty(t *testing.T, s *testx.Server, known testx.Client) *relyingParty {
	t.Helper()
	provider, err := oidc.NewProvider(t.Context(), s.Issuer)
	if err != nil {
		t.Fatalf("discovery: %v", err)
	}
	p := &relyingParty{t: t, issuer: s, client: known, provider: provider, started: map[string]started{}, outcomes: make(chan outcome, 16)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /start", p.start)
	mux.HandleFunc("GET /post", p.post)
	mux.HandleFunc("GET /callback", p.callback)
	mux.HandleFunc("POST /callback", p.callback) // response_mode=form_post
	mux.HandleFunc("GET /watch", p.watch)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	p.url = server.URL
	p.other = strings.Replace(server.URL, "127.0.0.1", "localhost", 1)
	p.config = oauth2.Config{
		ClientID: known.ClientID, ClientSecret: known.Secret, Endpoint: provider.Endpoint(), RedirectURL: p.url + "/callback",
		Scopes: []string{oidc.ScopeOpenID, "profile", "email", oidc.ScopeOfflineAccess},
	}
	if known.Secret == "" {
		p.config.Endpoint.AuthStyle = oauth2.AuthStyleInParams
	}
	return p
}

// request makes an authorization request; options are added from the query of the start page.
func (p *relyingParty) request(r *http.Request) string {
	state, begun := rand.Text(), started{oauth2.GenerateVerifier(), rand.Text()}
	p.mu.Lock()
	p.started[state] = begun
	p.mu.Unlock()
	p.issuer.Secret(begun.verifier)
	options := []oauth2.AuthCodeOption{oauth2.S256ChallengeOption(begun.verifier), oidc.Nonce(begun.nonce)}
	for name := range r.URL.Query() {
		options = append(options, oauth2.SetAuthURLParam(name, r.URL.Query().Get(name)))
	}
	return p.config.AuthCodeURL(state, options...)
}

func (p *relyingParty) start(w http.ResponseWriter, r *http.Request) {
	http.Redirect(w, r, p.request(r), http.StatusFound)
}

// post sends the request as a form that submits itself (OpenID Connect Core 1.0 section 3.1.2.1).
func (p *relyingParty) post(w http.ResponseWriter, r *http.Request) {
	address, err := url.Parse(p.request(r))
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	fields := address.Query()
	address.RawQuery = ""
	_, _ = fmt.Fprintf(w, `<!doctype html><title>Posting</title><form id="request" method="post" action="%s">`, html.EscapeString(address.String()))
	for name := range fields {
		_, _ = fmt.Fprintf(w, `<input type="hidden" name="%s" value="%s">`, html.EscapeString(name), html.EscapeString(fields.Get(name)))
	}
	_, _ = fmt.Fprint(w, `</form><script>document.getElementById("request").submit()</script>`)
}

func (p *relyingParty) callback(w http.ResponseWriter, r *http.Request) {
	response := r.URL.Query()
	if r.Method == http.MethodPost {
		if err := r.ParseForm(); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		response = r.PostForm
	}
	found := p.finish(r.Context(), response)
	p.outcomes <- found
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	text := "signed in"
	if found.err != nil {
		text = found.err.Error()
	}
	_, _ = fmt.Fprintf(w, `<!doctype html><title>Application</title><h1 id="result">%s</h1>`, html.EscapeString(text))
}

// finish checks everything that a client has to check.
func (p *relyingParty) finish(ctx context.Context, response url.Values) outcome {
	found := outcome{response: response}
	p.mu.Lock()
	begun, ours := p.started[response.Get("state")]
	delete(p.started, response.Get("state"))
	p.mu.Unlock()
	switch {
	case !ours:
		found.err = errors.New("the state is none of ours")
	case response.Get("iss") != p.issuer.Issuer:
		found.err = errors.New("the response is another issuer's") // RFC 9207 section 2.4
	case response.Get("error") != "":
		found.err = errors.New(response.Get("error"))
	}
	if found.err != nil {
		return found
	}
	p.issuer.Secret(response.Get("code"))
	if found.token, found.err = p.config.Exchange(ctx, response.Get("code"), oauth2.VerifierOption(begun.verifier)); found.err != nil {
		return found
	}
	raw, _ := found.token.Extra("id_token").(string)
	p.issuer.Secret(raw, found.token.AccessToken, found.token.RefreshToken)
	if found.idToken, found.err = p.provider.Verifier(&oidc.Config{ClientID: p.config.ClientID}).Verify(ctx, raw); found.err != nil {
		return found
	}
	if found.idToken.Nonce != begun.nonce {
		found.err = errors.New("the nonce is another one")
		return found
	}
	found.err = found.idToken.VerifyAccessToken(found.token.AccessToken)
	return found
}

// result waits for the page of the application and returns what came of the sign-in.
func (p *relyingParty) result(b tab) outcome {
	p.t.Helper()
	b.do(shows("result"))
	select {
	case found := <-p.outcomes:
		return found
	default:
		p.t.Fatal("the application shows its page without a response")
		return outcome{}
	}
}

// signedIn is result for a sign-in that has to succeed.
func (p *relyingParty) signedIn(b tab) outcome {
	p.t.Helper()
	found := p.result(b)
	if found.err != nil {
		p.t.Fatalf("the sign-in failed: %v", found.err)
	}
	return found
}
