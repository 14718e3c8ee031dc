package clientkeys

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"authly/internal/client"
	"authly/internal/platform/jwks"
	"authly/internal/protocol/jose"
	"authly/internal/protocol/oauth"
)

// ErrNoKeys is returned for a client without keys, or whose keys can't be had now.
var ErrNoKeys = errors.New("the client's keys can't be had")

// Service finds the keys of clients. It is safe for concurrent use.
type Service struct{ published *jwks.Cache }

// New returns the service. Keys at an address come from the cache.
func New(published *jwks.Cache) *Service { return &Service{published} }

// Verify checks the signature of a token that a client made, and returns its
// payload. The error wraps [jose.ErrInvalidToken] or [ErrNoKeys].
func (s *Service) Verify(ctx context.Context, of client.Client, token string, expected jose.Expectation) ([]byte, error) {
	var payload []byte
	err := s.with(ctx, of, func(set jose.KeySet) (err error) {
		payload, err = set.Verify(token, expected)
		return err
	})
	return payload, err
}

// with calls work with the client's keys, and once more with newer ones if it missed a key that
// may be at the client's address by now. The error is that of work, or wraps [ErrNoKeys].
func (s *Service) with(ctx context.Context, of client.Client, work func(jose.KeySet) error) error {
	if len(of.JWKS) > 0 {
		set, err := jose.ParseKeySet(of.JWKS)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrNoKeys, err)
		}
		return work(set)
	}
	if of.JWKSURI == "" {
		return ErrNoKeys
	}
	err := s.published.Use(ctx, of.JWKSURI, work)
	if errors.Is(err, jwks.ErrUnavailable) {
		return ErrNoKeys
	}
	return err
}

// Encrypt returns a signed token as a nested JWT for a client (RFC 7519 section
// 5.2). A client that has no key for that is told so by an [*oauth.Error]: it is not
// a failure of this server.
func (s *Service) Encrypt(ctx context.Context, of client.Client, how client.Encryption, signed string) (string, error) {
	return s.encrypt(ctx, of, how, jose.ContentJWT, []byte(signed))
}

// EncryptClaims returns claims as an encrypted JWT that is not signed; see Encrypt.
func (s *Service) EncryptClaims(ctx context.Context, of client.Client, how client.Encryption, claims any) (string, error) {
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("encode claims: %w", err)
	}
	return s.encrypt(ctx, of, how, jose.ContentClaims, payload)
}

func (s *Service) encrypt(ctx context.Context, of client.Client, how client.Encryption, kind jose.TypeOfContent, payload []byte) (string, error) {
	var token string
	err := s.with(ctx, of, func(set jose.KeySet) (err error) {
		token, err = set.Encrypt(how.Algorithm, how.Content, payload, kind)
		return err
	})
	if errors.Is(err, ErrNoKeys) || errors.Is(err, jose.ErrUnknownKey) {
		return "", oauth.Refuse(oauth.InvalidRequest, "the client has no key to encrypt to").Because(err)
	}
	return token, err
}
