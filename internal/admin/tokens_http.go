package admin

import (
	"context"
	"net/http"

	"authly/internal/token"
)

// TokenPage is a page of what was issued.
type TokenPage struct {
	Tokens []Token `json:"tokens"`
	Next   string  `json:"next_cursor,omitempty" doc:"What to send as cursor for the next page. Left out on the last one; a page that is not full, or empty, need not be it."`
}

type tokenPath struct {
	TokenID string `path:"token_id" maxLength:"36" format:"uuid" doc:"The identifier of a family, or of an access token."`
}

func (t *tokens) mount(to operations) {
	const read, write = "admin:tokens:read", "admin:tokens:write"
	register(to, operation{method: http.MethodGet, path: "/tokens", id: "list-tokens", summary: "List what was issued, the newest first: families, and access tokens that clients got on their own behalf", scope: read, signIn: anySignIn}, t.httpList)
	register(to, operation{method: http.MethodGet, path: "/tokens/{token_id}", id: "get-token", summary: "Get a family or any access token", scope: read, signIn: anySignIn}, t.httpGet)
	register(to, operation{method: http.MethodDelete, path: "/tokens/{token_id}", id: "end-token", summary: "Revoke a family with all its tokens, or one access token", scope: write, signIn: anySignIn, status: http.StatusNoContent}, t.httpEnd)
	register(to, operation{method: http.MethodDelete, path: "/users/{user_id}/tokens", id: "end-user-tokens", summary: "Revoke everything that was issued on behalf of a user", scope: write, signIn: anySignIn}, t.httpEndOfUser)
	register(to, operation{method: http.MethodDelete, path: "/clients/{client_id}/tokens", id: "end-client-tokens", summary: "Revoke everything that was issued to a client", scope: write, signIn: anySignIn}, t.httpEndOfClient)
}

func (t *tokens) httpList(ctx context.Context, in *struct {
	Limit    int        `query:"limit" minimum:"1" maximum:"200" default:"50"`
	Cursor   string     `query:"cursor" maxLength:"64" doc:"next_cursor of the page before."`
	Kind     token.Kind `query:"kind"`
	UserID   string     `query:"user_id" maxLength:"36" format:"uuid" doc:"Only families have a user, and with family_id their access tokens."`
	ClientID string     `query:"client_id" maxLength:"255"`
	FamilyID string     `query:"family_id" maxLength:"36" format:"uuid" doc:"The access tokens of a family."`
	Active   string     `query:"active" enum:"true,false" doc:"Those that count now, or those that do not."`
},
) (*struct{ Body TokenPage }, error) {
	after, err := parsePosition(in.Cursor)
	if err != nil {
		return nil, err
	}
	query := token.IssuedQuery{
		Kind: in.Kind, UserID: filterID(in.UserID), FamilyID: filterID(in.FamilyID), After: after, Limit: in.Limit,
	}
	switch in.Active {
	case "true":
		query.State = token.Active
	case "false":
		query.State = token.Over
	}
	found, err := t.list(ctx, query, in.ClientID)
	if err != nil {
		return nil, err
	}
	answer := &struct{ Body TokenPage }{TokenPage{Tokens: make([]Token, len(found.Items)), Next: found.Next.Cursor()}}
	for i, each := range found.Items {
		answer.Body.Tokens[i] = t.view(each)
	}
	return answer, nil
}

func (t *tokens) httpGet(ctx context.Context, in *tokenPath) (*struct{ Body Token }, error) {
	which, err := parseID(in.TokenID, "token.unknown")
	if err != nil {
		return nil, err
	}
	known, err := t.issued.FindIssued(ctx, which)
	if err != nil {
		return nil, err
	}
	return &struct{ Body Token }{t.view(known)}, nil
}

func (t *tokens) httpEnd(ctx context.Context, in *tokenPath) (*struct{}, error) {
	which, err := parseID(in.TokenID, "token.unknown")
	if err != nil {
		return nil, err
	}
	return nil, t.end(ctx, principal(ctx), which)
}

func (t *tokens) httpEndOfUser(ctx context.Context, in *userPath) (*endedAnswer, error) {
	which, err := parseID(in.UserID, "user.unknown")
	if err != nil {
		return nil, err
	}
	return answerWithCount(t.endAllOfUser(ctx, principal(ctx), which))
}

func (t *tokens) httpEndOfClient(ctx context.Context, in *clientPath) (*endedAnswer, error) {
	return answerWithCount(t.endAllOfClient(ctx, principal(ctx), in.ClientID))
}
