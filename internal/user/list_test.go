package user_test

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
	"authly/internal/protocol/oidc"
	"authly/internal/user"
)

// list returns the usernames of all pages.
func (w world) list(t *testing.T, query user.Query) string {
	t.Helper()
	var names []string
	for range 9 {
		page, err := w.users.List(t.Context(), query)
		if err != nil {
			t.Fatalf("list %+v: %v", query, err)
		}
		for _, each := range page.Users {
			names = append(names, each.Username)
		}
		if query.After = page.Next; page.Next == uuid.Nil {
			return strings.Join(names, " ")
		}
	}
	t.Fatalf("the list %+v has no end: %v", query, names)
	return ""
}

func TestList(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := newWorld(t, database)
		yes, no := true, false
		for i, each := range []user.New{
			{Username: "ada.l", Email: "ada@math.example", EmailVerified: true, Administrator: true, ManagedBy: "math", Claims: oidc.StandardClaims{GivenName: "Ada", FamilyName: "Löwe", Locale: "en-GB", ZoneInfo: "Europe/London"}},
			{Username: "Bob_1", Email: "bob@math.example", RequirePasswordChange: true, Claims: oidc.StandardClaims{GivenName: "BÖB", Locale: "de"}},
			{Username: "carl", State: user.Disabled, ManagedBy: "math/old", Claims: oidc.StandardClaims{FamilyName: "Gauß", Locale: "de", ZoneInfo: "Europe/Berlin"}},
			{Username: "bobby", Email: "b@other.example", EmailVerified: true, ManagedBy: "math"},
		} {
			created, err := w.users.Create(t.Context(), each)
			if err != nil {
				t.Fatal(err)
			}
			w.clock.Advance(time.Hour)
			if i < 2 {
				if err := w.users.RecordSignIn(t.Context(), created.ID); err != nil {
					t.Fatal(err)
				}
			}
		}
		for name, test := range map[string]struct {
			query user.Query
			want  string
		}{
			"everybody":                {user.Query{}, "ada.l Bob_1 carl bobby"},
			"page by page":             {user.Query{Limit: 1}, "ada.l Bob_1 carl bobby"},
			"who is called so":         {user.Query{Identifier: " ＢＯＢ_1"}, "Bob_1"},
			"by a whole address":       {user.Query{Identifier: "B@Other.example", Limit: 1}, "bobby"},
			"by a part of one":         {user.Query{Identifier: "other.example"}, ""},
			"what nobody can be":       {user.Query{Identifier: "a b"}, ""},
			"called so, and more":      {user.Query{Identifier: "carl", State: user.Disabled, Locale: "de", ManagedBy: "math/old", CreatedSince: start}, "carl"},
			"called so, but":           {user.Query{Identifier: "carl", State: user.Active}, ""},
			"who follow a file":        {user.Query{ManagedBy: "math"}, "ada.l bobby"},
			"page by page, of a file":  {user.Query{ManagedBy: "math", Limit: 1}, "ada.l bobby"},
			"of a file, and more":      {user.Query{ManagedBy: "math", Administrator: &yes, Username: "ada"}, "ada.l"},
			"of no such file":          {user.Query{ManagedBy: "mat"}, ""},
			"a part of a username":     {user.Query{Username: "OB"}, "Bob_1 bobby"},
			"page by page, a part":     {user.Query{Username: "ob", Limit: 1}, "Bob_1 bobby"},
			"an underscore is one":     {user.Query{Username: "b_"}, "Bob_1"},
			"and so are others":        {user.Query{Username: "%"}, ""},
			"an exclamation mark":      {user.Query{Username: "!"}, ""},
			"a whole username":         {user.Query{Username: "ａｄａ.Ｌ"}, "ada.l"},
			"a part of an address":     {user.Query{Email: "@MATH."}, "ada.l Bob_1"},
			"a part of a given name":   {user.Query{GivenName: "böB"}, "Bob_1"},
			"of a family name":         {user.Query{FamilyName: "LÖ"}, "ada.l"},
			"disabled":                 {user.Query{State: user.Disabled}, "carl"},
			"active":                   {user.Query{State: user.Active}, "ada.l Bob_1 bobby"},
			"verified":                 {user.Query{EmailVerified: &yes}, "ada.l bobby"},
			"unverified":               {user.Query{EmailVerified: &no}, "Bob_1 carl"},
			"administrators":           {user.Query{Administrator: &yes}, "ada.l"},
			"no administrators":        {user.Query{Administrator: &no}, "Bob_1 carl bobby"},
			"who have to choose":       {user.Query{RequirePasswordChange: &yes}, "Bob_1"},
			"who don't":                {user.Query{RequirePasswordChange: &no, Limit: 2}, "ada.l carl bobby"},
			"a locale":                 {user.Query{Locale: "de"}, "Bob_1 carl"},
			"a part of one":            {user.Query{Locale: "en"}, ""},
			"a zone":                   {user.Query{ZoneInfo: "Europe/London"}, "ada.l"},
			"a locale and a zone":      {user.Query{Locale: "de", ZoneInfo: "Europe/London"}, ""},
			"made since":               {user.Query{CreatedSince: start.Add(time.Hour)}, "Bob_1 carl bobby"},
			"made between":             {user.Query{CreatedSince: start.Add(time.Hour), CreatedBefore: start.Add(3 * time.Hour)}, "Bob_1 carl"},
			"signed in since":          {user.Query{LastLoginSince: start.Add(2 * time.Hour)}, "Bob_1"},
			"signed in before":         {user.Query{LastLoginBefore: start.Add(2 * time.Hour)}, "ada.l"},
			"all at once":              {user.Query{Username: "bob", Email: "math", GivenName: "b", State: user.Active, EmailVerified: &no, Administrator: &no, RequirePasswordChange: &yes, Locale: "de", CreatedSince: start, LastLoginSince: start}, "Bob_1"},
			"after the end of a range": {user.Query{CreatedBefore: start}, ""},
		} {
			if got := w.list(t, test.query); got != test.want {
				t.Errorf("%s: got %q, want %q", name, got, test.want)
			}
		}
		// What is searched follows what is changed.
		ada, err := w.users.FindByIdentifier(t.Context(), "ada.l")
		if err != nil {
			t.Fatal(err)
		}
		if err := changed(t.Context(), w, ada.ID, func(p *user.Profile) { p.Claims.FamilyName = "Byron" }); err != nil {
			t.Fatal(err)
		}
		if before, after := w.list(t, user.Query{FamilyName: "löwe"}), w.list(t, user.Query{FamilyName: "BYRON"}); before != "" || after != "ada.l" {
			t.Errorf("after the change: %q and %q", before, after)
		}
	})
}

// Each list walks through one index, in its order and from where the page before ended.
func TestListReadsByAnIndex(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := newWorld(t, database)
		for i := range 300 {
			if _, err := w.users.Create(t.Context(), user.New{Username: fmt.Sprintf("user%d", i), Claims: oidc.StandardClaims{Locale: "de"}}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := w.users.Create(t.Context(), user.New{Username: "called", Email: "so@example.com"}); err != nil {
			t.Fatal(err)
		}
		yes, no := true, false
		rare := map[string]string{
			"administrators": "users_administrator_idx", "has to change": "users_require_password_change_idx", "disabled people": "users_disabled_idx",
			"of a file": "users_managed_by_idx", "of a file, disabled": "users_managed_by_idx",
			"called so": "users_username_folded_key", "has an address": "users_email_folded_key",
		}
		for name, query := range map[string]user.Query{
			"everybody":   {},
			"a part":      {Username: "9", FamilyName: "x"},
			"tags":        {Locale: "de", ZoneInfo: "Europe/Berlin", State: user.Active},
			"marks":       {Administrator: &no, EmailVerified: &yes},
			"times":       {CreatedSince: start, LastLoginBefore: start},
			"all of them": {Email: "example", Locale: "de", RequirePasswordChange: &no, CreatedBefore: start},

			"administrators":  {Administrator: &yes, State: user.Disabled, Username: "a"},
			"has to change":   {RequirePasswordChange: &yes, Locale: "de"},
			"disabled people": {State: user.Disabled, EmailVerified: &no},

			"of a file":           {ManagedBy: "shop"},
			"of a file, disabled": {ManagedBy: "shop", State: user.Disabled, Administrator: &yes, Username: "a"},
			"called so":           {Identifier: "called"},
			"has an address":      {Identifier: "so@example.com", State: user.Active, GivenName: "a"},
		} {
			t.Run(name, func(t *testing.T) {
				query.Limit = 50
				index := cmp.Or(rare[name], "users_search_idx")
				if name == "everybody" && database.Engine() == db.SQLite {
					index = "users_pkey" // whose key is all that is needed
				}
				dbtest.ExpectIndex(t, database, index, func(ctx context.Context) error {
					_, err := w.users.List(ctx, query)
					return err
				})
			})
		}
	})
}

// A page looks at a bounded number of users, and the next one goes on behind them.
func TestListOfFewAmongMany(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := newWorld(t, database)
		identifier := `'01900000-0000-7000-8000-' || substr(CAST(1000000000000 + i AS TEXT), 2)`
		if database.Engine() == db.PostgreSQL {
			identifier = `CAST(` + identifier + ` AS UUID)`
		}
		_, err := database.Write(t.Context()).Exec(t.Context(), `WITH RECURSIVE numbers (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM numbers WHERE i < 20001)
			INSERT INTO users (id, username, username_folded, email_verified, state, administrator, require_password_change, phone_number_verified, created_at, updated_at)
			SELECT `+identifier+`, 'many' || i, 'many' || i, $1, 'active', $1, $1, $1, $2, $2 FROM numbers`, false, start)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.users.Create(t.Context(), user.New{Username: "one"}); err != nil {
			t.Fatal(err)
		}
		page, err := w.users.List(t.Context(), user.Query{Username: "one", Limit: 10})
		if err != nil || len(page.Users) != 0 || page.Next == uuid.Nil {
			t.Fatalf("the first page has %d users and goes on at %s, %v", len(page.Users), page.Next, err)
		}
		page, err = w.users.List(t.Context(), user.Query{Username: "one", Limit: 10, After: page.Next})
		if err != nil || len(page.Users) != 1 || page.Users[0].Username != "one" || page.Next != uuid.Nil {
			t.Errorf("the second one has %+v and goes on at %s, %v", page.Users, page.Next, err)
		}
		if page, err = w.users.List(t.Context(), user.Query{Limit: 10}); err != nil || len(page.Users) != 10 || page.Users[9].Username != "many10" {
			t.Errorf("without a filter: %+v, %v", page.Users, err)
		}
	})
}
