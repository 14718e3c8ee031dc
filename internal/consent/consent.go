package consent

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"authly/internal/client"
	"authly/internal/platform/fault"
	"authly/internal/protocol/oauth"
)

// Decider is who decided on a grant.
type Decider string

// The deciders.
const (
	// ByUser is a decision of the user on the consent page. Only these are remembered.
	ByUser Decider = "user"
	// ByPolicy is a decision by the client's record, which skips the consent page. The grant exists so that
	// everything issued under it can be ended.
	ByPolicy Decider = "policy"
)

// Grant is the access that a client has for a user.
type Grant struct {
	ID          uuid.UUID
	Client      uuid.UUID
	UserID      uuid.UUID
	DecidedBy   Decider // ByUser if it is empty
	Permissions oauth.Permissions
	// Claims are the claims allowed by name (OpenID Connect Core 1.0 section 5.5).
	Claims []string
	// ReliedOn is the digest of [ReliedOn] for the client when the user decided.
	ReliedOn  []byte
	CreatedAt time.Time
	UpdatedAt time.Time
	RevokedAt *time.Time
}

// Covers reports whether everything requested was allowed before, to a client that was presented in the same way.
func (g Grant) Covers(request Wanted) bool {
	return bytes.Equal(g.ReliedOn, request.ReliedOn) && g.Permissions.Covers(request.Permissions) && containsAll(g.Claims, request.Claims)
}

func containsAll(all, values []string) bool {
	return !slices.ContainsFunc(values, func(value string) bool { return !slices.Contains(all, value) })
}

// Wanted is the access that a client requests.
type Wanted struct {
	Permissions oauth.Permissions
	Claims      []string
	ReliedOn    []byte
}

func (g Grant) wanted() Wanted { return Wanted{g.Permissions, g.Claims, g.ReliedOn} }

// ReliedOn returns a digest of what a user relies on when they allow access to a client that registered itself: its
// name, its home page, where its responses go, and how it authenticates. Such a client may change all of that, and
// an earlier consent doesn't cover the changed client. It is nil for clients that administrators registered.
func ReliedOn(cl client.Client) []byte {
	if cl.RegisteredBy != client.ByClient {
		return nil
	}
	var hosts []string
	for _, uri := range cl.RedirectURIs {
		hosts = append(hosts, oauth.RedirectHost(uri))
	}
	slices.Sort(hosts)
	encoded, err := json.Marshal([]any{cl.Name, cl.ClientURI, slices.Compact(hosts), cl.AuthenticationMethod, cl.JWKSURI, string(cl.JWKS)})
	if err != nil {
		panic(fmt.Sprintf("encode texts: %v", err)) // texts have a JSON form
	}
	digest := sha256.Sum256(encoded)
	return digest[:]
}

// MayRemember reports whether an earlier consent counts for a client that is identified
// by its redirect URI. A client that neither authenticates nor receives its codes at an https
// address of its own can be impersonated by any program on the user's machine, so the user is asked
// each time (RFC 8252 section 8.6, OAuth 2.1 section 7.3.1).
func MayRemember(cl client.Client, redirectURI string) bool {
	if cl.Consent != client.ConsentRemember {
		return false
	}
	return !cl.IsPublic() || strings.HasPrefix(redirectURI, "https://")
}

// IsRemembered reports whether a user has allowed a client everything requested. The result can be outdated when it
// is used: [Service.Recall] decides.
func (s *Service) IsRemembered(ctx context.Context, clientRecord, userID uuid.UUID, request Wanted) (bool, error) {
	grant, ok, err := s.Find(ctx, clientRecord, userID)
	return ok && grant.Covers(request), err
}

// Find returns the live grant by the user's own decision for a client, and reports whether there is one.
func (s *Service) Find(ctx context.Context, clientRecord, userID uuid.UUID) (Grant, bool, error) {
	grant, ok, err := s.store.live(ctx, clientRecord, userID, ByUser)
	if err != nil {
		return Grant{}, false, fmt.Errorf("find a grant: %w", err)
	}
	return grant, ok, nil
}

// Recall returns the live grant with which a user allowed a client everything requested, and locks it until the
// transaction of ctx ends: a concurrent withdrawal comes either before, and there is no grant, or after, and ends what
// was issued. The second result reports whether there is such a grant. Recall changes nothing.
func (s *Service) Recall(ctx context.Context, clientRecord, userID uuid.UUID, request Wanted) (Grant, bool, error) {
	grant, ok, err := s.store.lockLive(ctx, clientRecord, userID, ByUser)
	if err != nil {
		return Grant{}, false, fmt.Errorf("recall a grant: %w", err)
	}
	return grant, ok && grant.Covers(request), nil
}

// maxAttempts bounds how often a decision starts over because another request created or
// revoked the grant in between.
const maxAttempts = 20

// errGone refuses a grant whose user or client was deleted meanwhile.
var errGone = fault.New(fault.NotFound, "consent.gone")

// Allow records that a user allows a client the access of the grant, widening the live grant if there is one. It joins
// the transaction of ctx, until whose end the grant is locked. The error is a fault of kind NotFound if the user
// or the client was deleted meanwhile.
func (s *Service) Allow(ctx context.Context, grant Grant) (Grant, error) {
	grant.DecidedBy = ByUser
	given, _, err := s.record(ctx, grant)
	return given, err
}

// LetThrough records that the record of a client allows it the access of the grant. The second result reports whether a
// grant was created or widened. It joins the transaction of ctx, until whose end the grant is locked. The
// error is as that of Allow.
func (s *Service) LetThrough(ctx context.Context, grant Grant) (Grant, bool, error) {
	grant.DecidedBy = ByPolicy
	return s.record(ctx, grant)
}

func (s *Service) record(ctx context.Context, grant Grant) (given Grant, changed bool, err error) {
	err = s.store.inTransaction(ctx, func(ctx context.Context) error {
		given, changed, err = s.widen(ctx, grant)
		return err
	})
	if err != nil {
		return Grant{}, false, fmt.Errorf("record a consent: %w", err)
	}
	return given, changed, nil
}

// widen creates or widens the live grant. Concurrent requests are serialized by its row.
func (s *Service) widen(ctx context.Context, grant Grant) (Grant, bool, error) {
	now := s.clock.Now()
	for range maxAttempts {
		live, ok, err := s.store.lockLive(ctx, grant.Client, grant.UserID, grant.DecidedBy)
		if err != nil {
			return Grant{}, false, err
		}
		if !ok {
			inserted, created, err := s.store.insert(ctx, grant, now)
			if err != nil || created {
				return inserted, created, err
			}
			continue // another request created it: widen that one
		}
		if live.Covers(grant.wanted()) {
			return live, false, nil
		}
		widened := live
		if bytes.Equal(live.ReliedOn, grant.ReliedOn) {
			widened.Permissions, widened.Claims = live.Permissions.Union(grant.Permissions), union(live.Claims, grant.Claims)
		} else { // the client has changed: the earlier consent doesn't count
			widened.Permissions, widened.Claims, widened.ReliedOn = grant.Permissions, grant.Claims, grant.ReliedOn
		}
		widened.UpdatedAt = now
		return widened, true, s.store.replace(ctx, widened)
	}
	return Grant{}, false, fault.New(fault.Conflict, "consent.busy")
}

func union(values, more []string) []string {
	all := slices.Clone(values)
	for _, value := range more {
		if !slices.Contains(all, value) {
			all = append(all, value)
		}
	}
	return all
}

// Revoke ends a grant and everything issued under it, in the transaction of ctx if
// there is one, and reports whether this call did. Revoking twice changes
// nothing. The error is a fault of kind NotFound if there is no such grant.
func (s *Service) Revoke(ctx context.Context, id uuid.UUID) (bool, error) {
	first, err := s.store.revoke(ctx, id, s.clock.Now())
	if err != nil {
		return false, fmt.Errorf("revoke a grant: %w", err)
	}
	if !first {
		_, err = s.FindByID(ctx, id)
	}
	return first, err
}

// RevokeAll ends all grants, in the transaction of ctx if there is one, and returns how many. All users are asked again. It is for
// a restored database, in which a consent that was withdrawn after the backup would count again.
func (s *Service) RevokeAll(ctx context.Context) (int64, error) {
	count, err := s.store.revokeAll(ctx, s.clock.Now())
	if err != nil {
		return 0, fmt.Errorf("revoke all grants: %w", err)
	}
	return count, nil
}

// ListOfUser returns the live grants of a user, newest first, at most 500.
func (s *Service) ListOfUser(ctx context.Context, userID uuid.UUID) ([]Grant, error) {
	grants, err := s.store.ofUser(ctx, userID)
	if err != nil {
		return nil, fmt.Errorf("list grants: %w", err)
	}
	return grants, nil
}
