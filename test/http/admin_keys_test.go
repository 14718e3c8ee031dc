package http_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"authly/internal/audit"
	"authly/internal/testx"
)

type listedKey struct {
	ID        string `json:"kid"`
	Algorithm string `json:"alg"`
	State     string `json:"state"`
}

func keysIn(t testing.TB, answer testx.Answer) []listedKey {
	t.Helper()
	var list struct {
		Keys []listedKey `json:"keys"`
	}
	if err := json.Unmarshal([]byte(answer.Body), &list); err != nil {
		t.Fatal(err)
	}
	return list.Keys
}

// keyOf returns the key of an algorithm in a state.
func (a *administration) keyOf(token testx.RequestOption, algorithm, state string) string {
	a.t.Helper()
	for _, key := range keysIn(a.t, a.wants(a.send(token, http.MethodGet, "/keys", ""), http.StatusOK)) {
		if key.Algorithm == algorithm && key.State == state {
			return key.ID
		}
	}
	a.t.Fatalf("no %s key is %s", algorithm, state)
	return ""
}

func TestSigningKeysAreAdministered(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(a *administration, token testx.RequestOption) {
		must(a.t, a.Keys().Tick(a.t.Context())) // makes all of them
		listed := a.wants(a.send(token, http.MethodGet, "/keys", ""), http.StatusOK, `"signs_from"`, `"rotates_at"`)
		if got := keysIn(a.t, listed); len(got) != 8 {
			a.t.Fatalf("%d keys", len(got))
		}
		published := func() string { return a.Get("/.well-known/jwks.json").Body }
		first, next := a.keyOf(token, "RS256", "active"), a.keyOf(token, "RS256", "next")
		read := a.wants(a.send(token, http.MethodGet, "/keys/"+first, ""), http.StatusOK, `"kid":"`+first+`"`, `"kty":"RSA"`)
		for _, private := range []string{`"d"`, `"p"`, `"q"`, `"dp"`, "private"} {
			if strings.Contains(read.Body, private) || strings.Contains(listed.Body, private) {
				a.t.Errorf("a key is shown with its %s: %s", private, read.Body)
			}
		}

		// Nobody knows the next key yet; who insists gets it.
		a.wants(a.send(token, http.MethodPost, "/keys/rotate", ""), http.StatusConflict, "keys.next_too_young")
		a.wants(a.send(token, http.MethodPost, "/keys/"+first+"/retire", ""), http.StatusConflict, "keys.next_too_young")
		rotated := keysIn(a.t, a.wants(a.send(token, http.MethodPost, "/keys/rotate", `{"algorithms":["RS256"],"force":true}`), http.StatusOK))
		if len(rotated) != 1 || rotated[0] != (listedKey{next, "RS256", "active"}) || !strings.Contains(published(), first) {
			a.t.Errorf("rotated %+v, published %s", rotated, published())
		}
		retired := keysIn(a.t, a.wants(a.send(token, http.MethodPost, "/keys/"+next+"/retire", `{"force":true}`), http.StatusOK, `"published_until"`))
		if len(retired) != 4 || retired[0].ID == next || retired[0].State != "active" {
			a.t.Errorf("retired: %+v", retired)
		}
		a.wants(a.send(token, http.MethodPost, "/keys/"+next+"/retire", ""), http.StatusOK)

		// The token of this very request was signed with the key that is withdrawn: it was the last.
		signer := a.keyOf(token, "ES256", "active")
		a.wants(a.send(token, http.MethodPost, "/keys/"+signer+"/withdraw", ""), http.StatusOK, `"state":"active"`)
		if strings.Contains(published(), signer) {
			a.t.Error("a withdrawn key is published")
		}
		a.wants(a.send(token, http.MethodGet, "/keys", ""), http.StatusUnauthorized)
		token = testx.Bearer(a.own(a.robot(), adminScopes().String(), a.Issuer+adminPath))
		a.wants(a.send(token, http.MethodGet, "/keys/"+signer, ""), http.StatusNotFound)

		page, err := a.Audit.List(a.t.Context(), audit.Query{TargetKind: "key", Outcome: audit.Success})
		must(a.t, err)
		count := map[string]int{}
		for _, event := range page.Events {
			count[string(event.Action)+" "+string(event.Actor.Kind)]++
			if event.Actor.Kind == audit.Client && (event.ClientID == "" || event.Origin.RequestID == "") {
				a.t.Errorf("the event %+v", event)
			}
		}
		if count["key.create server"] != 8 || count["key.create client"] != 3 || count["key.rotate client"] != 3 || count["key.retire client"] != 2 || count["key.delete client"] != 1 {
			a.t.Errorf("the log has %v", count)
		}
	})
}

func TestWrongInputForKeys(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(a *administration, token testx.RequestOption) {
		must(a.t, a.Keys().Tick(a.t.Context()))
		before := a.wants(a.send(token, http.MethodGet, "/keys", ""), http.StatusOK).Body
		next := a.keyOf(token, "EdDSA", "next")
		for _, wrong := range []struct {
			method, path, body string
			status             int
			part               string
		}{
			{http.MethodPost, "/keys/rotate", `{"algorithms":["HS256"]}`, 422, "body.algorithms"},
			{http.MethodPost, "/keys/rotate", `{"algorithms":"RS256"}`, 422, "body.algorithms"},
			{http.MethodPost, "/keys/rotate", `{"force":"yes"}`, 422, "body.force"},
			{http.MethodPost, "/keys/rotate", `{"forced":true}`, 422, "body.forced"},
			{http.MethodPost, "/keys/rotate", `{"force":`, 400, ""},
			{http.MethodPost, "/keys/" + next + "/retire", `{"force":true}`, 409, "keys.never_signed"},
			{http.MethodPost, "/keys/" + next + "/retire", `{"algorithms":["RS256"]}`, 422, "body.algorithms"},
			{http.MethodGet, "/keys/nothing", "", 404, ""},
			{http.MethodPost, "/keys/nothing/retire", "", 404, ""},
			{http.MethodPost, "/keys/nothing/withdraw", "", 404, ""},
			{http.MethodDelete, "/keys/" + next, "", 405, ""},
		} {
			a.wants(a.send(token, wrong.method, wrong.path, wrong.body), wrong.status, wrong.part)
		}
		if after := a.send(token, http.MethodGet, "/keys", "").Body; after != before {
			a.t.Errorf("something changed:\n%s", after)
		}
	})
}
