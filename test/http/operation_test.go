package http_test

import (
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
	"authly/internal/protocol/jose"
	"authly/internal/testx"
)

// published returns the identifiers in the JWK Set.
func (w *World) published() map[string]bool {
	w.T.Helper()
	all := map[string]bool{}
	keys, _ := w.Get("/.well-known/jwks.json").JSON["keys"].([]any)
	for _, each := range keys {
		if members, ok := each.(map[string]any); ok {
			keyID, _ := members["kid"].(string)
			all[keyID] = true
		}
	}
	if len(all) == 0 {
		w.T.Fatal("no key is published")
	}
	return all
}

// A client that keeps a copy of the JWK Set for as long as it is told verifies everything: each key
// is published for that long before it signs, and stays until the last token that it signed has
// expired. Tokens of a key that was withdrawn count no more.
func TestKeysThatClientsRemember(t *testing.T) {
	t.Parallel()
	play(t, []Scenario{{Name: "four months of rotations", Rule: "operation: keys that clients remember", Want: Want{Status: http.StatusOK}, Do: func(w *World) testx.Answer {
		type token struct {
			text    string
			expires time.Time
		}
		var alive []token
		signers := map[string]bool{}
		remembered := w.published()
		for range 120 {
			must(w.T, w.Keys().Tick(w.T.Context()))
			issued := w.Token(w.App, machine())
			header, claims := jwt(w.T, issued.Text("access_token"))
			keyID, _ := header["kid"].(string)
			expires, _ := claims["exp"].(float64)
			if signers[keyID] = true; !remembered[keyID] {
				w.T.Fatalf("a token is signed with %s, which was not in the set a day before", keyID)
			}
			now := w.published()
			alive = slices.DeleteFunc(append(alive, token{issued.Text("access_token"), time.Unix(int64(expires), 0)}), func(t token) bool { return w.Clock.Now().After(t.expires) })
			for _, each := range alive {
				if header, _ := jwt(w.T, each.text); !now[header["kid"].(string)] {
					w.T.Fatalf("the key of a token that counts is not published any more")
				}
			}
			remembered = now
			w.Clock.Advance(24 * time.Hour)
		}
		if len(signers) < 2 {
			w.T.Errorf("only %d keys have signed", len(signers))
		}
		return w.Get("/.well-known/jwks.json")
	}}, {Name: "a key that was withdrawn", Rule: "operation: keys that were withdrawn", Want: Want{Status: http.StatusUnauthorized}, Do: func(w *World) testx.Answer {
		must(w.T, w.Keys().Tick(w.T.Context()))
		before := w.published()
		tokens := w.Tokens(w.App, w.Ada)
		for _, keyID := range slices.Collect(maps.Keys(before)) {
			if _, err := w.Keys().Withdraw(w.T.Context(), keyID, operator()); err != nil {
				w.T.Logf("%s: %v", keyID, err) // one that has never signed stays
			}
		}
		header, _ := jwt(w.T, tokens.Text("access_token"))
		if w.published()[header["kid"].(string)] {
			w.T.Error("the key is published")
		}
		hint := url.Values{"id_token_hint": {tokens.Text("id_token")}, "prompt": {"none"}}
		if answer := w.Authorize(w.SignedIn(), hint); answer.Query().Get("code") != "" {
			w.T.Errorf("its ID token is a hint: %s", answer.Header.Get("Location"))
		}
		if answer := w.Introspect(w.App, tokens.Text("access_token")); answer.JSON["active"] != false {
			w.T.Errorf("its access token is active: %s", answer.Body)
		}
		return w.Get("/oidc/userinfo", testx.Bearer(tokens.Text("access_token")))
	}}})
}

// privately matches members of a JWK that only its owner has, and keys of files.
var privately = regexp.MustCompile(`"(d|p|q|dp|dq|qi|k)"\s*:\s*"|PRIVATE KEY|argon2id`)

// No route answers with a private key, a hash of a password, or one of the server's own secrets,
// whoever asks: here it is an administrator who may do everything.
func TestNoRouteAnswersWithSecrets(t *testing.T) {
	t.Parallel()
	for _, engine := range dbtest.Engines(t) {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			ledger.Holds(t, "operation: no route answers with secrets")
			k := newAsker(t, engine)
			stored := k.stored()
			tried := 0
			for _, route := range k.Routes() {
				if route.Method != http.MethodGet {
					continue
				}
				path := regexp.MustCompile(`\{[^}]*\}`).ReplaceAllStringFunc(route.Path, func(name string) string {
					name = strings.Trim(name, "{}$.")
					if len(k.ids[name]) == 0 {
						return "authly.css"
					}
					return k.idFor(describedOperation{path: route.Path}, name)
				})
				answer := k.Get(path, testx.Bearer(k.token))
				if tried++; privately.MatchString(answer.Body) {
					t.Errorf("%s: %s", path, answer.Body)
				}
				for name, text := range stored {
					if strings.Contains(answer.Body, text) {
						t.Errorf("%s answers with %s", path, name)
					}
				}
			}
			if tried < 30 || len(stored) < 5 {
				t.Errorf("%d routes, %d secrets", tried, len(stored))
			}
		})
	}
}

// stored returns what is stored of passwords, keys and the server's own secrets.
func (k *asker) stored() map[string]string {
	k.t.Helper()
	all := map[string]string{"the sealing key": k.Settings.SealingKey.Reveal()}
	if all["the sealing key"] == "" {
		delete(all, "the sealing key") // it is in a file
	}
	hashed := "hex(%s)"
	if k.Database().Engine() == db.PostgreSQL {
		hashed = "encode(%s, 'hex')"
	}
	for name, query := range map[string]string{
		"the hash of a password": `SELECT password_hash FROM users WHERE password_hash IS NOT NULL`,
		"a signing key":          `SELECT ` + strings.Replace(hashed, "%s", "private_key", 1) + ` FROM signing_keys`,
		"the hash of a secret":   `SELECT ` + strings.Replace(hashed, "%s", "secret_hash", 1) + ` FROM client_secrets`,
	} {
		for i, text := range texts(k.t, k.Database(), query) {
			all[name+" "+string(rune('a'+i))] = text
		}
	}
	return all
}

// sealingKey returns the key in the file that the server has made.
func (w *World) sealingKey() string {
	w.T.Helper()
	text, err := os.ReadFile(filepath.Join(w.Settings.DataDirectory, "sealing.key"))
	must(w.T, err)
	w.Secret(string(text))
	return string(text)
}

// Two servers that were just begun have no secret in common, and no account that anybody knows.
func TestNothingIsSetByDefault(t *testing.T) {
	t.Parallel()
	ledger.Holds(t, "operation: no secrets by default")
	first, second := newWorld(t, db.SQLite), newWorld(t, db.SQLite)
	first.T, second.T = t, t
	if first.sealingKey() == second.sealingKey() {
		t.Error("both have the same sealing key")
	}
	one, err := first.Notice(t.Context())
	must(t, err)
	other, err := second.Notice(t.Context())
	must(t, err)
	if secretOf(first, one.SetupURL.Reveal()) == secretOf(second, other.SetupURL.Reveal()) {
		t.Error("both have the same link to set them up")
	}
	fresh := testx.NewServer(t, db.SQLite, testx.WithFakeClock(start))
	if count := len(texts(t, fresh.Database(), `SELECT username FROM users`)); count != 0 {
		t.Errorf("%d accounts", count)
	}
	if count := len(texts(t, fresh.Database(), `SELECT id FROM client_secrets`)); count != 0 {
		t.Errorf("%d secrets of clients", count)
	}
	for _, grant := range []url.Values{machine(set("client_id", "authly-cli")), machine(set("client_id", "authly-console"))} {
		if answer := fresh.Post("/oauth/token", grant); answer.Status == http.StatusOK {
			t.Errorf("a client of the server's own gets a token for nothing: %s", answer.Body)
		}
	}
}

// A token that another server signed is worth nothing here, whatever is in it: not even one whose
// issuer and audience are this server's.
func TestTokensOfAnotherServer(t *testing.T) {
	t.Parallel()
	play(t, []Scenario{{Name: "signed by another server", Rule: "operation: tokens of another server", Want: Want{Status: http.StatusUnauthorized}, Do: func(w *World) testx.Answer {
		tokens := w.Tokens(w.App, w.Ada)
		header, claims := jwt(w.T, tokens.Text("access_token"))
		key := newSigningKey(w.T, jose.ES256)
		key.KeyID, _ = header["kid"].(string)
		forged, err := jose.Sign(key, jose.TypeAccessToken, claims)
		must(w.T, err)
		if good := w.Get("/oidc/userinfo", testx.Bearer(tokens.Text("access_token"))); good.Status != http.StatusOK {
			w.T.Errorf("the control: %d %s", good.Status, good.Body)
		}
		if answer := w.Introspect(w.App, forged); answer.JSON["active"] != false {
			w.T.Errorf("it is active: %s", answer.Body)
		}
		return w.Get("/oidc/userinfo", testx.Bearer(forged))
	}}})
}
