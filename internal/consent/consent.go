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

// Decider says who decided that a client may have what a grant has.
type Decider string

// Who decides.
const (
	// ByUser is a decision of the person on the consent page. Only that is remembered.
	ByUser Decider = "user"
	// ByPolicy is the client's record, which says that nobody is asked. The grant is there so that what hangs from it
	// can be ended.
	ByPolicy Decider = "policy"
)

// Grant is what a client was allowed for a user.
type Grant struct {
	ID          uuid.UUID
	Client      uuid.UUID
	UserID      uuid.UUID
	DecidedBy   Decider // ByUser if it is empty
	Permissions oauth.Permissions
	// Claims are those that were allowed by name (OpenID Connect Core 1.0 section 5.5).
	Claims []string
	// ReliedOn is what [ReliedOn] returned for the client when the person decided.
	ReliedOn  []byte
	CreatedAt time.Time
	UpdatedAt time.Time
	RevokedAt *time.Time
}

// Covers reports whether everything wanted was allowed before, to a client that was presented in the same way.
func (g Grant) Covers(wanted Wanted) bool {
	return bytes.Equal(g.ReliedOn, wanted.ReliedOn) && g.Permissions.Covers(wanted.Permissions) && containsAll(g.Claims, wanted.Claims)
}

func containsAll(known, wanted []string) bool {
	return !slices.ContainsFunc(wanted, func(value string) bool { return !slices.Contains(known, value) })
}

// Wanted is what a client asks to be allowed.
type Wanted struct {
	Permissions oauth.Permissions
	Claims      []string
	ReliedOn    []byte
}

func (g Grant) wanted() Wanted { return Wanted{g.Permissions, g.Claims, g.ReliedOn} }

// ReliedOn returns a digest of what a person relies on who allows something to a client that registered itself: its
// name, its home page, where its responses go, and how it proves itself. Such a client may change all of that, and
// what was allowed to the old one isn't allowed to the new one. It is nil for the clients of administrators.
func ReliedOn(known client.Client) []byte {
	if known.RegisteredBy != client.ByClient {
		return nil
	}
	var hosts []string
	for _, uri := range known.RedirectURIs {
		hosts = append(hosts, oauth.RedirectHost(uri))
	}
	slices.Sort(hosts)
	encoded, err := json.Marshal([]any{known.Name, known.ClientURI, slices.Compact(hosts), known.AuthenticationMethod, known.JWKSURI, string(known.JWKS)})
	if err != nil {
		panic(fmt.Sprintf("encode texts: %v", err)) // texts have a JSON form
	}
	digest := sha256.Sum256(encoded)
	return digest[:]
}

// MayRemember reports whether an earlier consent counts for a client that is known
// by its redirect URI. One that neither authenticates nor receives its codes at an https
// address of its own can be impersonated by any program on the user's machine, so it asks
// each time (RFC 8252 section 8.6, OAuth 2.1 section 7.3.1).
func MayRemember(known client.Client, redirectURI string) bool {
	if known.Consent != client.ConsentRemember {
		return false
	}
	return !known.IsPublic() || strings.HasPrefix(redirectURI, "https://")
}

// IsRemembered reports whether a user has allowed a client all that is wanted. The answer can be outdated when it
// arrives: [Service.Recall] decides.
func (s *Service) IsRemembered(ctx context.Context, clientRecord, userID uuid.UUID, wanted Wanted) (bool, error) {
	found, ok, err := s.Find(ctx, clientRecord, userID)
	return ok && found.Covers(wanted), err
}

// Find returns the live grant that a user decided about for a client; the second result reports whether there is one.
func (s *Service) Find(ctx context.Context, clientRecord, userID uuid.UUID) (Grant, bool, error) {
	found, ok, err := s.store.live(ctx, clientRecord, userID, ByUser)
	if err != nil {
		return Grant{}, false, fmt.Errorf("find a grant: %w", err)
	}
	return found, ok, nil
}

// Recall returns the live grant by which a user allowed a client all that is wanted, and locks it until the transaction
// of ctx ends: a withdrawal comes before it, and there is no grant, or after it, and ends what hangs from it. The second
// result reports whether there is such a grant. It makes and widens nothing.
func (s *Service) Recall(ctx context.Context, clientRecord, userID uuid.UUID, wanted Wanted) (Grant, bool, error) {
	found, ok, err := s.store.lockLive(ctx, clientRecord, userID, ByUser)
	if err != nil {
		return Grant{}, false, fmt.Errorf("recall a grant: %w", err)
	}
	return found, ok && found.Covers(wanted), nil
}

// maxAttempts bounds how often a decision starts over because the grant that it
// was about to widen was made or revoked by another request in between.
const maxAttempts = 20

// errGone refuses a grant of a user or for a client that was deleted meanwhile.
var errGone = fault.New(fault.NotFound, "consent.gone")

// Allow records that a user allows a client what the grant has, now, widening the live grant if there is one. It joins
// the transaction of ctx, until the end of which the grant is locked. The error is a fault of kind NotFound if the user
// or the client was deleted meanwhile.
func (s *Service) Allow(ctx context.Context, wanted Grant) (Grant, error) {
	wanted.DecidedBy = ByUser
	given, _, err := s.record(ctx, wanted)
	return given, err
}

// LetThrough records that the record of a client allows it what the grant has. The second result reports whether a
// grant was made or widened for that. It joins the transaction of ctx, until the end of which the grant is locked. The
// error is as that of Allow.
func (s *Service) LetThrough(ctx context.Context, wanted Grant) (Grant, bool, error) {
	wanted.DecidedBy = ByPolicy
	return s.record(ctx, wanted)
}

func (s *Service) record(ctx context.Context, wanted Grant) (given Grant, changed bool, err error) {
	err = s.store.inTransaction(ctx, func(ctx context.Context) error {
		given, changed, err = s.widen(ctx, wanted)
		return err
	})
	if err != nil {
		return Grant{}, false, fmt.Errorf("record a consent: %w", err)
	}
	return given, changed, nil
}

// widen makes or widens the live grant. Tabs that do so at once take turns at its row.
func (s *Service) widen(ctx context.Context, wanted Grant) (Grant, bool, error) {
	now := s.clock.Now()
	for range maxAttempts {
		live, ok, err := s.store.lockLive(ctx, wanted.Client, wanted.UserID, wanted.DecidedBy)
		if err != nil {
			return Grant{}, false, err
		}
		if !ok {
			made, created, err := s.store.insert(ctx, wanted, now)
			if err != nil || created {
				return made, created, err
			}
			continue // another tab was faster: widen that one
		}
		if live.Covers(wanted.wanted()) {
			return live, false, nil
		}
		widened := live
		if bytes.Equal(live.ReliedOn, wanted.ReliedOn) {
			widened.Permissions, widened.Claims = live.Permissions.Union(wanted.Permissions), union(live.Claims, wanted.Claims)
		} else { // what was allowed when the client looked different is not allowed to it as it is now
			widened.Permissions, widened.Claims, widened.ReliedOn = wanted.Permissions, wanted.Claims, wanted.ReliedOn
		}
		widened.UpdatedAt = now
		return widened, true, s.store.replace(ctx, widened)
	}
	return Grant{}, false, fault.New(fault.Conflict, "consent.busy")
}

func union(known, more []string) []string {
	all := slices.Clone(known)
	for _, value := range more {
		if !slices.Contains(all, value) {
			all = append(all, value)
		}
	}
	return all
}

// Revoke ends a grant and everything that hangs from it, in the transaction of ctx if
// there is one, and reports whether it was this call that did. Revoking twice changes
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

// RevokeAll ends all grants, in the transaction of ctx if there is one, and returns how many. Everyone is asked again. It is for
// a database that was restored, in which a consent that was withdrawn after the backup was made counts again.
func (s *Service) RevokeAll(ctx context.Context) (int64, error) {
	count, err := s.store.revokeAll(ctx, s.clock.Now())
	if err != nil {
		return 0, fmt.Errorf("revoke all grants: %w", err)
	}
	return count, nil
}

// ListOfUser returns the live grants of a user, the newest first, 500 at the most.
func (s *Service) ListOfUser(ctx context.Context, userID uuid.UUID) ([]Grant, error) {
	found, err := s.store.ofUser(ctx, userID)
	if err != nil {
		return nil, fmt.Errorf("list grants: %w", err)
	}
	return found, nil
}
