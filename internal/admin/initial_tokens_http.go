package admin

import (
	"context"
	"net/http"

	"authly/internal/registration"
)

type initialPath struct {
	ID string `path:"token_id" maxLength:"36" doc:"The identifier of the token, which is not the token."`
}

type initialAnswer struct {
	ETag string `header:"ETag"`
	Body InitialAccessToken
}

// InitialAccessTokenPage is a page of tokens, the newest first.
type InitialAccessTokenPage struct {
	Tokens []InitialAccessToken `json:"initial_access_tokens"`
	Next   string               `json:"next_cursor,omitempty" doc:"What to send as cursor for the next page. Left out on the last one; a page that is not full, or empty, need not be it."`
}

// CreatedInitialAccessToken is a token with the one sight of it.
type CreatedInitialAccessToken struct {
	InitialAccessToken
	Token string `json:"token,omitempty" doc:"Shown only now. Left out when the request is sent again."`
}

func (i *initialTokens) mount(to operations) {
	const read, write = "admin:clients:read", "admin:clients:write"
	register(to, operation{method: http.MethodGet, path: "/initial-access-tokens", id: "list-initial-access-tokens", summary: "List the tokens with which clients register themselves", scope: read, signIn: anySignIn}, i.httpList)
	register(to, operation{method: http.MethodPost, path: "/initial-access-tokens", id: "create-initial-access-token", summary: "Make a token with which a client registers itself", scope: write, signIn: freshSignIn, status: http.StatusCreated}, i.httpCreate)
	register(to, operation{method: http.MethodGet, path: "/initial-access-tokens/{token_id}", id: "get-initial-access-token", summary: "Get a token, without the token itself", scope: read, signIn: anySignIn}, i.httpGet)
	register(to, operation{method: http.MethodPost, path: "/initial-access-tokens/{token_id}/revoke", id: "revoke-initial-access-token", summary: "End a token; the clients that were registered with it stay", scope: write, signIn: anySignIn}, i.httpRevoke)
}

func (i *initialTokens) httpList(ctx context.Context, in *struct {
	Limit  int                       `query:"limit" minimum:"1" maximum:"200" default:"50"`
	Cursor string                    `query:"cursor" maxLength:"64" doc:"next_cursor of the page before."`
	State  registration.InitialState `query:"state"`
},
) (*struct{ Body InitialAccessTokenPage }, error) {
	after, err := parsePosition(in.Cursor)
	if err != nil {
		return nil, err
	}
	found, err := i.tokens.List(ctx, registration.InitialQuery{State: in.State, After: after, Limit: in.Limit})
	if err != nil {
		return nil, err
	}
	answer := &struct{ Body InitialAccessTokenPage }{InitialAccessTokenPage{Tokens: make([]InitialAccessToken, len(found.Items)), Next: found.Next.Cursor()}}
	for at, each := range found.Items {
		answer.Body.Tokens[at] = i.view(each)
	}
	return answer, nil
}

func (i *initialTokens) httpCreate(ctx context.Context, in *struct {
	Key     string `header:"Idempotency-Key" maxLength:"255" doc:"Lets the same request be sent again without another token being made."`
	Body    InitialFields
	RawBody []byte
},
) (*struct {
	ETag     string `header:"ETag"`
	Replayed string `header:"Idempotent-Replayed" doc:"true if the creation was done by an earlier request with the same key."`
	Body     CreatedInitialAccessToken
}, error,
) {
	who := principal(ctx)
	made, err := i.create(ctx, who, in.Body, newAttempt(who, "create-initial-access-token", in.Key, in.RawBody))
	if err != nil {
		return nil, err
	}
	view := i.view(made.InitialToken)
	answer := &struct {
		ETag     string `header:"ETag"`
		Replayed string `header:"Idempotent-Replayed" doc:"true if the creation was done by an earlier request with the same key."`
		Body     CreatedInitialAccessToken
	}{ETag: etag(view), Body: CreatedInitialAccessToken{view, made.token.Reveal()}}
	if made.replayed {
		answer.Replayed = "true"
	}
	return answer, nil
}

func (i *initialTokens) httpGet(ctx context.Context, in *initialPath) (*initialAnswer, error) {
	id, err := parseID(in.ID, "registration.token_unknown")
	if err != nil {
		return nil, err
	}
	known, err := i.tokens.Find(ctx, id)
	return i.answer(known, err)
}

func (i *initialTokens) httpRevoke(ctx context.Context, in *struct {
	ID      string `path:"token_id" maxLength:"36" doc:"The identifier of the token, which is not the token."`
	IfMatch string `header:"If-Match" doc:"The ETag of the token as it was read."`
},
) (*initialAnswer, error) {
	id, err := parseID(in.ID, "registration.token_unknown")
	if err != nil {
		return nil, err
	}
	revoked, err := i.revoke(ctx, principal(ctx), id, in.IfMatch)
	return i.answer(revoked, err)
}

func (i *initialTokens) answer(known registration.InitialToken, err error) (*initialAnswer, error) {
	if err != nil {
		return nil, err
	}
	view := i.view(known)
	return &initialAnswer{etag(view), view}, nil
}
