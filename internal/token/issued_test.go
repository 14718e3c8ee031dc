package token_test

import (
	"context"
	"fmt"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"authly/internal/client"
	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
	"authly/internal/platform/fault"
	"authly/internal/platform/id"
	"authly/internal/platform/page"
	"authly/internal/token"
)

// issued reads all pages of a query.
func (e *environment) issued(query token.IssuedQuery) (all []token.Issued) {
	e.t.Helper()
	for range 1000 {
		read, err := e.tokens.ListIssued(e.t.Context(), query)
		e.must(err)
		all = append(all, read.Items...)
		if query.After = read.Next; read.Next.IsZero() {
			return all
		}
	}
	e.t.Fatal("the list has no end")
	return nil
}

// own lets a client get a token on its own behalf.
func (e *environment) own(known client.Client) {
	e.t.Helper()
	_, err := e.exchange(e.tokens, known, url.Values{"grant_type": {"client_credentials"}})
	e.must(err)
}

func TestListOfWhatWasIssued(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		e := newEnvironment(t, database)
		app, other := e.register(confidential), e.register(confidential)
		first, err := e.redeem(app, e.code(app, nil))
		e.must(err)
		e.own(app)
		_, err = e.redeem(other, e.code(other, nil))
		e.must(err)
		e.own(other)
		e.clock.Advance(time.Minute)
		_, err = e.refresh(app, first.RefreshToken)
		e.must(err)
		family := e.issued(token.IssuedQuery{Client: app.ID, Kind: token.KindFamily})[0]
		inIt := e.issued(token.IssuedQuery{FamilyID: family.ID})
		if len(inIt) != 2 || !inIt[0].Refreshed || inIt[1].Refreshed || *inIt[0].UserID != e.user || inIt[0].Username != "ada" || inIt[0].ClientID != app.ClientID {
			t.Fatalf("the access tokens of the family: %+v", inIt)
		}
		if _, err := e.tokens.EndIssued(t.Context(), family); err != nil {
			t.Fatal(err)
		}
		const families, own = 1, 1
		for name, test := range map[string]struct {
			query token.IssuedQuery
			want  int
		}{
			"all":                    {token.IssuedQuery{Limit: 1}, 2*families + 2*own},
			"families":               {token.IssuedQuery{Kind: token.KindFamily, Limit: 1}, 2 * families},
			"access tokens":          {token.IssuedQuery{Kind: token.KindAccessToken, Limit: 1}, 2 * own},
			"of a client":            {token.IssuedQuery{Client: app.ID, Limit: 1}, families + own},
			"of a user":              {token.IssuedQuery{UserID: e.user}, 2 * families},
			"of both":                {token.IssuedQuery{UserID: e.user, Client: app.ID}, families},
			"of nobody":              {token.IssuedQuery{UserID: id.New()}, 0},
			"own of a user":          {token.IssuedQuery{UserID: e.user, Kind: token.KindAccessToken}, 0},
			"active":                 {token.IssuedQuery{State: token.Active, Limit: 1}, families + 2*own},
			"ended":                  {token.IssuedQuery{State: token.Over, Limit: 1}, families},
			"active of a client":     {token.IssuedQuery{State: token.Active, Client: app.ID}, own},
			"of a family, active":    {token.IssuedQuery{FamilyID: family.ID, State: token.Active}, 0},
			"of a family, ended":     {token.IssuedQuery{FamilyID: family.ID, State: token.Over, Limit: 1}, 2},
			"of a family and others": {token.IssuedQuery{FamilyID: family.ID, UserID: e.user, Client: other.ID}, 0},
		} {
			all := e.issued(test.query)
			if len(all) != test.want {
				t.Errorf("%s: %d, want %d", name, len(all), test.want)
			}
			for i, each := range all {
				if i > 0 && each.ID.String() >= all[i-1].ID.String() {
					t.Errorf("%s: not in order", name)
				}
				if test.query.State != "" && each.IsActive(e.clock.Now()) != (test.query.State == token.Active) {
					t.Errorf("%s: %+v", name, each)
				}
			}
		}
		if found, err := e.tokens.FindIssued(t.Context(), family.ID); err != nil || found.Reason != token.ReasonAdministrator || found.RevokedAt == nil || found.GrantID == nil {
			t.Errorf("%+v %v", found, err)
		}
		if _, err := e.tokens.FindIssued(t.Context(), id.New()); fault.KindOf(err) != fault.NotFound {
			t.Errorf("what never was: %v", err)
		}
	})
}

// Two lists are one, in order and whole, also where one of them ends early because few of it match.
func TestTwoListsAreOne(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		e := newEnvironment(t, database)
		known := e.register(confidential)
		e.own(known) // the oldest, far behind
		e.manyFamilies(known, 2500)
		e.own(known)
		active := e.issued(token.IssuedQuery{State: token.Active, Limit: 50})
		if len(active) != 2 || active[0].Kind != token.KindAccessToken || active[1].ID.String() >= active[0].ID.String() {
			t.Errorf("%d: %+v", len(active), active)
		}
		if all := e.issued(token.IssuedQuery{Limit: 200}); len(all) != 2502 || all[0].ID != active[0].ID || all[2501].ID != active[1].ID {
			t.Errorf("%d in all", len(all))
		}
	})
}

// manyFamilies makes families that were revoked.
func (e *environment) manyFamilies(known client.Client, count int) {
	e.t.Helper()
	e.code(known, nil) // makes the grant
	given, ok, err := e.grants.Find(e.t.Context(), known.ID, e.user)
	if err != nil || !ok {
		e.t.Fatal(err)
	}
	signedIn := e.session()
	e.must(e.database.Tx(e.t.Context(), func(ctx context.Context) error {
		for range count {
			if _, err := e.database.Write(ctx).Exec(ctx, `INSERT INTO token_families (id, grant_id, client, user_id, session_id, offline, scopes, resources,
				authentication_methods, authenticated_at, max_age_requested, created_at, expires_at, revoked_at)
				VALUES ($1, $2, $3, $4, $5, $6, '[]', '[]', '[]', $7, $6, $7, $8, $7)`, id.New(), given.ID, known.ID, e.user, signedIn, false, e.clock.Now(),
				e.clock.Now().Add(time.Hour)); err != nil {
				return err
			}
		}
		return nil
	}))
}

// However many end everything at once, each family ends once, and codes that are redeemed meanwhile give nothing that lasts.
func TestEndingAllWhileRedeemingRace(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		e := newEnvironment(t, database)
		known := e.register(confidential)
		const count = 8
		var (
			racing sync.WaitGroup
			mu     sync.Mutex
			got    []string
			total  int
		)
		for range count {
			_, err := e.redeem(known, e.code(known, nil))
			e.must(err)
		}
		pending := make([]url.Values, count)
		for i := range pending {
			pending[i] = codeRequest(e.code(known, nil))
		}
		for i := range count {
			racing.Go(func() {
				if answer, err := e.exchange(e.tokens, known, pending[i]); err == nil {
					mu.Lock()
					got = append(got, answer.AccessToken)
					mu.Unlock()
				}
			})
			racing.Go(func() {
				made, err := e.tokens.EndSomeOfUser(t.Context(), e.user, uuid.Nil)
				if err != nil || made.Next != uuid.Nil {
					t.Error(made, err)
				}
				mu.Lock()
				total += made.Changed
				mu.Unlock()
			})
		}
		racing.Wait()
		if total != count+len(got) {
			t.Errorf("%d families were ended; there were %d and %d", total, count, len(got))
		}
		for _, each := range got {
			if e.counts(each) {
				t.Error("a token outlived the end of all")
			}
		}
		if left := e.issued(token.IssuedQuery{State: token.Active}); len(left) != 0 {
			t.Errorf("%d are left", len(left))
		}
	})
}

func TestEndingVeryMany(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		e := newEnvironment(t, database)
		app, other := e.register(confidential), e.register(confidential)
		e.manyFamilies(app, 1500)
		e.manyFamilies(other, 1)
		if _, err := database.Write(t.Context()).Exec(t.Context(), `UPDATE token_families SET revoked_at = NULL`); err != nil {
			t.Fatal(err)
		}
		e.own(app)
		e.own(other)
		all := func(end func(ctx context.Context, key, after uuid.UUID) (page.Batch, error)) string {
			batches := ""
			for after := uuid.Nil; ; {
				made, err := end(t.Context(), app.ID, after)
				e.must(err)
				batches += fmt.Sprintf("%d ", made.Changed)
				if after = made.Next; after == uuid.Nil {
					return batches
				}
			}
		}
		if got := all(e.tokens.EndSomeOfClient); got != "1000 500 " {
			t.Errorf("families: %s", got)
		}
		if got := all(e.tokens.EndSomeOwn); got != "1 " {
			t.Errorf("access tokens: %s", got)
		}
		if left := e.issued(token.IssuedQuery{State: token.Active}); len(left) != 2 || left[0].ClientID != other.ClientID || left[1].ClientID != other.ClientID {
			t.Errorf("left: %+v", left)
		}
	})
}

func TestListsOfTokensReadByAnIndex(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		e := newEnvironment(t, database)
		known := e.register(confidential)
		e.manyFamilies(known, 30)
		for range 30 {
			e.own(known)
		}
		after, family, access := page.Position{ID: id.New()}, token.KindFamily, token.KindAccessToken
		// An index of all rows is in the order of the second column where the first is NULL, and only SQLite knows.
		own := map[db.Engine]string{db.SQLite: "access_tokens_family_idx", db.PostgreSQL: "access_tokens_own_idx"}[database.Engine()]
		dbtest.ExpectIndex(t, database, own, func(ctx context.Context) error {
			_, err := e.tokens.ListIssued(ctx, token.IssuedQuery{Kind: access, State: token.Active, After: after})
			return err
		})
		for index, queries := range map[string][]token.IssuedQuery{
			"token_families_pkey":        {{Kind: family}, {Kind: family, After: after}, {Kind: family, State: token.Active}, {Kind: family, State: token.Over, After: after}},
			"token_families_user_id_idx": {{UserID: id.New()}, {UserID: id.New(), Client: known.ID, State: token.Active, After: after}},
			"token_families_client_id_idx": {
				{Kind: family, Client: known.ID}, {Kind: family, Client: known.ID, State: token.Over, After: after},
			},
			"access_tokens_own_client_idx": {{Kind: access, Client: known.ID}, {Kind: access, Client: known.ID, State: token.Over, After: after}},
			"access_tokens_family_idx":     {{FamilyID: id.New()}, {FamilyID: id.New(), State: token.Active, After: after}},
		} {
			for _, query := range queries {
				dbtest.ExpectIndex(t, database, index, func(ctx context.Context) error {
					_, err := e.tokens.ListIssued(ctx, query)
					return err
				})
			}
		}
	})
}
