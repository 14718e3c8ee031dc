package admin_test

import (
	"testing"

	"github.com/google/uuid"

	"authly/internal/admin"
	"authly/internal/client"
	"authly/internal/platform/db/dbtest"
	"authly/internal/platform/secret"
	"authly/internal/protocol/oauth"
	"authly/internal/testx"
	"authly/internal/user"
)

// The account alone, whatever became of its tokens: they end with most of these changes as well.
func TestWhoMayAdminister(t *testing.T) {
	t.Parallel()
	for _, engine := range dbtest.Engines(t) {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			s := testx.NewServer(t, engine)
			account := func(name string, change func(*user.New)) uuid.UUID {
				wanted := user.New{Username: name, Administrator: true, Password: secret.FromString("what " + name + " begins with here")}
				change(&wanted)
				made, err := s.Users.Create(t.Context(), wanted)
				if err != nil {
					t.Fatal(err)
				}
				return made.ID
			}
			administrators := admin.NewAdministrators(s.Users)
			made := account("made", func(*user.New) {})
			account("another", func(*user.New) {})
			for _, test := range []struct {
				name string
				id   uuid.UUID
				may  bool
			}{
				{"an administrator", made, true},
				{"somebody else", account("else", func(u *user.New) { u.Administrator = false }), false},
				{"a disabled one", account("disabled", func(u *user.New) { u.State = user.Disabled }), false},
				{"one with a password to change", account("temporary", func(u *user.New) { u.RequirePasswordChange = true }), false},
				{"nobody", uuid.New(), false},
			} {
				may, err := administrators.MayAdminister(t.Context(), client.Client{}, &test.id)
				if err != nil || may != test.may {
					t.Errorf("%s: %v, %v", test.name, may, err)
				}
			}
			service := client.Client{State: client.Active, Metadata: client.Metadata{
				Administrator: true, AuthenticationMethod: oauth.ClientSecretBasic, RegisteredBy: client.ByAdministrator,
			}}
			for name, test := range map[string]struct {
				change func(*client.Client)
				may    bool
			}{
				"a service":            {func(*client.Client) {}, true},
				"another client":       {func(c *client.Client) { c.Administrator = false }, false},
				"a disabled one":       {func(c *client.Client) { c.State = client.Disabled }, false},
				"a public one":         {func(c *client.Client) { c.AuthenticationMethod = oauth.AuthenticationMethodNone }, false},
				"one that made itself": {func(c *client.Client) { c.RegisteredBy = client.ByClient }, false},
			} {
				known := service
				test.change(&known)
				if may, err := administrators.MayAdminister(t.Context(), known, nil); err != nil || may != test.may {
					t.Errorf("%s: %v, %v", name, may, err)
				}
			}
		})
	}
}
