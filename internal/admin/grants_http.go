package admin

import (
	"context"
	"net/http"

	"authly/internal/consent"
)

// GrantPage is a page of grants.
type GrantPage struct {
	Grants []Grant `json:"grants"`
	Next   string  `json:"next_cursor,omitempty" doc:"What to send as cursor for the next page. Left out on the last one; a page that is not full, or empty, need not be it."`
}

type grantPath struct {
	GrantID string `path:"grant_id" maxLength:"36" format:"uuid"`
}

func (g *grants) mount(to operations) {
	const read, write = "admin:tokens:read", "admin:tokens:write"
	register(to, operation{method: http.MethodGet, path: "/grants", id: "list-grants", summary: "List what users allowed clients, the newest first", scope: read, signIn: anySignIn}, g.httpList)
	register(to, operation{method: http.MethodGet, path: "/grants/{grant_id}", id: "get-grant", summary: "Get what a user allowed a client", scope: read, signIn: anySignIn}, g.httpGet)
	register(to, operation{method: http.MethodDelete, path: "/grants/{grant_id}", id: "revoke-grant", summary: "Revoke what a user allowed a client, with everything that was issued from it", scope: write, signIn: anySignIn, status: http.StatusNoContent}, g.httpRevoke)
	register(to, operation{method: http.MethodDelete, path: "/users/{user_id}/grants", id: "revoke-user-grants", summary: "Revoke everything that a user allowed", scope: write, signIn: anySignIn}, g.httpRevokeOfUser)
	register(to, operation{method: http.MethodDelete, path: "/clients/{client_id}/grants", id: "revoke-client-grants", summary: "Revoke everything that a client was allowed", scope: write, signIn: anySignIn}, g.httpRevokeOfClient)
}

func (g *grants) httpList(ctx context.Context, in *struct {
	Limit    int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
	Cursor   string `query:"cursor" maxLength:"64" doc:"next_cursor of the page before."`
	UserID   string `query:"user_id" maxLength:"36" format:"uuid"`
	ClientID string `query:"client_id" maxLength:"255"`
	Active   string `query:"active" enum:"true,false" doc:"Those that were not revoked, or those that were."`
},
) (*struct{ Body GrantPage }, error) {
	after, err := parsePosition(in.Cursor)
	if err != nil {
		return nil, err
	}
	query := consent.Query{UserID: filterID(in.UserID), After: after, Limit: in.Limit}
	switch in.Active {
	case "true":
		query.State = consent.Active
	case "false":
		query.State = consent.Revoked
	}
	found, err := g.list(ctx, query, in.ClientID)
	if err != nil {
		return nil, err
	}
	answer := &struct{ Body GrantPage }{GrantPage{Grants: make([]Grant, len(found.Items)), Next: found.Next.Cursor()}}
	for i, each := range found.Items {
		answer.Body.Grants[i] = grantView(each)
	}
	return answer, nil
}

func (g *grants) httpGet(ctx context.Context, in *grantPath) (*struct{ Body Grant }, error) {
	which, err := parseID(in.GrantID, "grant.unknown")
	if err != nil {
		return nil, err
	}
	known, err := g.records.FindByID(ctx, which)
	if err != nil {
		return nil, err
	}
	return &struct{ Body Grant }{grantView(known)}, nil
}

func (g *grants) httpRevoke(ctx context.Context, in *grantPath) (*struct{}, error) {
	which, err := parseID(in.GrantID, "grant.unknown")
	if err != nil {
		return nil, err
	}
	return nil, g.revoke(ctx, principal(ctx), which)
}

func (g *grants) httpRevokeOfUser(ctx context.Context, in *userPath) (*endedAnswer, error) {
	which, err := parseID(in.UserID, "user.unknown")
	if err != nil {
		return nil, err
	}
	return answerWithCount(g.revokeAllOfUser(ctx, principal(ctx), which))
}

func (g *grants) httpRevokeOfClient(ctx context.Context, in *clientPath) (*endedAnswer, error) {
	return answerWithCount(g.revokeAllOfClient(ctx, principal(ctx), in.ClientID))
}
