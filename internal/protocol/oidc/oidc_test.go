package oidc_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"authly/internal/protocol/jose"
	"authly/internal/protocol/oauth"
	"authly/internal/protocol/oidc"
)

func TestParsePrompt(t *testing.T) {
	for _, test := range []struct {
		value string
		want  oidc.PromptSet
	}{
		{"", nil},
		{"none", oidc.PromptSet{oidc.PromptNone}},
		{"none none", oidc.PromptSet{oidc.PromptNone}},
		{"login", oidc.PromptSet{oidc.PromptLogin}},
		{"consent login", oidc.PromptSet{oidc.PromptConsent, oidc.PromptLogin}},
		{"select_account consent select_account", oidc.PromptSet{oidc.PromptSelectAccount, oidc.PromptConsent}},
	} {
		got, err := oidc.ParsePrompt(test.value)
		if err != nil || !cmp.Equal(got, test.want) {
			t.Errorf("ParsePrompt(%q) = %v, %v", test.value, got, err)
		}
		for _, prompt := range oidc.Prompts() {
			if got.Has(prompt) != slices.Contains(test.want, prompt) {
				t.Errorf("%q: Has(%s) = %v", test.value, prompt, got.Has(prompt))
			}
		}
		if again, err := oidc.ParsePrompt(got.String()); err != nil || !cmp.Equal(again, got) {
			t.Errorf("%v as a text is %q, which is %v, %v", got, got.String(), again, err)
		}
	}
	for _, value := range []string{
		"none login", "consent none", "Create", "register", "Login", "NONE", " ", " login", "login ", "login  consent", "login\tconsent", "login,consent", "x",
		strings.Repeat("login ", 100) + "login",
	} {
		if got, err := oidc.ParsePrompt(value); oauth.CodeOf(err) != oauth.InvalidRequest || got != nil {
			t.Errorf("ParsePrompt(%.40q) = %v, %v; want invalid_request", value, got, err)
		}
	}
}

func TestParseMaxAge(t *testing.T) {
	const century = "3153600000"
	for value, want := range map[string]string{
		"": "", "0": "0", "1": "1", "010": "10", "10000": "10000", "9999999999": century, "9223372036854775808": century, "99999999999999999999": century,
	} {
		got, err := oidc.ParseMaxAge(value)
		if err != nil || got.String() != want || got.Sent() != (value != "") {
			t.Errorf("ParseMaxAge(%q) = %q, sent %v, %v", value, got, got.Sent(), err)
		}
		if again, err := oidc.ParseMaxAge(got.String()); err != nil || again != got {
			t.Errorf("%q became %q", got, again)
		}
	}
	for _, value := range []string{"-1", "+1", "1.5", "1e3", "0x10", " 1", "1 ", "ten", "1_000", "１", "100000000000000000000"} {
		if got, err := oidc.ParseMaxAge(value); oauth.CodeOf(err) != oauth.InvalidRequest || got.Sent() {
			t.Errorf("ParseMaxAge(%q) = %q, %v; want invalid_request", value, got, err)
		}
	}
}

func TestMaxAgeExceeded(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		value string
		age   time.Duration
		want  bool
	}{
		{"", 24 * time.Hour, false},
		{"0", 0, true},
		{"0", time.Hour, true},
		{"1", time.Second, false},
		{"1", time.Second + time.Microsecond, true},
		{"10000", time.Minute, false},
		{"10000", 10001 * time.Second, true},
		{"60", -time.Minute, false},
		{"99999999999999999999", 24 * 365 * time.Hour, false},
	} {
		maxAge, err := oidc.ParseMaxAge(test.value)
		if err != nil {
			t.Fatal(err)
		}
		if got := maxAge.Exceeded(now.Add(-test.age), now); got != test.want {
			t.Errorf("max_age %q after %v: Exceeded = %v", test.value, test.age, got)
		}
	}
	maxAge, _ := oidc.ParseMaxAge("90")
	if maxAge.Duration() != 90*time.Second {
		t.Errorf("Duration() = %v", maxAge.Duration())
	}
}

func TestIDTokenClaims(t *testing.T) {
	issued := time.Date(2026, 11, 23, 12, 0, 0, 999_000_000, time.UTC)
	least := oidc.IDToken{
		Issuer: "https://id.example", Subject: "s", ClientID: "client_x", Algorithm: jose.RS256, IssuedAt: issued, Lifetime: 5 * time.Minute,
	}
	full := least
	full.Nonce, full.SessionID, full.AuthenticationContextClass = "n", "sid", "urn:x"
	full.AuthenticationTime = issued.Add(-time.Hour)
	full.AuthenticationMethods = []string{"pwd", "otp"}
	full.AccessToken = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y"
	for name, test := range map[string]struct {
		token oidc.IDToken
		want  string
	}{
		"core-2 required claims only": {least, `{"iss":"https://id.example","sub":"s","aud":"client_x","exp":1795435500,"iat":1795435200}`},
		"core-2 all": {full, `{"iss":"https://id.example","sub":"s","aud":"client_x","exp":1795435500,"iat":1795435200,` +
			`"auth_time":1795431600,"nonce":"n","acr":"urn:x","amr":["pwd","otp"],"at_hash":"77QmUPtjPfzWtF2AnpK9RQ","sid":"sid"}`},
	} {
		t.Run(name, func(t *testing.T) {
			encoded, err := json.Marshal(test.token.Claims())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, string(encoded)); diff != "" {
				t.Error(diff)
			}
		})
	}
	if text := fmt.Sprintf("%v %+v %#v %s", full, full, full, full); strings.Contains(text, full.AccessToken) {
		t.Errorf("the access token is printed: %s", text)
	}
	edDSA := full
	edDSA.Algorithm = jose.EdDSA
	if got := edDSA.Claims().AccessTokenHash; got != jose.EdDSA.LeftHalfHash(full.AccessToken) || got == full.Claims().AccessTokenHash {
		t.Errorf("at_hash with EdDSA is %q", got)
	}
}

func TestValidateSubject(t *testing.T) {
	for subject, want := range map[string]bool{
		"a": true, "0198b6c0-6c1f-7c7b-9c55-4c2f4d1f7d3a": true, strings.Repeat("x", 255): true,
		"": false, strings.Repeat("x", 256): false, "é": false, "a\n": false, "a\x00": false, "\x7f": false,
	} {
		if err := oidc.ValidateSubject(subject); (err == nil) != want || err != nil && !errors.Is(err, oidc.ErrInvalidSubject) {
			t.Errorf("ValidateSubject(%q) = %v", subject, err)
		}
	}
}

func fullClaims() oidc.StandardClaims {
	yes, no := true, false
	return oidc.StandardClaims{
		Name: "Ada Lovelace", GivenName: "Ada", FamilyName: "Lovelace", MiddleName: "King", Nickname: "ada", PreferredUsername: "ada",
		Profile: "https://ada.example", Picture: "https://ada.example/p.png", Website: "https://ada.example/w", Gender: "female",
		Birthdate: "1815-12-10", ZoneInfo: "Europe/London", Locale: "en-GB", UpdatedAt: time.Unix(1795435200, 5),
		Email: "ada@example.com", EmailVerified: &yes,
		Address:     &oidc.Address{Formatted: "12 St James's Square", Locality: "London", Country: "GB"},
		PhoneNumber: "+441234567", PhoneNumberVerified: &no,
	}
}

func TestClaimsForScopes(t *testing.T) {
	for name, test := range map[string]struct {
		claims oidc.StandardClaims
		scope  string
		want   string
	}{
		"core-5.3.2 sub always": {fullClaims(), "", `{"sub":"s"}`},
		"core-5.4 openid":       {fullClaims(), "openid offline_access other", `{"sub":"s"}`},
		"core-5.4 email":        {fullClaims(), "openid email", `{"email":"ada@example.com","email_verified":true,"sub":"s"}`},
		"core-5.4 phone":        {fullClaims(), "phone", `{"phone_number":"+441234567","phone_number_verified":false,"sub":"s"}`},
		"core-5.1.1 address":    {fullClaims(), "address", `{"address":{"formatted":"12 St James's Square","locality":"London","country":"GB"},"sub":"s"}`},
		"core-5.4 profile": {fullClaims(), "profile", `{"birthdate":"1815-12-10","family_name":"Lovelace","gender":"female","given_name":"Ada",` +
			`"locale":"en-GB","middle_name":"King","name":"Ada Lovelace","nickname":"ada","picture":"https://ada.example/p.png","preferred_username":"ada",` +
			`"profile":"https://ada.example","sub":"s","updated_at":1795435200,"website":"https://ada.example/w","zoneinfo":"Europe/London"}`},
		"core-5.3.2 nothing known": {oidc.StandardClaims{}, "openid profile email address phone", `{"sub":"s"}`},
		"core-5.3.2 empty address": {oidc.StandardClaims{Address: &oidc.Address{}}, "address", `{"sub":"s"}`},
		"verified without address": {oidc.StandardClaims{EmailVerified: new(bool), PhoneNumberVerified: new(bool)}, "email phone", `{"sub":"s"}`},
		"not said if verified":     {oidc.StandardClaims{Email: "a@b.c"}, "email", `{"email":"a@b.c","sub":"s"}`},
	} {
		t.Run(name, func(t *testing.T) {
			scopes, err := oauth.ParseScope(test.scope)
			if err != nil {
				t.Fatal(err)
			}
			encoded, err := json.Marshal(test.claims.ClaimsForScopes("s", scopes))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, string(encoded)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// No claim gets out but by the scope that stands for it, and a person's record
// can't replace the subject.
func TestClaimsForScopesProperty(t *testing.T) {
	scopesOf := rapid.SliceOfDistinct(rapid.SampledFrom([]string{"openid", "profile", "email", "address", "phone", "offline_access", "x"}), rapid.ID[string])
	rapid.Check(t, func(t *rapid.T) {
		scopes := oauth.ScopeSet(scopesOf.Draw(t, "scopes"))
		claims := fullClaims().ClaimsForScopes("subject", scopes)
		allowed := append(oidc.ClaimNames(scopes), "sub")
		for name, value := range claims {
			if !slices.Contains(allowed, name) || value == nil || value == "" {
				t.Fatalf("%v gives %s = %v", scopes, name, value)
			}
		}
		for _, name := range allowed {
			if _, found := claims[name]; !found {
				t.Fatalf("%v doesn't give %s", scopes, name)
			}
		}
		if claims["sub"] != "subject" {
			t.Fatalf("sub is %v", claims["sub"])
		}
	})
}

func TestClaimNames(t *testing.T) {
	got := oidc.ClaimNames(oauth.ScopeSet{"email", "openid", "email", "x"})
	if want := []string{"email", "email_verified", "sub"}; !slices.Equal(got, want) {
		t.Errorf("ClaimNames = %v, want %v", got, want)
	}
}

// OpenID Connect Core 1.0 section 5.5: what was asked for by name is in the ID
// token, and never in the place of a protocol claim.
func TestIDTokenRequestedClaims(t *testing.T) {
	t.Parallel()
	token := oidc.IDToken{
		Issuer: "https://id.example", Subject: "ada", ClientID: "app", IssuedAt: time.Unix(1000, 0), Lifetime: time.Minute,
		Requested: map[string]any{"email": "ada@example.com", "sub": "bob", "iss": "https://evil.example", "nonce": "planted", "azp": "evil", "exp": 1},
	}
	encoded, err := json.Marshal(token.Claims())
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(encoded, &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"iss": "https://id.example", "sub": "ada", "aud": "app", "exp": 1060.0, "iat": 1000.0, "email": "ada@example.com",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
