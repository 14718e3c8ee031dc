package admin

import (
	"context"
	"net/http"
	"time"

	"authly/internal/session"
)

// SessionPage is a page of sessions.
type SessionPage struct {
	Sessions []Session `json:"sessions"`
	Next     string    `json:"next_cursor,omitempty" doc:"What to send as cursor for the next page. Left out on the last one; a page that is not full, or empty, need not be it."`
}

type userPath struct {
	UserID string `path:"user_id" maxLength:"36" format:"uuid"`
}

type sessionPath struct {
	SessionID string `path:"session_id" maxLength:"36" format:"uuid"`
}

func (s *sessions) mount(to operations) {
	const read, write = "admin:sessions:read", "admin:sessions:write"
	register(to, operation{method: http.MethodGet, path: "/sessions", id: "list-sessions", summary: "List sessions, the newest first", scope: read, signIn: anySignIn}, s.httpList)
	register(to, operation{method: http.MethodGet, path: "/sessions/{session_id}", id: "get-session", summary: "Get a session", scope: read, signIn: anySignIn}, s.httpGet)
	register(to, operation{method: http.MethodDelete, path: "/sessions/{session_id}", id: "end-session", summary: "End a session, with what was issued in it but for offline access, and tell its clients", scope: write, signIn: anySignIn, status: http.StatusNoContent}, s.httpEnd)
	register(to, operation{method: http.MethodDelete, path: "/users/{user_id}/sessions", id: "end-user-sessions", summary: "End all sessions of a user", scope: write, signIn: anySignIn}, s.httpEndOfUser)
	register(to, operation{method: http.MethodDelete, path: "/clients/{client_id}/sessions", id: "end-client-sessions", summary: "End all sessions in which a client has got a code", scope: write, signIn: anySignIn}, s.httpEndOfClient)
}

func (s *sessions) httpList(ctx context.Context, in *struct {
	Limit    int           `query:"limit" minimum:"1" maximum:"200" default:"50"`
	Cursor   string        `query:"cursor" maxLength:"64" doc:"next_cursor of the page before."`
	UserID   string        `query:"user_id" maxLength:"36" format:"uuid"`
	ClientID string        `query:"client_id" maxLength:"255" doc:"Those in which the client has got a code."`
	State    session.State `query:"state"`
	Since    time.Time     `query:"created_since" doc:"Those that began at this time or later (RFC 3339)."`
	Until    time.Time     `query:"created_until" doc:"Those that began before this time (RFC 3339)."`
},
) (*struct{ Body SessionPage }, error) {
	after, err := parsePosition(in.Cursor)
	if err != nil {
		return nil, err
	}
	found, err := s.list(ctx, session.Query{
		UserID: filterID(in.UserID), State: in.State, Since: in.Since, Until: in.Until, After: after, Limit: in.Limit,
	}, in.ClientID)
	if err != nil {
		return nil, err
	}
	answer := &struct{ Body SessionPage }{SessionPage{Sessions: make([]Session, len(found.Items)), Next: found.Next.Cursor()}}
	for i, each := range found.Items {
		answer.Body.Sessions[i] = s.view(each)
	}
	return answer, nil
}

func (s *sessions) httpGet(ctx context.Context, in *sessionPath) (*struct{ Body Session }, error) {
	which, err := parseID(in.SessionID, "session.unknown")
	if err != nil {
		return nil, err
	}
	known, err := s.records.Find(ctx, which)
	if err != nil {
		return nil, err
	}
	return &struct{ Body Session }{s.view(known)}, nil
}

func (s *sessions) httpEnd(ctx context.Context, in *sessionPath) (*struct{}, error) {
	which, err := parseID(in.SessionID, "session.unknown")
	if err != nil {
		return nil, err
	}
	return nil, s.end(ctx, principal(ctx), which)
}

func (s *sessions) httpEndOfUser(ctx context.Context, in *userPath) (*endedAnswer, error) {
	which, err := parseID(in.UserID, "user.unknown")
	if err != nil {
		return nil, err
	}
	return answerWithCount(s.endAllOfUser(ctx, principal(ctx), which))
}

func (s *sessions) httpEndOfClient(ctx context.Context, in *clientPath) (*endedAnswer, error) {
	return answerWithCount(s.endAllOfClient(ctx, principal(ctx), in.ClientID))
}
