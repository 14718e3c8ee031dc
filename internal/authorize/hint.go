package authorize

import (
	"slices"

	"authly/internal/client"
	"authly/internal/interaction"
	"authly/internal/protocol/jose"
	"authly/internal/protocol/oauth"
	"authly/internal/protocol/oidc"
)

// Verifier verifies what this server signed.
type Verifier interface {
	Verify(token, typ string, algorithms ...jose.Algorithm) ([]byte, error)
}

// fillPerson reads who the request is about: the subject of an id_token_hint, and
// the one that the claims parameter names (OpenID Connect Core 1.0 sections 3.1.2.1 and 5.5.1).
func (s *Service) fillPerson(request *interaction.Request, known client.Client, params oauth.Params) error {
	for _, wanted := range []oidc.ClaimRequest{request.Claims.IDToken["sub"], request.Claims.UserInfo["sub"]} {
		if len(wanted.Values) == 0 {
			continue
		}
		if err := narrow(request, wanted.Texts()); err != nil {
			return err
		}
	}
	sent := params.Get("id_token_hint")
	if sent == "" {
		return nil
	}
	hint, err := s.readHint(sent)
	if err != nil {
		return oauth.Refuse(oauth.InvalidRequest, "id_token_hint is not an ID token that this server signed").Because(err)
	}
	if hint.ClientID != known.ClientID {
		return oauth.Refuse(oauth.InvalidRequest, "id_token_hint was issued to another client")
	}
	return narrow(request, []string{hint.Subject})
}

// readHint accepts tokens that have expired, and those that were signed with a key
// that has been retired since.
func (s *Service) readHint(token string) (oidc.Hint, error) {
	payload, err := s.verifier.Verify(token, jose.TypeJWT)
	if err != nil {
		return oidc.Hint{}, err
	}
	return oidc.ParseHint(payload, s.issuer)
}

// narrow leaves the subjects that both the request so far and the list allow. When
// nobody is left, nobody can satisfy the request.
func narrow(request *interaction.Request, allowed []string) error {
	if len(request.Subjects) > 0 {
		allowed = slices.DeleteFunc(slices.Clone(allowed), func(subject string) bool { return !slices.Contains(request.Subjects, subject) })
	}
	if len(allowed) == 0 {
		return oauth.Refuse(oauth.InvalidRequest, "the request names no possible user")
	}
	request.Subjects = allowed
	return nil
}
