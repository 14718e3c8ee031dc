package admin

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/google/uuid"

	"authly/internal/audit"
	"authly/internal/client"
	"authly/internal/platform/fault"
	"authly/internal/platform/secret"
)

type clientPath struct {
	ClientID string `path:"client_id" maxLength:"255" doc:"The client_id."`
}

type clientChange struct {
	ClientID string `path:"client_id" maxLength:"255" doc:"The client_id."`
	IfMatch  string `header:"If-Match" doc:"The ETag of the client as it was read."`
}

type clientAnswer struct {
	ETag string `header:"ETag"`
	Body Client
}

// NewClient is a client that is made.
type NewClient struct {
	ClientID string `json:"client_id" required:"false" maxLength:"255" pattern:"^[A-Za-z0-9][A-Za-z0-9._~-]*$" doc:"Made by the server if left out. Not a UUID."`
	Secret   string `json:"client_secret" required:"false" minLength:"32" maxLength:"255" doc:"Made by the server if left out. Printable ASCII, and random."`
	ClientFields
}

// UnmarshalJSON reads what only a creation has beside the fields.
func (n *NewClient) UnmarshalJSON(document []byte) error {
	var credentials struct {
		ClientID string `json:"client_id"`
		Secret   string `json:"client_secret"`
	}
	if err := json.Unmarshal(document, &credentials); err != nil {
		return err
	}
	n.ClientID, n.Secret = credentials.ClientID, credentials.Secret
	return n.ClientFields.UnmarshalJSON(document)
}

// CreatedClient is a client with the secret that is shown this once.
type CreatedClient struct {
	Client
	Secret string `json:"client_secret,omitempty" doc:"Shown only now. Left out for clients without one, for one that was sent, and when a creation is sent again."`
}

type createdAnswer struct {
	ETag     string `header:"ETag"`
	Replayed string `header:"Idempotent-Replayed" doc:"true if the creation was done by an earlier request with the same key."`
	Body     CreatedClient
}

// ClientSecret is what can be read of a secret.
type ClientSecret struct {
	ID        string     `json:"id"`
	CreatedAt time.Time  `json:"created_at"`
	ExpiresAt *time.Time `json:"expires_at,omitempty"`
}

func secretView(s client.Secret) ClientSecret {
	return ClientSecret{ID: s.ID.String(), CreatedAt: s.CreatedAt.UTC(), ExpiresAt: s.ExpiresAt}
}

// ClientPage is a page of clients.
type ClientPage struct {
	Clients []Client `json:"clients"`
	Next    string   `json:"next_cursor,omitempty" doc:"What to send as cursor for the next page. Left out on the last one; a page that is not full, or empty, need not be it."`
}

func (c *clients) mount(to operations) {
	const read, write = "admin:clients:read", "admin:clients:write"
	register(to, operation{method: http.MethodGet, path: "/clients", id: "list-clients", summary: "List clients", scope: read, signIn: anySignIn}, c.httpList)
	register(to, operation{method: http.MethodPost, path: "/clients", id: "create-client", summary: "Create a client", scope: write, signIn: freshIfSensitive, status: http.StatusCreated}, c.httpCreate)
	register(to, operation{method: http.MethodGet, path: "/clients/{client_id}", id: "get-client", summary: "Get a client", scope: read, signIn: anySignIn}, c.httpGet)
	register(to, operation{method: http.MethodPatch, path: "/clients/{client_id}", id: "update-client", summary: "Change what is sent of a client", scope: write, signIn: freshIfSensitive}, c.httpUpdate)
	register(to, operation{method: http.MethodDelete, path: "/clients/{client_id}", id: "delete-client", summary: "Delete a client with everything that it was given", scope: write, signIn: freshSignIn, status: http.StatusNoContent}, c.httpDelete)
	register(to, operation{method: http.MethodPost, path: "/clients/{client_id}/disable", id: "disable-client", summary: "Disable a client, and end everything that it was given", scope: write, signIn: anySignIn}, c.httpDisable)
	register(to, operation{method: http.MethodPost, path: "/clients/{client_id}/enable", id: "enable-client", summary: "Enable a client", scope: write, signIn: freshSignIn}, c.httpEnable)
	register(to, operation{method: http.MethodGet, path: "/clients/{client_id}/secrets", id: "list-client-secrets", summary: "List a client's secrets, without their values", scope: read, signIn: anySignIn}, c.httpSecrets)
	register(to, operation{method: http.MethodPost, path: "/clients/{client_id}/secrets", id: "create-client-secret", summary: "Give a client a new secret", scope: write, signIn: freshSignIn, status: http.StatusCreated}, c.httpAddSecret)
	register(to, operation{method: http.MethodPost, path: "/clients/{client_id}/secrets/check", id: "check-client-secret", summary: "Tell whether a value is one of a client's secrets", scope: write, signIn: anySignIn}, c.httpCheckSecret)
	register(to, operation{method: http.MethodDelete, path: "/clients/{client_id}/secrets/{secret_id}", id: "delete-client-secret", summary: "Delete a client's secret", scope: write, signIn: freshSignIn, status: http.StatusNoContent}, c.httpDeleteSecret)
}

type clientList struct {
	Limit         int                 `query:"limit" minimum:"1" maximum:"200" default:"50"`
	Cursor        string              `query:"cursor" maxLength:"64" doc:"next_cursor of the page before."`
	Query         string              `query:"q" maxLength:"200" doc:"A part of the name or of the client_id; the case of letters does not matter."`
	State         client.State        `query:"state"`
	RegisteredBy  client.RegisteredBy `query:"registered_by" doc:"Who registered the client: an administrator, or itself."`
	Type          client.Type         `query:"type"`
	ManagedBy     string              `query:"managed_by" maxLength:"64" doc:"The file that the client follows."`
	Administrator string              `query:"administrator" enum:"true,false" doc:"Whether the client may administer this server on its own behalf."`
}

func (c *clients) httpList(ctx context.Context, in *clientList) (*struct{ Body ClientPage }, error) {
	after, err := parseCursor(in.Cursor)
	if err != nil {
		return nil, err
	}
	page, err := c.records.List(ctx, client.Query{
		Part: in.Query, State: in.State, RegisteredBy: in.RegisteredBy, Type: in.Type,
		ManagedBy: in.ManagedBy, Administrator: yesOrNo(in.Administrator), After: after, Limit: in.Limit,
	})
	if err != nil {
		return nil, err
	}
	answer := &struct{ Body ClientPage }{ClientPage{Clients: make([]Client, len(page.Clients)), Next: cursorOf(page.Next)}}
	for i, each := range page.Clients {
		answer.Body.Clients[i] = viewOf(each)
	}
	return answer, nil
}

func (c *clients) httpCreate(ctx context.Context, in *struct {
	Key     string `header:"Idempotency-Key" maxLength:"255" doc:"Lets the same request be sent again without another client being made."`
	Body    NewClient
	RawBody []byte
},
) (*createdAnswer, error) {
	who := principal(ctx)
	made, err := c.create(ctx, who, in.Body, newAttempt(who, "create-client", in.Key, in.RawBody))
	if err != nil {
		return nil, err
	}
	view := viewOf(made.client)
	answer := &createdAnswer{ETag: etag(view), Body: CreatedClient{view, made.secret.Reveal()}}
	if made.replayed {
		answer.Replayed = "true"
	}
	return answer, nil
}

func (c *clients) httpGet(ctx context.Context, in *clientPath) (*clientAnswer, error) {
	known, err := c.records.Find(ctx, in.ClientID)
	return answerWith(known, err)
}

func answerWith(known client.Client, err error) (*clientAnswer, error) {
	if err != nil {
		return nil, err
	}
	view := viewOf(known)
	return &clientAnswer{etag(view), view}, nil
}

func (c *clients) httpUpdate(ctx context.Context, in *struct {
	ClientID string `path:"client_id" maxLength:"255" doc:"The client_id."`
	IfMatch  string `header:"If-Match" doc:"The ETag of the client as it was read."`
	Body     ClientFields
},
) (*struct {
	ETag string `header:"ETag"`
	Body CreatedClient
}, error,
) {
	made, err := c.update(ctx, principal(ctx), in.ClientID, in.IfMatch, in.Body)
	if err != nil {
		return nil, err
	}
	view := viewOf(made.client)
	return &struct {
		ETag string `header:"ETag"`
		Body CreatedClient
	}{etag(view), CreatedClient{view, made.secret.Reveal()}}, nil
}

func (c *clients) httpDelete(ctx context.Context, in *clientChange) (*struct{}, error) {
	_, err := c.act(ctx, principal(ctx), in.ClientID, in.IfMatch, audit.ClientDelete, func(ctx context.Context, known client.Client) error {
		return c.records.Delete(ctx, known.ID)
	})
	return nil, err
}

func (c *clients) httpDisable(ctx context.Context, in *clientChange) (*clientAnswer, error) {
	return answerWith(c.turn(ctx, principal(ctx), in.ClientID, in.IfMatch, client.Disabled))
}

func (c *clients) httpEnable(ctx context.Context, in *clientChange) (*clientAnswer, error) {
	return answerWith(c.turn(ctx, principal(ctx), in.ClientID, in.IfMatch, client.Active))
}

// ClientSecrets are all secrets of a client.
type ClientSecrets struct {
	Secrets []ClientSecret `json:"secrets"`
}

func (c *clients) httpSecrets(ctx context.Context, in *clientPath) (*struct{ Body ClientSecrets }, error) {
	known, err := c.records.Find(ctx, in.ClientID)
	if err != nil {
		return nil, err
	}
	all, err := c.records.Secrets(ctx, known.ID)
	if err != nil {
		return nil, err
	}
	answer := &struct{ Body ClientSecrets }{ClientSecrets{make([]ClientSecret, len(all))}}
	for i, each := range all {
		answer.Body.Secrets[i] = secretView(each)
	}
	return answer, nil
}

// CreatedSecret is a secret with the value that is shown this once.
type CreatedSecret struct {
	ClientSecret
	Value string `json:"client_secret,omitempty" doc:"Shown only now. Left out for one that was sent, and when the request is sent again."`
}

// SecretFields are what is decided about a new secret.
type SecretFields struct {
	OverlapSeconds int64  `json:"overlap_seconds" required:"false" minimum:"0" maximum:"7776000" doc:"For how long the old secrets can still be used; 0 ends them at once."`
	Value          string `json:"client_secret" required:"false" minLength:"32" maxLength:"255" doc:"Made by the server if left out. Printable ASCII, and random."`
}

func (c *clients) httpAddSecret(ctx context.Context, in *struct {
	ClientID string `path:"client_id" maxLength:"255" doc:"The client_id."`
	Key      string `header:"Idempotency-Key" maxLength:"255"`
	Body     SecretFields
	RawBody  []byte
},
) (*struct {
	Replayed string `header:"Idempotent-Replayed"`
	Body     CreatedSecret
}, error,
) {
	who := principal(ctx)
	of := newAttempt(who, "create-client-secret "+in.ClientID, in.Key, in.RawBody)
	made, err := c.addSecret(ctx, who, in.ClientID, client.NewSecret{
		Overlap: inSeconds(in.Body.OverlapSeconds), Value: secret.FromString(in.Body.Value),
	}, of)
	if err != nil {
		return nil, err
	}
	answer := &struct {
		Replayed string `header:"Idempotent-Replayed"`
		Body     CreatedSecret
	}{Body: CreatedSecret{secretView(made.Secret), made.value.Reveal()}}
	if made.replayed {
		answer.Replayed = "true"
	}
	return answer, nil
}

// CheckedSecret tells what came of a check.
type CheckedSecret struct {
	Valid bool `json:"valid" doc:"Whether the client could use the value as its secret now."`
}

// httpCheckSecret is for those who have the value and want to know whether it has to be
// set; guessing through it is as hopeless as at the token endpoint.
func (c *clients) httpCheckSecret(ctx context.Context, in *struct {
	ClientID string `path:"client_id" maxLength:"255" doc:"The client_id."`
	Body     struct {
		Value string `json:"client_secret" maxLength:"255" doc:"The value that may be a secret of the client."`
	}
},
) (*struct{ Body CheckedSecret }, error) {
	known, err := c.records.Find(ctx, in.ClientID)
	if err != nil {
		return nil, err
	}
	return &struct{ Body CheckedSecret }{CheckedSecret{known.KnowsSecret(secret.FromString(in.Body.Value), c.keys.clock.Now())}}, nil
}

func (c *clients) httpDeleteSecret(ctx context.Context, in *struct {
	ClientID string `path:"client_id" maxLength:"255" doc:"The client_id."`
	SecretID string `path:"secret_id" maxLength:"36" format:"uuid"`
},
) (*struct{}, error) {
	which, err := uuid.Parse(in.SecretID)
	if err != nil {
		return nil, fault.New(fault.NotFound, "client.secret_unknown").Because(err)
	}
	return nil, c.deleteSecret(ctx, principal(ctx), in.ClientID, which)
}
