package http_test

import (
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"authly/internal/app"
	"authly/internal/audit"
	"authly/internal/client"
	"authly/internal/config"
	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
	"authly/internal/platform/secret"
	"authly/internal/registration"
	"authly/internal/testx"
	"authly/internal/user"
)

// beforeBackup is what there was when a backup was made.
type beforeBackup struct {
	ada                testx.Person
	shop               testx.Client
	browser            *testx.Browser // signed in, and the client allowed
	refresh, own       string
	access             string
	request            testx.Request // with a code that isn't redeemed yet
	code               testx.Answer
	invitation, change secret.Redacted
	initial            secret.Redacted
	record, ownToken   string // the path of a client's record (RFC 7592), and its registration access token
	recovery           string
}

// onDatabase makes servers use a database and a sealing key.
func onDatabase(options db.Options, key secret.Redacted) testx.Option {
	return testx.WithConfig(func(c *config.Config) {
		c.SealingKey = key
		if c.Database.URL = options.URL; options.SQLitePath != "" {
			c.DataDirectory = filepath.Dir(options.SQLitePath)
		}
		c.Registration.Mode = "initial_access_token"
	})
}

func issueBeforeBackup(t *testing.T, s *testx.Server) beforeBackup {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	b := beforeBackup{ada: s.Person("ada"), browser: s.Browser()}
	b.shop = s.Confidential("https://shop.example/callback", func(m *client.Metadata) {
		// For a resource: the issuer of each server is another one here, and a token for an issuer counts there only.
		m.AccessTokenFormat, m.Resources = client.FormatOpaque, []string{resource}
	})
	first := s.Request(b.shop, url.Values{"resource": {resource}})
	tokens := s.Redeem(b.shop, first, b.browser.Through(b.browser.Open(s.AuthorizeURL(first)), b.ada))
	b.refresh, b.access = tokens.Text("refresh_token"), tokens.Text("access_token")
	b.own = s.Token(b.shop, url.Values{"grant_type": {"client_credentials"}, "resource": {resource}}).Text("access_token")
	b.request = s.Request(b.shop)
	b.code = b.browser.Open(s.AuthorizeURL(b.request))
	for name, text := range map[string]string{"refresh": b.refresh, "access": b.access, "own": b.own, "code": b.code.Query().Get("code")} {
		if text == "" {
			t.Fatalf("there is no %s before the backup", name)
		}
	}
	ben := s.Person("ben")
	var err error
	b.invitation, err = s.Users.Invite(t.Context(), ben.ID, time.Hour)
	must(err)
	verified, err := s.Users.VerifyPassword(t.Context(), "ada", secret.FromString(b.ada.Password))
	must(err)
	b.change, err = s.Users.IssueTicket(t.Context(), verified, time.Hour)
	must(err)
	initial, err := s.InitialTokens.Create(t.Context(), registration.NewInitialToken{Name: "x", Uses: registration.Unlimited}, operator())
	must(err)
	b.initial = initial.Token
	registered := s.Call(http.MethodPost, s.Issuer+"/oauth/register", nil, testx.Bearer(b.initial.Reveal()),
		testx.JSON(`{"redirect_uris":["https://own.example/callback"]}`))
	b.record, b.ownToken = strings.TrimPrefix(registered.Text("registration_client_uri"), s.Issuer), registered.Text("registration_access_token")
	made, err := app.Recover(t.Context(), s.Settings, slog.New(slog.DiscardHandler), "")
	must(err)
	link, err := url.Parse(made.URL.Reveal())
	must(err)
	b.recovery = link.RequestURI()
	return b
}

// counting returns what of it counts at a server.
func (b beforeBackup) counting(t *testing.T, s *testx.Server) map[string]bool {
	t.Helper()
	active := func(token string) bool { return s.Introspect(b.shop, token).JSON["active"] == true }
	ticket := func(purpose user.Purpose, ticket secret.Redacted) bool {
		_, err := s.Users.FindTicket(t.Context(), purpose, ticket)
		return err == nil
	}
	found := map[string]bool{
		"access token": active(b.access), "client's own token": active(b.own),
		"refresh token": s.Token(b.shop, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {b.refresh}}).Status == http.StatusOK,
		"code":          s.Redeem(b.shop, b.request, b.code).Status == http.StatusOK,
		"session":       b.browser.At(s).Open(s.AuthorizeURL(s.Request(b.shop, url.Values{"prompt": {"none"}}))).Query().Get("code") != "",
		"invitation":    ticket(user.ForInvitation, b.invitation), "change of a password": ticket(user.ForChange, b.change),
		"initial access token": s.Call(http.MethodPost, s.Issuer+"/oauth/register", nil, testx.Bearer(b.initial.Reveal()),
			testx.JSON(`{"redirect_uris":["https://new.example/callback"]}`)).Status == http.StatusCreated,
		"registration access token": s.Call(http.MethodGet, s.Issuer+b.record, nil, testx.Bearer(b.ownToken)).Status == http.StatusOK,
		"recovery link":             s.Browser().Open(s.Issuer+b.recovery).Form().ID != "",
	}
	return found
}

// What counted when a backup was made counts in its copy, and after `recover backup` none of it does. Sign-ins work.
func TestRestoredBackup(t *testing.T) {
	t.Parallel()
	for _, engine := range dbtest.Engines(t) {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			ledger.Holds(t, "operation: a restored backup revives nothing")
			key, original := secret.NewSealingKey(), dbtest.Options(t, engine)
			var before beforeBackup
			t.Run("before the backup", func(t *testing.T) { //nolint:paralleltest // the server has to have stopped when the copy is made
				before = issueBeforeBackup(t, testx.NewServer(t, engine, onDatabase(original, key)))
			})
			if before.recovery == "" {
				t.FailNow()
			}
			untouched, recovered := dbtest.Copy(t, original), dbtest.Copy(t, original)
			t.Run("without the command", func(t *testing.T) { //nolint:paralleltest // on the way to the next
				for what, counts := range before.counting(t, testx.NewServer(t, engine, onDatabase(untouched, key))) {
					if !counts {
						t.Errorf("the %s doesn't count, so that the test would prove nothing of it", what)
					}
				}
			})
			settings := config.Default()
			settings.Database.AllowPlaintext = true
			settings.Issuer, settings.DataDirectory = "https://id.example", t.TempDir()
			settings.SealingKey, settings.Database.URL = key, recovered.URL
			if engine == db.SQLite {
				settings.DataDirectory = filepath.Dir(recovered.SQLitePath)
			}
			recoverBackup := func(recovery app.BackupRecovery) map[string]int64 {
				t.Helper()
				all, err := app.RecoverBackup(t.Context(), settings, slog.New(slog.DiscardHandler), recovery)
				if err != nil {
					t.Fatal(err)
				}
				counts := map[string]int64{}
				for _, kind := range all {
					counts[kind.Name] = kind.Count
				}
				return counts
			}
			const registrationTokens = "registration_access_tokens"
			ended := recoverBackup(app.BackupRecovery{})
			for _, kind := range []string{
				"sessions", "authorization_codes", "token_families", "access_tokens_of_clients", "consents", "pending_sign_ins", "invitations",
				"pending_password_changes", "setup_and_recovery_links", "initial_access_tokens",
			} {
				if ended[kind] == 0 {
					t.Errorf("no %s were ended", kind)
				}
			}
			if _, found := ended[registrationTokens]; found {
				t.Error("registration access tokens were ended unasked")
			}
			for kind, count := range recoverBackup(app.BackupRecovery{RegistrationTokens: true}) {
				if count != 0 != (kind == registrationTokens) {
					t.Errorf("the second time ended %d %s", count, kind)
				}
			}
			t.Run("after the command", func(t *testing.T) { //nolint:paralleltest // as above
				s := testx.NewServer(t, engine, onDatabase(recovered, key))
				for what, counts := range before.counting(t, s) {
					if counts {
						t.Errorf("the %s counts", what)
					}
				}
				if answer := s.Tokens(before.shop, before.ada); answer.Text("refresh_token") == "" {
					t.Errorf("a new sign-in gives %s", answer.Body)
				}
				read, err := s.Audit.List(t.Context(), audit.Query{Action: audit.Recover})
				if err != nil || len(read.Events) != 3 || read.Events[0].Details.Reason != "backup" {
					t.Errorf("the log has %+v, %v", read.Events, err)
				}
				_, err = app.RecoverBackup(t.Context(), settings, slog.New(slog.DiscardHandler), app.BackupRecovery{})
				if !errors.Is(err, db.ErrInUse) {
					t.Errorf("beside a running server: %v", err)
				}
			})
		})
	}
}
