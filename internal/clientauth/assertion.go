package clientauth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"authly/internal/client"
	"authly/internal/platform/clock"
	"authly/internal/platform/fault"
	"authly/internal/platform/httpx"
	"authly/internal/platform/secret"
	"authly/internal/protocol/jose"
	"authly/internal/protocol/oauth"
)

// AssertionType is the only client_assertion_type (RFC 7523 section 2.2).
const AssertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// The bounds of an assertion's times.
const (
	clockSkew       = time.Minute
	longestLifetime = 5 * time.Minute
	// legacyLifetime is for clients that follow older practice in other things too.
	legacyLifetime  = time.Hour
	maxAssertionIDs = 512 // bytes of a jti
)

// ClientKeys verifies what clients signed.
type ClientKeys interface {
	Verify(ctx context.Context, known client.Client, token string, expected jose.Expectation) ([]byte, error)
}

// privateKeyJWT is private_key_jwt (RFC 7523, OpenID Connect Core 1.0 section 9): the
// client signs an assertion about itself, for this server, for one time.
type privateKeyJWT struct {
	issuer, tokenEndpoint string
	keys                  ClientKeys
	store                 store
	clock                 clock.Clock
}

func (privateKeyJWT) Name() oauth.AuthenticationMethod { return oauth.PrivateKeyJWT }

// assertion are the claims of RFC 7523 section 3.
type assertion struct {
	Issuer    string          `json:"iss"`
	Subject   string          `json:"sub"`
	Audience  json.RawMessage `json:"aud"`
	ID        string          `json:"jti"`
	Expiry    *float64        `json:"exp"`
	NotBefore *float64        `json:"nbf"`
	IssuedAt  *float64        `json:"iat"`
	// Only request objects have these.
	ResponseType json.RawMessage `json:"response_type"`
	RedirectURI  json.RawMessage `json:"redirect_uri"`
}

func (m privateKeyJWT) Authenticate(ctx context.Context, known client.Client, credentials Credentials) error {
	if credentials.Assertion.IsZero() {
		return fault.New(fault.Forbidden, "client.assertion_missing")
	}
	expected := jose.Expectation{Types: []string{"", jose.TypeJWT, jose.TypeClientAuthentication}, Algorithms: jose.Algorithms()}
	if known.AuthenticationAlgorithm != "" {
		expected.Algorithms = []jose.Algorithm{known.AuthenticationAlgorithm}
	}
	payload, err := m.keys.Verify(ctx, known, credentials.Assertion.Reveal(), expected)
	if err != nil {
		return refused(err)
	}
	var claims assertion
	if err := jose.UnmarshalClaims(payload, &claims); err != nil {
		return refused(err)
	}
	if claims.ResponseType != nil || claims.RedirectURI != nil {
		return refused(errors.New("a request object, which everybody can see")) // RFC 9101 section 10.8
	}
	if claims.Issuer != known.ClientID || claims.Subject != known.ClientID {
		return refused(errors.New("iss or sub is not the client"))
	}
	if !m.isMeant(known, claims.Audience, credentials.Path) {
		return refused(errors.New("aud is not this server"))
	}
	now := m.clock.Now()
	expiresAt, err := claims.lifetime(now, known)
	if err != nil {
		return refused(err)
	}
	if claims.ID == "" || len(claims.ID) > maxAssertionIDs {
		return refused(errors.New("jti is missing or too long"))
	}
	use := usedAssertion{known.ID, secret.Hash(secret.FromString(claims.ID))}
	if credentials.used != nil && *credentials.used == use {
		return nil
	}
	// Kept through the tolerance, since so long the assertion would be accepted.
	first, err := m.store.useAssertion(ctx, use.client, use.id, expiresAt.Add(clockSkew))
	if err != nil {
		return fmt.Errorf("note the use of an assertion: %w", err)
	}
	if !first {
		return refused(errors.New("the assertion was used before, or its client is gone"))
	}
	if credentials.used != nil {
		*credentials.used = use
	}
	return nil
}

// usedAssertion is a client with the digest of the jti of its assertion.
type usedAssertion struct {
	client uuid.UUID
	id     secret.Digest
}

func refused(reason error) error {
	return fault.New(fault.Forbidden, "client.assertion_wrong").Because(reason)
}

// isMeant holds that an assertion is for this server alone: one that names other
// places too could be passed on by them. For clients with older practice the token
// endpoint and the one that is called, by its path, count as this server, and one of them may
// stand in a list.
func (m privateKeyJWT) isMeant(known client.Client, audience json.RawMessage, path string) bool {
	var list []string
	if one := ""; json.Unmarshal(audience, &one) == nil {
		list = []string{one}
	} else if json.Unmarshal(audience, &list) != nil {
		return false
	}
	if known.AssertionAudience != client.AudienceIssuerOrEndpoint {
		return len(list) == 1 && list[0] == m.issuer
	}
	called := strings.TrimSuffix(m.issuer, httpx.Path(m.issuer)) + path
	return slices.ContainsFunc(list, func(meant string) bool {
		return meant == m.issuer || meant == m.tokenEndpoint || path != "" && meant == called
	})
}

// lifetime checks exp, nbf and iat, and returns when the assertion expires.
func (a assertion) lifetime(now time.Time, known client.Client) (time.Time, error) {
	if a.Expiry == nil {
		return time.Time{}, errors.New("exp is missing")
	}
	longest := longestLifetime
	if known.AssertionAudience == client.AudienceIssuerOrEndpoint {
		longest = legacyLifetime
	}
	fromNow := *a.Expiry - float64(now.UnixMilli())/1000 // in seconds; a float has room for whatever was sent
	switch {
	case !(fromNow > -clockSkew.Seconds()):
		return time.Time{}, errors.New("the assertion has expired")
	case fromNow > (longest + clockSkew).Seconds():
		return time.Time{}, errors.New("exp is too far ahead")
	}
	for _, begin := range []*float64{a.NotBefore, a.IssuedAt} {
		if begin != nil && !(*begin-float64(now.UnixMilli())/1000 <= clockSkew.Seconds()) {
			return time.Time{}, errors.New("nbf or iat is in the future")
		}
	}
	return now.Add(time.Duration(fromNow * float64(time.Second))), nil
}

// claimedClient returns whom an assertion says it is from, before anything of it
// was verified: it only tells whose keys to verify it with.
func claimedClient(token string) string {
	var claims struct {
		Subject string `json:"sub"`
	}
	if jose.UnmarshalUnverified(token, &claims) != nil {
		return ""
	}
	return claims.Subject
}
