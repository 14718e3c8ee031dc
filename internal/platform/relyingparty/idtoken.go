package relyingparty

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"authly/internal/protocol/jose"
)

var errIDToken = errors.New("the ID token is not for this sign-in")

// leeway is how far the clocks of this machine and the provider may be apart.
const leeway = 2 * time.Minute

// person checks the ID token of a sign-in (OpenID Connect Core 1.0 section 3.1.3.7).
func (p Provider) person(ctx context.Context, token, clientID, nonce string, now time.Time) (Person, error) {
	status, body, err := p.ask(ctx, http.MethodGet, p.Keys, nil)
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("the server answered with status %d", status)
	}
	if err != nil {
		return Person{}, fmt.Errorf("read the server's keys: %w", err)
	}
	keys, err := jose.ParseKeySet(body)
	if err != nil {
		return Person{}, fmt.Errorf("read the server's keys: %w", err)
	}
	payload, err := keys.Verify(token, jose.Expectation{Algorithms: jose.Algorithms(), Types: []string{jose.TypeJWT, ""}})
	if err != nil {
		return Person{}, fmt.Errorf("verify the ID token: %w", err)
	}
	var claims struct {
		Person
		Issuer   string   `json:"iss"`
		Audience audience `json:"aud"`
		Expires  float64  `json:"exp"`
		Nonce    string   `json:"nonce"`
	}
	if err := jose.UnmarshalClaims(payload, &claims); err != nil {
		return Person{}, fmt.Errorf("read the ID token: %w", err)
	}
	for reason, wrong := range map[string]bool{
		"iss": claims.Issuer != p.Issuer, "aud": !slices.Equal(claims.Audience, []string{clientID}), "nonce": claims.Nonce != nonce || nonce == "",
		"sub": claims.Subject == "", "exp": now.Add(-leeway).Unix() >= int64(claims.Expires),
	} {
		if wrong {
			return Person{}, fmt.Errorf("%w: its %s is another", errIDToken, reason)
		}
	}
	return claims.Person, nil
}

// audience is a text or a list of them (RFC 7519 section 4.1.3).
type audience []string

// UnmarshalJSON reads both forms.
func (a *audience) UnmarshalJSON(encoded []byte) error {
	var one string
	if err := json.Unmarshal(encoded, &one); err == nil {
		*a = audience{one}
		return nil
	}
	return json.Unmarshal(encoded, (*[]string)(a))
}
