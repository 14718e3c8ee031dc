package client_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"

	"authly/internal/client"
	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
	"authly/internal/protocol/oauth"
)

// listed returns the names on all pages.
func listed(t *testing.T, service *client.Service, query client.Query) string {
	t.Helper()
	var names []string
	for range 9 {
		page, err := service.List(t.Context(), query)
		if err != nil {
			t.Fatalf("list %+v: %v", query, err)
		}
		for _, each := range page.Clients {
			names = append(names, each.Name)
		}
		if query.After = page.Next; page.Next == uuid.Nil {
			return strings.Join(names, ", ")
		}
	}
	t.Fatalf("the list %+v has no end: %v", query, names)
	return ""
}

// insert makes a client with a client_id of its own choice.
func insert(t *testing.T, service *client.Service, clientID string, metadata client.Metadata) client.Registered {
	t.Helper()
	prepared, err := service.Prepare(t.Context(), metadata)
	if err == nil {
		prepared, err = prepared.As(client.Chosen{ClientID: clientID})
	}
	if err != nil {
		t.Fatal(err)
	}
	made, err := service.Insert(t.Context(), prepared)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func TestList(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		service, _ := newClients(database)
		public := client.Metadata{ApplicationType: oauth.Native, AuthenticationMethod: oauth.AuthenticationMethodNone}
		var last client.Registered
		for i, each := range []client.Metadata{
			{Name: "Шоп Ärger"}, {Name: "my SHOP"}, {Name: "100%", ManagedBy: "shop"}, {Name: "snake_case", RegisteredBy: client.ByClient}, {Name: "The Photo Shop", ManagedBy: "shop"},
		} {
			each.RedirectURIs, each.Scopes = []string{"https://app.example/callback"}, oauth.ScopeSet{"openid"}
			if each.Name == "my SHOP" {
				each.ApplicationType, each.AuthenticationMethod = public.ApplicationType, public.AuthenticationMethod
			}
			last = insert(t, service, fmt.Sprintf("tent-%d", i), each)
		}
		insert(t, service, "Back_Office-1", client.Metadata{
			Name: "Robot", Administrator: true, GrantTypes: []oauth.GrantType{oauth.ClientCredentials}, ManagedBy: "robots",
		})
		if err := service.Disable(t.Context(), last.Client.ID); err != nil {
			t.Fatal(err)
		}
		const all = "Шоп Ärger, my SHOP, 100%, snake_case, The Photo Shop, Robot"
		yes, no := true, false
		for name, test := range map[string]struct {
			query client.Query
			want  string
		}{
			"all":                  {client.Query{}, all},
			"page by page":         {client.Query{Limit: 2}, all},
			"a part in any case":   {client.Query{Part: "sHoP"}, "my SHOP, The Photo Shop"},
			"page by page, a part": {client.Query{Part: "shop", Limit: 1}, "my SHOP, The Photo Shop"},
			"letters of others":    {client.Query{Part: "шОП äR"}, "Шоп Ärger"},
			"a percent sign":       {client.Query{Part: "%"}, "100%"},
			"an underscore":        {client.Query{Part: "_"}, "snake_case, Robot"},
			"a part of client_id":  {client.Query{Part: "k_oFF"}, "Robot"},
			"and with a state":     {client.Query{Part: "office", State: client.Disabled}, ""},
			"administrators":       {client.Query{Administrator: &yes}, "Robot"},
			"of a file, too":       {client.Query{Administrator: &yes, ManagedBy: "robots"}, "Robot"},
			"of another":           {client.Query{Administrator: &yes, ManagedBy: "shop"}, ""},
			"by a part, too":       {client.Query{Administrator: &yes, Part: "obo"}, "Robot"},
			"all others":           {client.Query{Administrator: &no, Limit: 1}, "Шоп Ärger, my SHOP, 100%, snake_case, The Photo Shop"},
			"others of a file":     {client.Query{Administrator: &no, ManagedBy: "robots"}, ""},
			"nothing":              {client.Query{Part: "!"}, ""},
			"disabled":             {client.Query{State: client.Disabled}, "The Photo Shop"},
			"active with a part":   {client.Query{State: client.Active, Part: "shop"}, "my SHOP"},
			"public":               {client.Query{Type: client.PublicType}, "my SHOP"},
			"confidential":         {client.Query{Type: client.ConfidentialType, Part: "s"}, "snake_case, The Photo Shop"},
			"of a file":            {client.Query{ManagedBy: "shop"}, "100%, The Photo Shop"},
			"one by one, a part":   {client.Query{ManagedBy: "shop", Part: "0", Limit: 1}, "100%"},
			"of no such file":      {client.Query{ManagedBy: "sho"}, ""},
			"registered itself":    {client.Query{RegisteredBy: client.ByClient}, "snake_case"},
		} {
			if got := listed(t, service, test.query); got != test.want {
				t.Errorf("%s: got %q, want %q", name, got, test.want)
			}
		}
		// What is searched follows what is changed.
		renamed := last.Client.Metadata
		renamed.Name = "Ünter neuem Namen"
		if _, err := service.Replace(t.Context(), last.Client.ID, renamed); err != nil {
			t.Fatal(err)
		}
		if got := listed(t, service, client.Query{Part: "üNTER"}); got != renamed.Name {
			t.Errorf("under its new name: %q", got)
		}
	})
}

// Each list walks through one index, in its order and from where the page before ended.
func TestListReadsByAnIndex(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		service, _ := newClients(database)
		for i := range 60 {
			made := client.Metadata{Name: fmt.Sprintf("App %d", i), RedirectURIs: []string{"https://app.example/callback"}, Scopes: oauth.ScopeSet{"openid"}}
			if _, err := service.Register(t.Context(), made); err != nil {
				t.Fatal(err)
			}
		}
		yes, no := true, false
		for name, query := range map[string]client.Query{
			"all":           {},
			"no power":      {Administrator: &no},
			"power":         {Administrator: &yes, Part: "a"},
			"a part":        {Part: "9"},
			"a state":       {State: client.Active},
			"all of it":     {Part: "a", State: client.Active, RegisteredBy: client.ByAdministrator, Type: client.PublicType},
			"of a file":     {ManagedBy: "shop", State: client.Active},
			"not all of it": {RegisteredBy: client.ByClient, Type: client.ConfidentialType},
		} {
			t.Run(name, func(t *testing.T) {
				query.Limit = 50
				index := "clients_search_idx"
				if name == "all" && database.Engine() == db.SQLite {
					index = "clients_pkey" // whose key is all that is needed
				}
				if query.ManagedBy != "" {
					index = "clients_managed_by_idx"
				}
				dbtest.ExpectIndex(t, database, index, func(ctx context.Context) error {
					_, err := service.List(ctx, query)
					return err
				})
			})
		}
	})
}
