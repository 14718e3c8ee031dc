package http_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"authly/internal/audit"
	"authly/internal/platform/secret"
	"authly/internal/testx"
	"authly/internal/user"
)

func TestSystemStatus(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(a *administration, token testx.RequestOption) {
		must(a.t, a.Keys().Tick(a.t.Context()))
		a.Clock.Advance(90 * time.Second)
		answer := a.wants(a.send(token, http.MethodGet, "/system/status", ""), http.StatusOK,
			`"issuer":"`+a.Issuer+`"`, `"uptime":90`, `"started_at":"2026-11-25T12:00:00Z"`, `"engine":"`+string(a.Database().Engine())+`"`, `"reachable":true`,
			`"pending_migrations":0`, `"active":4`, `"next":4`, `"retired":0`, `"rotates_at":`, `"registration":"off"`, `"grant_types":["authorization_code"`,
			`"development":false`, `"version":{"version":`, `"name":"seal-the-audit-log","interval":60`)
		for _, hidden := range []string{a.Settings.DataDirectory, "postgres://", a.Settings.SealingKey.Reveal()} {
			if hidden != "" && strings.Contains(answer.Body, hidden) {
				a.t.Errorf("the status shows %q: %s", hidden, answer.Body)
			}
		}
	})
}

// What is counted is there, and who asks gets the last count at once.
func TestSystemStatistics(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(a *administration, token testx.RequestOption) {
		read := func() (counted struct {
			CountedAt time.Time `json:"counted_at"`
			Users     struct{ Total int }
			Clients   struct{ Total, Disabled int }
		},
		) {
			must(a.t, json.Unmarshal([]byte(a.wants(a.send(token, http.MethodGet, "/system/statistics", ""), http.StatusOK).Body), &counted))
			return counted
		}
		old := a.Person("old")
		a.Clock.Advance(8 * 24 * time.Hour)
		recent := a.Person("recent")
		a.Clock.Advance(3 * 24 * time.Hour)
		a.administrator("boss") // has no e-mail address
		must(a.t, a.Users.Disable(a.t.Context(), old.ID))
		app := a.Confidential("https://app.example/callback", nil)
		must(a.t, a.Clients.Disable(a.t.Context(), a.Confidential("https://app.example/callback", nil).ID))
		a.Tokens(app, recent) // signs in
		browser := a.Browser()
		browser.Submit(browser.Open(a.AuthorizeURL(a.Request(app))), url.Values{"username": {"boss"}, "password": {"not-the-one-of-the-boss"}})
		_, err := a.Users.Create(a.t.Context(), user.New{Username: "new", Password: secret.FromString("correct horse battery")})
		must(a.t, err)

		token = testx.Bearer(a.own(a.robot(), adminScopes().String(), a.Issuer+adminPath))
		counted := a.wants(a.send(token, http.MethodGet, "/system/statistics", ""), http.StatusOK,
			`"users":{"total":4,"active":3,"disabled":1,"administrators":1,"unverified":2,"require_password_change":0,"new_24h":2,"new_7d":3}`,
			`"sessions":{"active":1}`, `"sign_ins":{"successes_24h":1,"failures_24h":1}`, `"counted_at":"2026-12-06T12:00:00Z"`)
		if after := read(); after.Clients.Total != 6 || after.Clients.Disabled != 2 || // two are the server's own, and of them the console's is disabled
			!after.CountedAt.Equal(a.Clock.Now()) {
			a.t.Errorf("counted %+v", after)
		}
		if tokens := counted.JSON["tokens"].(map[string]any)["unexpired_access_tokens"]; tokens != float64(2) {
			a.t.Errorf("%v access tokens", tokens)
		}

		// Lately counted is good enough; who looks later has it renewed behind their back.
		a.Person("another")
		a.Clock.Advance(9 * time.Second)
		if read().Users.Total != 4 {
			a.t.Error("counted anew too early")
		}
		a.Clock.Advance(time.Second)
		seen := 0
		for range 1000 {
			if seen = read().Users.Total; seen == 5 {
				break
			}
		}
		if seen != 5 {
			a.t.Errorf("%d users, and nobody counts anew", seen)
		}
	})
}

func TestJobsAreRun(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(a *administration, token testx.RequestOption) {
		const path = "/system/jobs/seal-the-audit-log"
		must(a.t, a.Audit.Record(a.t.Context(), audit.Event{Action: audit.InvitationUse}))
		a.wants(a.send(token, http.MethodPost, path+"/run", ""), http.StatusAccepted, `"name":"seal-the-audit-log"`)
		sealed := false
		for range 1000 {
			answer := a.wants(a.send(token, http.MethodGet, "/audit-events?action=invitation.use", ""), http.StatusOK)
			if sealed = strings.Contains(answer.Body, `"batch":`); sealed {
				break
			}
		}
		if !sealed {
			a.t.Error("nothing was sealed")
		}
		a.wants(a.send(token, http.MethodGet, path, ""), http.StatusOK, `"failed":false`, `"started_at":"2026-11-25T12:00:00Z"`)
		a.wants(a.send(token, http.MethodGet, "/audit-events?action=job.run", ""), http.StatusOK, `"target_id":"seal-the-audit-log"`, `"actor_kind":"client"`)
		for _, wrong := range []struct {
			method, path string
			status       int
		}{
			{http.MethodGet, "/system/jobs/nothing", 404},
			{http.MethodPost, "/system/jobs/nothing/run", 404},
			{http.MethodPost, "/system/jobs/" + strings.Repeat("x", 65) + "/run", 422},
			{http.MethodGet, path + "/run", 405},
			{http.MethodGet, "/system/status?all=true", 422},
		} {
			a.wants(a.send(token, wrong.method, wrong.path, ""), wrong.status)
		}
		page, err := a.Audit.List(a.t.Context(), audit.Query{Action: audit.JobRun})
		if err != nil || len(page.Events) != 1 {
			a.t.Errorf("%d events, %v", len(page.Events), err)
		}
	})
}
