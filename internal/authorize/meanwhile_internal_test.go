package authorize

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"authly/internal/audit"
	"authly/internal/client"
	"authly/internal/consent"
	"authly/internal/interaction"
	"authly/internal/platform/clock"
	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
	"authly/internal/platform/id"
	"authly/internal/platform/secret"
	"authly/internal/protocol/oauth"
	"authly/internal/scope"
	"authly/internal/session"
	"authly/internal/subject"
	"authly/internal/token"
)

const (
	callback = "https://app.example/callback"
	api      = "https://api.example"
)

// setting is the service with everything real around it, a person who is signed in, and a client that they allowed
// something.
type setting struct {
	*testing.T
	database     *db.DB
	clients      *client.Service
	grants       *consent.Service
	interactions *interaction.Service
	service      *Service
	record       uuid.UUID
	who          signedIn
	request      interaction.Request
}

// marked asks the database who is an administrator.
type marked struct{ database *db.DB }

func (m marked) MayAdminister(ctx context.Context, _ client.Client, userID *uuid.UUID) (may bool, err error) {
	err = m.database.Read(ctx).QueryRow(ctx, `SELECT administrator FROM users WHERE id = $1`, *userID).Scan(&may)
	return may, err
}

func (s *setting) exec(statement string, arguments ...any) {
	s.Helper()
	if _, err := s.database.Write(s.Context()).Exec(s.Context(), statement, arguments...); err != nil {
		s.Fatal(err)
	}
}

func (s *setting) count(query string) (count int) {
	s.Helper()
	if err := s.database.Read(s.Context()).QueryRow(s.Context(), query).Scan(&count); err != nil {
		s.Fatal(err)
	}
	return count
}

func newSetting(t *testing.T, database *db.DB) *setting {
	t.Helper()
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	s, user, current := &setting{T: t, database: database, record: id.New()}, id.New(), id.New()
	s.exec(`INSERT INTO users (id, username, username_folded, email_verified, state, administrator, require_password_change,
		phone_number_verified, created_at, updated_at) VALUES ($1, 'ada', 'ada', $2, 'active', $3, $2, $2, $4, $4)`, user, false, true, now)
	s.exec(`INSERT INTO clients (id, client_id, client_name, application_type, token_endpoint_auth_method, redirect_uris, grant_types,
		response_types, scopes, resources, protected_resources, pkce, consent, access_token_format, refresh_token_rotation,
		id_token_signed_response_alg, contacts, post_logout_redirect_uris, require_auth_time, state, created_at, updated_at)
		VALUES ($1, 'app', 'App', 'web', 'client_secret_basic', '["`+callback+`"]', '["authorization_code","refresh_token"]', '["code"]',
		'["openid","email","profile","offline_access","admin:users:read"]', '["`+api+`","https://other.example"]', '[]', 'required', 'remember', 'at+jwt',
		'rotate', 'RS256', '[]', '[]', $2, 'active', $3, $3)`, s.record, false, now)
	s.exec(`INSERT INTO sessions (id, token_hash, user_id, authentication_methods, authenticated_at, created_at, last_seen_at, idle_expires_at, expires_at,
		user_agent, address) VALUES ($1, $2, $3, '["pwd"]', $4, $4, $4, $5, $5, '', '')`, current, []byte("x"), user, now, now.Add(time.Hour))
	at := clock.NewFake(now)
	scopes := scope.New(scope.Deps{Database: database, Clock: at})
	if err := scopes.Seed(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.clients = client.NewService(client.Deps{Database: database, Clock: at})
	tokens := token.New(token.Deps{
		Database: database, Clock: at, Issuer: "https://id.example", Clients: s.clients, Catalogue: scopes, Administrators: marked{database},
		Lifetimes: token.Lifetimes{AuthorizationCode: time.Minute},
	})
	s.grants = consent.New(consent.Deps{Database: database, Clock: at})
	s.interactions = interaction.New(interaction.Deps{Database: database, Clock: at, Lifetime: time.Hour})
	s.service = New(Deps{
		Interactions: s.interactions, Database: database, Clock: at, Issuer: "https://id.example", Clients: s.clients, Scopes: scopes, Grants: s.grants, Codes: tokens,
		Subjects: subject.New(secret.New()), Limits: tokens, Audit: audit.New(audit.Deps{Database: database, Clock: at, ChainKey: secret.New()}),
	})
	s.who = signedIn{session.Session{ID: current, UserID: user, Methods: []string{"pwd"}, AuthenticatedAt: now}, true}
	s.request = interaction.Request{
		Client: s.record, ClientID: "app", RedirectURI: callback, CodeChallenge: "c",
		Scopes: oauth.ScopeSet{"openid", "email", "admin:users:read"}, Resources: []string{api},
	}
	return s
}

// decide returns the request as it is granted, and the step that follows.
func (s *setting) decide() (client.Client, interaction.Request, interaction.Step) {
	s.Helper()
	known, err := s.clients.Find(s.Context(), "app")
	if err != nil {
		s.Fatal(err)
	}
	under := interaction.Interaction{Request: s.request}
	step, _, err := s.service.nextFor(s.Context(), &under, known, s.who)
	if err != nil {
		s.Fatal(err)
	}
	return known, under.Request, step
}

// answer issues a code for what was decided.
func (s *setting) answer(known client.Client, request interaction.Request, how decision) error {
	_, err := s.service.respond(s.Context(), request, known, allowed{session: s.who.session, decision: how}, nil)
	return err
}

func (s *setting) allow() {
	s.Helper()
	if known, request, _ := s.decide(); s.answer(known, request, decidedNow) != nil {
		s.Fatal("what a person allows is not answered")
	}
}

const (
	liveGrants = `SELECT count(*) FROM grants WHERE revoked_at IS NULL`
	allGrants  = `SELECT count(*) FROM grants`
	allCodes   = `SELECT count(*) FROM authorization_codes`
	decisions  = `SELECT count(*) FROM audit_events WHERE action = 'consent.give'`
	letThrough = `SELECT count(*) FROM audit_events WHERE action = 'consent.skip'`
	withdrawn  = `UPDATE grants SET revoked_at = created_at WHERE revoked_at IS NULL`
)

// What happens between a decision and its code counts: the decision of before (a silent request), and that of now.
func TestWhatHappensBeforeTheCode(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change string
		now    bool // whether a person who decides now may still have a code
	}{
		"consent withdrawn":          {withdrawn, true},
		"always asked":               {`UPDATE clients SET consent = 'always'`, true},
		"client disabled":            {`UPDATE clients SET state = 'disabled', epoch = epoch + 1`, false},
		"client deleted":             {`DELETE FROM clients`, false},
		"redirect URI removed":       {`UPDATE clients SET redirect_uris = '["https://app.example/elsewhere"]'`, false},
		"grant type taken":           {`UPDATE clients SET grant_types = '["client_credentials"]'`, false},
		"scope taken":                {`UPDATE clients SET scopes = '["openid","admin:users:read"]'`, false},
		"resource taken":             {`UPDATE clients SET resources = '["https://other.example"]'`, false},
		"client renamed":             {`UPDATE clients SET client_name = 'Another App'`, false},
		"no administrator any more":  {`UPDATE users SET administrator = (1 = 0)`, false},
		"user disabled":              {`UPDATE users SET state = 'disabled'`, false},
		"user deleted":               {`DELETE FROM users`, false},
		"session ended":              {`UPDATE sessions SET ended_at = created_at`, false},
		"session expired":            {`UPDATE sessions SET expires_at = created_at`, false},
		"session idle for too long":  {`UPDATE sessions SET idle_expires_at = created_at`, false},
		"nothing that matters":       {`UPDATE clients SET contacts = '["ada@example.com"]'`, true},
		"another one's consent gone": {`UPDATE grants SET revoked_at = created_at WHERE decided_by = 'policy'`, true},
	} {
		for _, how := range []decision{decidedBefore, decidedNow} {
			t.Run(fmt.Sprintf("%s, %s", name, how), func(t *testing.T) {
				t.Parallel()
				dbtest.Each(t, func(t *testing.T, database *db.DB) {
					s := newSetting(t, database)
					s.allow()
					grants, codes, events := s.count(allGrants), s.count(allCodes), s.count(decisions)
					known, request, step := s.decide()
					if step != interaction.StepRespond || grants != 1 || events != 1 {
						t.Fatalf("%s, %d grants, %d events", step, grants, events)
					}
					s.exec(test.change)
					err := s.answer(known, request, how)
					may := test.now && how == decidedNow || name == "nothing that matters" || name == "another one's consent gone"
					if may != (err == nil) || err != nil && !errors.Is(err, errChanged) && name != "user deleted" {
						t.Fatalf("got %v", err)
					}
					if err == nil {
						return
					}
					if made := s.count(allCodes); made > codes {
						t.Error("a code was issued")
					}
					if s.count(allGrants) > grants || s.count(decisions) > events {
						t.Error("a grant was made, or an event written")
					}
				})
			})
		}
	}
}

// Twelve silent requests beside withdrawals: whatever comes first, only the person's decision makes a grant.
func TestSilentRequestsBesideAWithdrawal(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		s := newSetting(t, database)
		for range 5 {
			s.allow()
			known, request, step := s.decide()
			if step != interaction.StepRespond {
				t.Fatal(step)
			}
			grants, begin := s.count(allGrants), make(chan struct{})
			var racing sync.WaitGroup
			for i := range 12 {
				racing.Go(func() {
					<-begin // all have decided by now
					if i == 5 {
						live, found, err := s.grants.Find(t.Context(), s.record, s.who.session.UserID)
						if err == nil && found {
							_, err = s.grants.Revoke(t.Context(), live.ID)
						}
						if err != nil {
							t.Error(err)
						}
						return
					}
					if err := s.answer(known, request, decidedBefore); err != nil && !errors.Is(err, errChanged) {
						t.Error(err)
					}
				})
			}
			close(begin)
			racing.Wait()
			if live, all := s.count(liveGrants), s.count(allGrants); live != 0 || all != grants {
				t.Errorf("%d live grants of %d, there were %d", live, all, grants)
			}
			if redeemable := s.count(`SELECT count(*) FROM redeemable_codes`); redeemable != 0 {
				t.Errorf("%d codes outlive the withdrawal", redeemable)
			}
		}
	})
}

// What a client's record lets through is not what the person allowed.
func TestWhatIsLetThroughIsNotRemembered(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		s := newSetting(t, database)
		s.exec(`UPDATE clients SET consent = 'skip'`)
		answer := func(wantEvents int) {
			t.Helper()
			known, request, step := s.decide()
			if step != interaction.StepRespond {
				t.Fatal(step)
			}
			if err := s.answer(known, request, decidedBefore); err != nil {
				t.Fatal(err)
			}
			if got := s.count(letThrough); got != wantEvents || s.count(decisions) != 0 {
				t.Fatalf("%d events, want %d", got, wantEvents)
			}
		}
		answer(1)
		answer(1) // covered by the same grant
		s.request.Scopes = append(s.request.Scopes, "profile")
		answer(2) // widened
		s.exec(withdrawn)
		if redeemable := s.count(`SELECT count(*) FROM redeemable_codes`); redeemable != 0 {
			t.Error("a withdrawal ends nothing")
		}
		answer(3) // the record still says that nobody is asked
		if live, all := s.count(liveGrants), s.count(allGrants); live != 1 || all != 2 {
			t.Errorf("%d of %d grants", live, all)
		}
		s.exec(`UPDATE clients SET consent = 'remember'`)
		if _, _, step := s.decide(); step != interaction.StepConsent {
			t.Errorf("nobody is asked: %s", step)
		}
		s.allow()
		if live := s.count(liveGrants); live != 2 { // each with what was issued from it
			t.Errorf("%d live grants", live)
		}
	})
}

// Two harmless permissions don't make a third.
func TestConsentIsForPairs(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		s := newSetting(t, database)
		s.exec(`INSERT INTO scopes (name, description, is_default, active, created_at, updated_at)
			VALUES ('doc:read', 'Read', $1, $2, $3, $3), ('doc:delete', 'Delete', $1, $2, $3, $3)`, false, true, time.Now())
		s.exec(`UPDATE clients SET scopes = '["openid","doc:read","doc:delete"]'`)
		ask := func(scope, resource string) interaction.Step {
			t.Helper()
			s.request.Scopes, s.request.Resources = oauth.ScopeSet{"openid", scope}, []string{resource}
			_, _, step := s.decide()
			return step
		}
		for _, each := range [][2]string{{"doc:read", api}, {"doc:delete", "https://other.example"}} {
			if ask(each[0], each[1]) != interaction.StepConsent {
				t.Errorf("%v: nobody is asked", each)
			}
			s.allow()
			if ask(each[0], each[1]) != interaction.StepRespond {
				t.Errorf("%v: asked again", each)
			}
		}
		if ask("doc:delete", api) != interaction.StepConsent || ask("doc:read", "https://other.example") != interaction.StepConsent {
			t.Error("a third permission is given unasked")
		}
	})
}

// A client that registered itself and looks different now is asked about again.
func TestAClientThatLooksDifferent(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]string{
		"name":                  `UPDATE clients SET client_name = 'Bank'`,
		"home page":             `UPDATE clients SET client_uri = 'https://bank.example'`,
		"another redirect host": `UPDATE clients SET redirect_uris = '["` + callback + `","https://evil.example/callback"]'`,
		"keys":                  `UPDATE clients SET jwks = '{"keys":[]}'`,
		"address of its keys":   `UPDATE clients SET jwks_uri = 'https://evil.example/jwks'`,
		"how it proves itself":  `UPDATE clients SET token_endpoint_auth_method = 'client_secret_post'`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dbtest.Each(t, func(t *testing.T, database *db.DB) {
				s := newSetting(t, database)
				s.allow()
				s.exec(change)
				if _, _, step := s.decide(); step != interaction.StepRespond {
					t.Errorf("what an administrator changed: %s", step)
				}
				s.exec(withdrawn)
				s.exec(`UPDATE clients SET registered_by = 'client', client_name = 'App', client_uri = NULL, redirect_uris = '["` + callback + `"]', jwks = NULL,
					jwks_uri = NULL, token_endpoint_auth_method = 'client_secret_basic'`)
				s.allow()
				s.exec(`UPDATE clients SET redirect_uris = '["` + callback + `","https://app.example/other"]'`)
				known, request, step := s.decide()
				if step != interaction.StepRespond {
					t.Errorf("another address at the same host: %s", step)
				}
				s.exec(change)
				if err := s.answer(known, request, decidedBefore); !errors.Is(err, errChanged) {
					t.Errorf("changed before the code: %v", err)
				}
				if _, _, step := s.decide(); step != interaction.StepConsent {
					t.Errorf("nobody is asked: %s", step)
				}
				s.request.Scopes = oauth.ScopeSet{"openid", "profile"}
				s.allow() // less than before, to the client as it is now
				s.request.Scopes = oauth.ScopeSet{"openid", "email"}
				if _, _, step := s.decide(); step != interaction.StepConsent {
					t.Errorf("what was allowed to another one counts: %s", step)
				}
			})
		})
	}
}
