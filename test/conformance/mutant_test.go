package conformance_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	gojose "github.com/go-jose/go-jose/v4"

	"authly/internal/config"
	"authly/internal/keys"
	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
	"authly/internal/testx"
	"authly/test/conformance"
)

// Paths of the server behind the proxy.
const (
	openIDDocument = "/.well-known/openid-configuration"
	oauthDocument  = "/.well-known/oauth-authorization-server"
	keySet         = "/.well-known/jwks.json"
	authorizing    = "/oauth/authorize"
	exchanging     = "/oauth/token"
	informing      = "/oidc/userinfo"
	introspecting  = "/oauth/introspect"
	revoking       = "/oauth/revoke"
	registering    = "/oauth/register"
	endingSession  = "/oidc/logout"
)

// mutant breaks one thing of a provider, and names the checks that have to notice.
type mutant struct {
	name     string
	request  func(*http.Request)                           // on its way to the server
	response func(t *testing.T, response *http.Response)   // on its way back
	answer   func(http.ResponseWriter, *http.Request) bool // instead of the server
	fails    []string
	warns    []string
}

// mutated is a server behind a proxy that lets a mutant do its work.
type mutated struct {
	target  conformance.Target
	current atomic.Pointer[mutant]
	signing *rsa.PrivateKey // of the mutants that sign
}

func newMutated(t *testing.T) *mutated {
	t.Helper()
	engine := dbtest.Engines(t)[0]
	if engine != db.SQLite {
		t.Skip("one engine is enough to see what the kit notices")
	}
	signing, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	made := &mutated{signing: signing}
	var listening net.ListenConfig
	listener, err := listening.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	receiver := newReceiver(t)
	issuer := "http://" + listener.Addr().String()
	s := testx.NewServer(t, engine, testx.WithConfig(settings(receiver)), testx.WithConfig(func(c *config.Config) { c.Issuer = issuer }))
	behind, err := url.Parse(s.Issuer)
	if err != nil {
		t.Fatal(err)
	}
	made.target = target(t, s)
	made.target.Issuer, made.target.Receiver = issuer, receiver
	made.target.RotateKeys = func(ctx context.Context) error {
		_, err := s.Keys().Rotate(ctx, keys.RotateOptions{Force: true})
		return err
	}
	server := &http.Server{Handler: made.proxy(t, behind), ReadHeaderTimeout: 10e9}
	go func() { _ = server.Serve(listener) }() // ends with the test
	t.Cleanup(func() { _ = server.Close() })
	return made
}

func (m *mutated) proxy(t *testing.T, behind *url.URL) http.Handler {
	forward := &httputil.ReverseProxy{
		Rewrite: func(pr *httputil.ProxyRequest) {
			pr.SetURL(behind)
			pr.Out.Host = pr.In.Host
			for _, name := range []string{"Forwarded", "X-Forwarded-Host", "X-Forwarded-Proto"} {
				pr.Out.Header[name] = pr.In.Header[name]
			}
			if active := m.current.Load(); active != nil && active.request != nil {
				active.request(pr.Out)
			}
		},
		ModifyResponse: func(response *http.Response) error {
			if active := m.current.Load(); active != nil && active.response != nil {
				active.response(t, response)
			}
			return nil
		},
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if active := m.current.Load(); active != nil && active.answer != nil && active.answer(w, r) {
			return
		}
		forward.ServeHTTP(w, r)
	})
}

// outcomeOf makes one check while a mutant is at work.
func (m *mutated) outcomeOf(t *testing.T, active *mutant, id string) conformance.Result {
	t.Helper()
	m.current.Store(active)
	defer m.current.Store(nil)
	report, err := conformance.Run(t.Context(), m.target, id)
	if err != nil {
		t.Fatalf("%s: %v", id, err)
	}
	for _, result := range report.Results {
		if result.ID == id {
			return result
		}
	}
	t.Fatalf("there is no check %s", id)
	return conformance.Result{}
}

// replaceBody gives a response another body.
func replaceBody(response *http.Response, body []byte) {
	_ = response.Body.Close()
	response.Body, response.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	response.Header.Set("Content-Length", strconv.Itoa(len(body)))
}

func bodyOf(t *testing.T, response *http.Response) []byte {
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Errorf("read a response: %v", err)
	}
	return body
}

// answering changes a JSON object that is answered at a path.
func answering(path string, change func(members map[string]any)) func(*testing.T, *http.Response) {
	return func(t *testing.T, response *http.Response) {
		if response.Request.URL.Path != path {
			return
		}
		var members map[string]any
		body := bodyOf(t, response)
		if json.Unmarshal(body, &members) == nil {
			change(members)
			body, _ = json.Marshal(members)
		}
		replaceBody(response, body)
	}
}

// set changes one member, or takes it away where the value is nil.
func set(path, name string, value any) func(*testing.T, *http.Response) {
	return answering(path, func(members map[string]any) {
		members[name] = value
		if value == nil {
			delete(members, name)
		}
	})
}

// eachKey changes all published keys.
func eachKey(change func(key map[string]any)) func(*testing.T, *http.Response) {
	return answering(keySet, func(members map[string]any) {
		for _, key := range members["keys"].([]any) {
			change(key.(map[string]any))
		}
	})
}

// headers changes the header of what is answered at a path.
func headers(path string, change func(http.Header)) func(*testing.T, *http.Response) {
	return func(_ *testing.T, response *http.Response) {
		if response.Request.URL.Path == path {
			change(response.Header)
		}
	}
}

func without(name string) func(http.Header) { return func(header http.Header) { header.Del(name) } }

func having(name, value string) func(http.Header) {
	return func(header http.Header) { header.Set(name, value) }
}

// redirecting changes the parameters with which browsers are sent to clients.
func redirecting(change func(parameters url.Values)) func(*testing.T, *http.Response) {
	return func(_ *testing.T, response *http.Response) {
		location, err := url.Parse(response.Header.Get("Location"))
		if err != nil || !strings.HasSuffix(location.Host, ".example") {
			return
		}
		parameters := location.Query()
		change(parameters)
		location.RawQuery = parameters.Encode()
		response.Header.Set("Location", location.String())
	}
}

// asking changes the parameters of authorization requests.
func asking(change func(parameters url.Values)) func(*http.Request) {
	return func(r *http.Request) {
		if r.URL.Path == authorizing && r.Method == http.MethodGet && r.URL.Query().Has("client_id") {
			parameters := r.URL.Query()
			change(parameters)
			r.URL.RawQuery = parameters.Encode()
		}
	}
}

// ignoring is a server that doesn't look at a parameter.
func ignoring(name string) func(*http.Request) {
	return asking(func(parameters url.Values) { parameters.Del(name) })
}

// always answers a failure at a path with something else.
func always(path string, status int, body string) func(*testing.T, *http.Response) {
	return func(_ *testing.T, response *http.Response) {
		if response.Request.URL.Path == path && response.StatusCode >= 400 {
			response.StatusCode, response.Status = status, ""
			response.Header.Set("Content-Type", "application/json")
			replaceBody(response, []byte(body))
		}
	}
}

// claims changes what ID tokens say, which are then signed with a key of the mutant.
func (m *mutated) claims(change func(claims map[string]any)) func(*testing.T, *http.Response) {
	return m.signed("mutant", change)
}

func (m *mutated) signed(kid string, change func(claims map[string]any)) func(*testing.T, *http.Response) {
	publish := answering(keySet, func(members map[string]any) {
		public := gojose.JSONWebKey{Key: m.signing.Public(), KeyID: "mutant", Algorithm: "RS256", Use: "sig"}
		members["keys"] = append(members["keys"].([]any), public)
	})
	return func(t *testing.T, response *http.Response) {
		publish(t, response)
		answering(exchanging, func(members map[string]any) {
			token, ok := members["id_token"].(string)
			if !ok {
				return
			}
			var claims map[string]any
			payload, _ := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
			if err := json.Unmarshal(payload, &claims); err != nil {
				t.Errorf("read an ID token: %v", err)
			}
			change(claims)
			members["id_token"] = m.sign(t, kid, claims)
		})(t, response)
	}
}

func (m *mutated) sign(t *testing.T, kid string, claims map[string]any) string {
	var key any = m.signing
	if kid != "" {
		key = gojose.JSONWebKey{Key: m.signing, KeyID: kid}
	}
	signer, err := gojose.NewSigner(gojose.SigningKey{Algorithm: gojose.RS256, Key: key}, nil)
	if err != nil {
		t.Error(err)
		return ""
	}
	payload, _ := json.Marshal(claims)
	signed, err := signer.Sign(payload)
	if err != nil {
		t.Error(err)
		return ""
	}
	token, _ := signed.CompactSerialize()
	return token
}
