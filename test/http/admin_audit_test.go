package http_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"authly/internal/audit"
	"authly/internal/config"
	"authly/internal/platform/db/dbtest"
	"authly/internal/testx"
)

type shownEvent struct {
	ID        string `json:"id"`
	Action    string `json:"action"`
	TargetID  string `json:"target_id"`
	ActorName string `json:"actor_name"`
	Address   string `json:"address"`
	RequestID string `json:"request_id"`
}

func (a *administration) eventsIn(body string) (events []shownEvent, next string) {
	a.t.Helper()
	var page struct {
		Events []shownEvent `json:"audit_events"`
		Next   string       `json:"next_cursor"`
	}
	must(a.t, json.Unmarshal([]byte(body), &page))
	return page.Events, page.Next
}

// lines reads the events of an export.
func (a *administration) lines(body string) (events []shownEvent) {
	a.t.Helper()
	scanner := bufio.NewScanner(strings.NewReader(body))
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		if strings.HasPrefix(scanner.Text(), `{"export":`) {
			continue
		}
		var event shownEvent
		must(a.t, json.Unmarshal(scanner.Bytes(), &event))
		events = append(events, event)
	}
	must(a.t, scanner.Err())
	return events
}

// happen records events that no test makes otherwise; letters are their targets, one a minute.
func (a *administration) happen(letters string) {
	a.t.Helper()
	for i, letter := range letters {
		event := audit.Event{
			Action: audit.Retention, Outcome: audit.Success, Actor: audit.Actor{Kind: audit.User, ID: "ada", Name: "Ada <b>"}, ClientID: "console",
			Target: audit.Target{Kind: "test", ID: string(letter)}, Details: audit.Details{Changes: []audit.Change{{Field: "name", Before: "a", After: nil}}},
		}
		if i%2 == 1 {
			event.Action, event.Outcome, event.Actor, event.ClientID = audit.Recover, audit.Failure, audit.Actor{Kind: audit.Operator}, ""
		}
		must(a.t, a.Audit.Record(a.t.Context(), event))
		a.Clock.Advance(time.Minute)
	}
}

func TestAuditLogIsReadOverHTTP(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(a *administration, _ testx.RequestOption) {
		began := a.Clock.Now()
		at := func(minutes int) string {
			return url.QueryEscape(began.Add(time.Duration(minutes) * time.Minute).Format(time.RFC3339))
		}
		a.happen("abcdefg")
		token := testx.Bearer(a.own(a.robot(), "admin:audit:read", a.Issuer+adminPath))
		for filter, want := range map[string]string{
			"target_kind=test":                                    "gfedcba",
			"target_kind=test&limit=2":                            "gf.ed.cb.a",
			"action=server.recover":                               "fdb",
			"action=server.recover&limit=1":                       "f.d.b",
			"actor_id=ada":                                        "geca",
			"actor_id=ada&target_id=c&outcome=success":            "c",
			"client_id=console&target_kind=test":                  "geca",
			"target_id=d":                                         "d",
			"target_kind=test&outcome=failure":                    "fdb",
			"target_kind=test&since=" + at(5):                     "gf",
			"target_kind=test&until=" + at(2):                     "ba",
			"actor_id=ada&since=" + at(1) + "&until=" + at(6):     "ec",
			"target_id=d%27%20OR%20%271%27%3D%271":                "",
			"target_kind=test&since=" + at(60):                    "",
			"target_kind=test&since=" + at(3) + "&until=" + at(1): "",
		} {
			var pages []string
			for cursor := ""; ; {
				answer := a.wants(a.send(token, http.MethodGet, "/audit-events?"+filter+"&cursor="+cursor, ""), http.StatusOK)
				events, next := a.eventsIn(answer.Body)
				page := ""
				for _, event := range events {
					page += event.TargetID
				}
				pages = append(pages, page)
				if cursor = next; cursor == "" {
					break
				}
			}
			if got := strings.Join(pages, "."); got != want {
				a.t.Errorf("%s: %q, want %q", filter, got, want)
			}
			if strings.Contains(filter, "limit") {
				continue
			}
			got := ""
			for _, event := range a.lines(a.wants(a.send(token, http.MethodGet, "/audit-events/export?"+filter, ""), http.StatusOK).Body) {
				got += event.TargetID
			}
			if got != want {
				a.t.Errorf("the export with %s: %q, want %q", filter, got, want)
			}
		}
		events, _ := a.eventsIn(a.send(token, http.MethodGet, "/audit-events?target_id=g", "").Body)
		a.wants(a.send(token, http.MethodGet, "/audit-events/"+events[0].ID, ""), http.StatusOK,
			`"id":"`+events[0].ID+`"`, `"occurred_at":"2026-11-25T12:06:00Z"`, `"actor_kind":"user"`, `"changes":[{"field":"name","before":"a","after":null}]`)
	})
}

// What was issued is listed with the address and the identifier of each request, which the answer had as well.
func TestIssuedTokensAreListedWithTheirOrigins(t *testing.T) {
	t.Parallel()
	for _, engine := range dbtest.Engines(t) {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			a := administer(t, engine, testx.WithConfig(func(c *config.Config) {
				c.Audit.Tokens = true
				c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
				c.Admin.Networks = append(c.Admin.Networks, netip.MustParsePrefix("192.0.2.0/24"))
			}))
			app, want := a.Confidential("https://app.example/cb", nil), map[string]string{}
			sent := func(form url.Values, address string) testx.Answer {
				answer := a.wants(a.Post("/oauth/token", form, testx.As(app), testx.Header("X-Forwarded-For", address)), http.StatusOK)
				want[answer.Header.Get("X-Request-Id")] = address
				return answer
			}
			request, browser := a.Request(app, set("scope", "openid offline_access")), a.Browser()
			code := browser.Through(browser.Open(a.AuthorizeURL(request)), a.Person("ada"))
			first := sent(url.Values{"grant_type": {"authorization_code"}, "code": {code.Query().Get("code")}, "redirect_uri": {request.Get("redirect_uri")}, "code_verifier": {request.Verifier}}, "203.0.113.7")
			sent(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {first.Text("refresh_token")}}, "2001:db8::5")
			sent(machine(), "198.51.100.9")
			a.Clock.Advance(time.Minute)
			must(t, a.Audit.Collect(t.Context()))

			robot := a.robot()
			answer := a.wants(a.Post("/oauth/token", url.Values{"grant_type": {"client_credentials"}, "scope": {"admin:audit:read"}, "resource": {a.Issuer + adminPath}}, testx.As(robot)), http.StatusOK)
			events, _ := a.eventsIn(a.wants(a.send(testx.Bearer(answer.Text("access_token")), http.MethodGet, "/audit-events?target_kind=access_token", "", testx.Header("X-Forwarded-For", "192.0.2.1")), http.StatusOK).Body)
			got := map[string]string{}
			for _, event := range events {
				got[event.RequestID] = event.Address
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// An export has all of it, and is not held up to the time of other answers.
func TestAuditLogIsExported(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(a *administration, token testx.RequestOption) {
		for i := range 450 {
			must(a.t, a.Audit.Record(a.t.Context(), audit.Event{
				Action: audit.InvitationUse, Target: audit.Target{Kind: "test", ID: fmt.Sprint(i)}, Details: audit.Details{Note: strings.Repeat("n", 500)},
			}))
		}
		answer := a.wants(a.send(token, http.MethodGet, "/audit-events/export?action=invitation.use", ""), http.StatusOK)
		if kind := answer.Header.Get("Content-Type"); kind != "application/x-ndjson" || answer.Header.Get("Cache-Control") != "no-store" {
			a.t.Errorf("it is %s with %v", kind, answer.Header)
		}
		all := a.lines(answer.Body)
		if len(all) != 450 {
			a.t.Fatalf("%d events", len(all))
		}
		for i, event := range all {
			if want := fmt.Sprint(449 - i); event.TargetID != want {
				a.t.Fatalf("event %d is %s, want %s", i, event.TargetID, want)
			}
		}
		if found, err := a.Audit.VerifyExport(strings.NewReader(answer.Body)); err != nil || found.Problem != "" || found.Events != 450 || found.Filters.Action != audit.InvitationUse {
			a.t.Errorf("the export: %+v %v", found, err)
		}
	})
}

func TestWrongInputForTheAuditLog(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(a *administration, token testx.RequestOption) {
		const events = "/audit-events"
		for _, wrong := range []struct {
			method, path string
			status       int
			part         string
		}{
			{http.MethodGet, events + "?cursor=nonsense", 422, "admin.cursor_invalid"},
			{http.MethodGet, events + "?limit=201", 422, "query.limit"},
			{http.MethodGet, events + "?outcome=perhaps", 422, "query.outcome"},
			{http.MethodGet, events + "?since=yesterday", 422, "query.since"},
			{http.MethodGet, events + "?actor=ada", 422, "actor"},
			{http.MethodGet, events + "?action=" + strings.Repeat("x", 65), 422, "query.action"},
			{http.MethodGet, events + "/export?outcome=perhaps", 422, "query.outcome"},
			{http.MethodGet, events + "/export?limit=5", 422, "limit"},
			{http.MethodGet, events + "/nonsense", 422, "path.event_id"},
			{http.MethodGet, events + "/0190d8b2-0000-7000-8000-000000000000", 404, ""},
			{http.MethodPost, events, 405, ""},
			{http.MethodDelete, events + "/0190d8b2-0000-7000-8000-000000000000", 405, ""},
		} {
			a.wants(a.send(token, wrong.method, wrong.path, ""), wrong.status, wrong.part)
		}
	})
}
