package logout

import (
	"context"
	"errors"
	"fmt"
	"time"

	"authly/internal/audit"
	"authly/internal/client"
	"authly/internal/platform/id"
	"authly/internal/platform/secret"
	"authly/internal/session"
	"authly/internal/user"
)

// requestLifetime is how long a stored request waits: for its browser, and then
// for the person's decision.
const requestLifetime = 15 * time.Minute

// step is what follows for a request in a browser.
type step string

const (
	stepDone   step = "done"   // nobody is signed in, and the request leads nowhere
	stepReturn step = "return" // nobody is signed in, and the client gets its browser back
	stepLink   step = "link"   // nobody is signed in, and a link leads to the client
	stepAsk    step = "ask"
	stepEnd    step = "end"
)

// visit is a request in a browser.
type visit struct {
	request  Request
	client   *client.Client // nil if there is none that may act
	current  session.Session
	signedIn bool
}

// next decides. Only the ID token of the browser's own session spares the question
// (RP-Initiated Logout 1.0 sections 2 and 6): without one, any site could sign people
// out, and with that of another session, or person, it is not certain who is meant.
func (s *Service) next(v visit) step {
	switch {
	case !v.signedIn && v.request.hasHint() && v.request.RedirectURI != "" && s.mayReturnSilently(v):
		return stepReturn
	case !v.signedIn && v.request.hasHint() && v.request.RedirectURI != "":
		return stepLink
	case !v.signedIn:
		return stepDone
	case v.client != nil && v.request.hasHint() && v.request.SessionID == s.subjects.SessionOf(*v.client, v.current.ID) &&
		v.request.Subject == s.subjects.Of(*v.client, v.current.UserID):
		return stepEnd
	default:
		return stepAsk
	}
}

// mayReturnSilently reports whether a browser that is not signed in may be sent to the client
// without a question. An ID token never stops being a hint, so an old one would let everyone who has
// it send people away from this server for good: it has to be of a session that could still live. A
// client that registered itself without an initial access token was checked by no one (RFC 9700
// section 4.11.2).
func (s *Service) mayReturnSilently(v visit) bool {
	return v.client != nil && !v.client.RegisteredOpenly && s.clock.Now().Sub(v.request.HintIssuedAt) <= s.sessionLifetime
}

// visit completes a request with what is known about its browser.
func (s *Service) visit(ctx context.Context, request Request, current session.Session, signedIn bool) (visit, error) {
	known, err := s.client(ctx, request)
	if err != nil {
		return visit{}, err
	}
	if known == nil || !known.HasPostLogoutRedirectURI(request.RedirectURI) {
		request.RedirectURI, request.State = "", "" // changed since the request was stored
	}
	return visit{request, known, current, signedIn}, nil
}

// Keep stores a request and returns the handle under which it is found.
func (s *Service) Keep(ctx context.Context, request Request) (secret.Redacted, error) {
	handle, now := secret.New(), s.clock.Now()
	if err := s.store.insertRequest(ctx, id.New(), secret.Hash(handle), request, now, now.Add(requestLifetime)); err != nil {
		return secret.Redacted{}, fmt.Errorf("keep a logout request: %w", err)
	}
	return handle, nil
}

// Kept returns the request of a handle. One that has expired or never was is the
// empty request: somebody who wants to be signed out still can be.
func (s *Service) Kept(ctx context.Context, handle secret.Redacted) (Request, error) {
	if handle.IsZero() {
		return Request{}, nil
	}
	request, err := s.store.request(ctx, secret.Hash(handle), s.clock.Now())
	if err != nil && !errors.Is(err, errNoRecord) {
		return Request{}, fmt.Errorf("find a logout request: %w", err)
	}
	return request, nil
}

// End ends a session, and with it everything that was issued from it, except for
// offline access. Clients that have to be told are told soon after, not here.
func (s *Service) End(ctx context.Context, current session.Session) error {
	err := s.store.inTransaction(ctx, func(ctx context.Context) error {
		if first, err := s.sessions.End(ctx, current.ID); err != nil || !first {
			return err
		}
		return s.audit.Record(ctx, audit.Event{
			Action: audit.SignOut, Actor: audit.Actor{Kind: audit.User, ID: current.UserID.String()},
			Target: audit.Target{Kind: "session", ID: current.ID.String()},
		})
	})
	if err != nil {
		return err
	}
	s.outbox.Wake()
	return nil
}

// Frames returns what a browser has to load so that the clients of its session that
// want it so learn of the session's end (OpenID Connect Front-Channel Logout 1.0 section 3).
func (s *Service) Frames(ctx context.Context, ended session.Session) (Frames, error) {
	return s.frames(ctx, ended.ID)
}

// Who returns the user of a session.
func (s *Service) Who(ctx context.Context, current session.Session) (user.User, error) {
	return s.users.Find(ctx, current.UserID)
}

// Sweep deletes requests that have expired.
func (s *Service) Sweep(ctx context.Context) error {
	if err := s.store.sweepRequests(ctx, s.clock.Now()); err != nil {
		return fmt.Errorf("sweep logout requests: %w", err)
	}
	return nil
}
