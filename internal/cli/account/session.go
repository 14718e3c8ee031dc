package account

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"authly/internal/cli/remote"
	"authly/internal/platform/clock"
	"authly/internal/platform/relyingparty"
	"authly/internal/platform/secret"
)

// early is how long before its end a token is renewed, so that it still counts when it arrives.
const early = 30 * time.Second

var (
	// ErrEnded is wrapped where the server has ended what the person was given.
	ErrEnded = errors.New("the sign-in has ended")
	// ErrOtherUser is wrapped where another user signed in than the one of the profile.
	ErrOtherUser = errors.New("another user signed in")
)

// SignIn signs the user in again, with the scopes that the profile has, within maxAge. It returns
// zero tokens where nobody can be asked.
type SignIn func(ctx context.Context, provider relyingparty.Provider, scopes []string, maxAge time.Duration) (relyingparty.Tokens, error)

// Session gives the access token of a profile, as [authly/internal/cli/remote.Tokens].
type Session struct {
	book    *Book
	profile Profile
	clock   clock.Clock
	// discover is asked only when a token has to be renewed.
	discover func(ctx context.Context) (relyingparty.Provider, error)
	signIn   SignIn
}

// Session returns the session of a profile.
func (b *Book) Session(profile Profile, by clock.Clock, discover func(ctx context.Context) (relyingparty.Provider, error), signIn SignIn) *Session {
	return &Session{b, profile, by, discover, signIn}
}

// Token returns an access token that counts; which scope it is for was decided at the sign-in.
func (s *Session) Token(ctx context.Context, scope string) (secret.Redacted, error) {
	known, err := s.book.Credentials(ctx, s.profile)
	if err != nil {
		return secret.Redacted{}, err
	}
	if s.counts(known) {
		return known.Access, nil
	}
	return s.Renew(ctx, scope, known.Access)
}

func (s *Session) counts(known Credentials) bool {
	return !known.Access.IsZero() && s.clock.Now().Add(early).Before(known.ExpiresAt)
}

// Renew gets another access token in place of one that does not count any more.
func (s *Session) Renew(ctx context.Context, _ string, refused secret.Redacted) (secret.Redacted, error) {
	var renewed secret.Redacted
	err := s.book.locked("credentials-"+s.profile.Name, func() error {
		known, err := s.book.Credentials(ctx, s.profile)
		if err != nil {
			return err
		}
		if !known.Access.Equal(refused) && s.counts(known) { // somebody else was faster
			renewed = known.Access
			return nil
		}
		renewed, err = s.refresh(ctx, known)
		return err
	})
	return renewed, err
}

// refresh uses the refresh token. The lock is held.
func (s *Session) refresh(ctx context.Context, known Credentials) (secret.Redacted, error) {
	if known.Refresh.IsZero() {
		return secret.Redacted{}, ErrEnded
	}
	provider, err := s.discover(ctx)
	if err != nil {
		return secret.Redacted{}, err
	}
	given, err := provider.Refresh(ctx, s.profile.ClientID, known.Refresh)
	if relyingparty.IsRefusal(err, "invalid_grant") || relyingparty.IsRefusal(err, "invalid_client") {
		return secret.Redacted{}, fmt.Errorf("%w: %w", ErrEnded, errors.Join(err, s.book.Forget(ctx, s.profile)))
	}
	if err != nil {
		return secret.Redacted{}, err
	}
	if given.Refresh.IsZero() {
		given.Refresh = known.Refresh
	}
	if given.Scope == "" {
		given.Scope = known.Scope
	}
	// Interrupted or not: the old refresh token is used up.
	return given.Access, s.book.Keep(context.WithoutCancel(ctx), s.profile, CredentialsOf(given, s.clock.Now()))
}

// StepUp signs the user in again and keeps what the server gives in place of what it gave before,
// which is given back. The lock is not held meanwhile: other programs of this user go on with the
// tokens that there are.
func (s *Session) StepUp(ctx context.Context, _ string, maxAge time.Duration) (secret.Redacted, error) {
	known, err := s.book.Credentials(ctx, s.profile)
	if err != nil {
		return secret.Redacted{}, err
	}
	provider, err := s.discover(ctx)
	if err != nil {
		return secret.Redacted{}, err
	}
	given, err := s.signIn(ctx, provider, strings.Fields(known.Scope), maxAge)
	if err != nil || given.Access.IsZero() {
		return secret.Redacted{}, err
	}
	before := given.Refresh
	if given.Person.Subject == s.profile.Subject {
		before, err = s.replace(ctx, given)
	} else {
		given.Access = secret.Redacted{}
		err = fmt.Errorf("%w: the profile %s is of %s", ErrOtherUser, s.profile.Name, cmp.Or(s.profile.Username, s.profile.Subject))
	}
	if !before.IsZero() {
		// The new sign-in is what counts; a token that can't be given back ends by itself.
		_ = provider.Revoke(context.WithoutCancel(ctx), s.profile.ClientID, before)
	}
	return given.Access, err
}

// replace keeps new tokens and returns the refresh token that was kept before.
func (s *Session) replace(ctx context.Context, given relyingparty.Tokens) (secret.Redacted, error) {
	var before secret.Redacted
	err := s.book.locked("credentials-"+s.profile.Name, func() error {
		known, err := s.book.Credentials(ctx, s.profile)
		if err != nil && !errors.Is(err, ErrNoCredentials) {
			return err
		}
		before = known.Refresh
		return s.book.Keep(context.WithoutCancel(ctx), s.profile, CredentialsOf(given, s.clock.Now()))
	})
	if err != nil {
		return given.Refresh, err
	}
	return before, nil
}

// CredentialsOf returns what is kept of tokens that the server gave just now.
func CredentialsOf(given relyingparty.Tokens, now time.Time) Credentials {
	return Credentials{given.Access, given.Refresh, now.Add(given.Lifetime), given.Scope}
}

// Fixed is an access token that somebody else gets and renews.
type Fixed struct{ Access secret.Redacted }

// Token returns it.
func (f Fixed) Token(context.Context, string) (secret.Redacted, error) { return f.Access, nil }

// Renew returns none: the server's answer stands.
func (f Fixed) Renew(context.Context, string, secret.Redacted) (secret.Redacted, error) {
	return secret.Redacted{}, nil
}

// StepUp returns none: the program that gets the token has to get another one.
func (f Fixed) StepUp(context.Context, string, time.Duration) (secret.Redacted, error) {
	return secret.Redacted{}, nil
}

// Service gets tokens for a client on its own behalf, for one scope at a time, so that the client
// needs no scope but those of what it does. One goroutine may use it at a time.
type Service struct {
	ClientID string
	Secret   secret.Redacted
	Resource string
	Discover func(ctx context.Context) (relyingparty.Provider, error)

	known map[string]secret.Redacted // by scope
}

// Token returns the token for a scope; it is kept for as long as the program runs.
func (s *Service) Token(ctx context.Context, scope string) (secret.Redacted, error) {
	if token, ok := s.known[scope]; ok {
		return token, nil
	}
	return s.Renew(ctx, scope, secret.Redacted{})
}

// Renew gets another one.
func (s *Service) Renew(ctx context.Context, scope string, _ secret.Redacted) (secret.Redacted, error) {
	provider, err := s.Discover(ctx)
	if err != nil {
		return secret.Redacted{}, err
	}
	given, err := provider.ClientCredentials(ctx, s.ClientID, s.Secret, scope, s.Resource)
	if relyingparty.IsRefusal(err, "invalid_scope") {
		return secret.Redacted{}, fmt.Errorf("%w: it needs %s: %w", err, scope, remote.ErrScope)
	}
	if err != nil {
		return secret.Redacted{}, err
	}
	if s.known == nil {
		s.known = map[string]secret.Redacted{}
	}
	s.known[scope] = given.Access
	return given.Access, nil
}

// StepUp gets another one: a client proves itself for each of its tokens.
func (s *Service) StepUp(ctx context.Context, scope string, _ time.Duration) (secret.Redacted, error) {
	return s.Renew(ctx, scope, secret.Redacted{})
}
