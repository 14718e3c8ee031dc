package registration

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"strings"

	"authly/internal/client"
	"authly/internal/platform/egress"
	"authly/internal/protocol/jose"
	"authly/internal/protocol/oauth"
)

// checkAddresses refuses a sector document that this server would not ask for; the other addresses that it
// asks are judged by the client's own rules. What people are shown at sign-in, and what their browsers load at a
// logout, is at an https address (DR-10): a program on their own machine is only for the clients of administrators.
func (s *Service) checkAddresses(m client.Metadata) error {
	for name, uri := range map[string]string{
		"logo_uri": m.LogoURI, "policy_uri": m.PolicyURI, "tos_uri": m.TermsOfServiceURI, "frontchannel_logout_uri": m.FrontChannelLogoutURI,
	} {
		if uri != "" && !strings.HasPrefix(uri, "https://") {
			return oauth.Refuse(oauth.InvalidClientMetadata, name+" is not an https URL")
		}
	}
	if m.SectorIdentifierURI != "" {
		if err := s.outside.ValidateURL(m.SectorIdentifierURI); err != nil {
			return oauth.Refuse(oauth.InvalidClientMetadata, "sector_identifier_uri has an address that this server does not ask").Because(err)
		}
	}
	return nil
}

// The bounds of a sector identifier document.
const (
	maxSectorBytes   = 64 << 10
	maxSectorEntries = 1000
)

// checkSector holds that the document at the sector identifier URI lists every
// redirect URI (OpenID Connect Registration 1.0 section 5): otherwise a client could claim
// another's sector and recognize its users. Whatever goes wrong has one answer, which tells
// nothing of what was asked.
func (s *Service) checkSector(ctx context.Context, m client.Metadata) error {
	if m.SectorIdentifierURI == "" {
		return nil
	}
	parsed, err := url.Parse(m.SectorIdentifierURI)
	if err != nil || parsed.Scheme != "https" {
		return oauth.Refuse(oauth.InvalidClientMetadata, "sector_identifier_uri is not an https URL")
	}
	if err := s.limits.Ask(ctx); err != nil {
		return err
	}
	listed, err := s.sector(ctx, m.SectorIdentifierURI)
	if err == nil && !containsAll(listed, m.RedirectURIs) {
		err = errors.New("the document lacks a redirect URI")
	}
	if err != nil {
		return oauth.Refuse(oauth.InvalidClientMetadata, "the document at sector_identifier_uri is not a list that has all redirect_uris").Because(err)
	}
	return nil
}

func (s *Service) sector(ctx context.Context, uri string) ([]string, error) {
	answer, err := s.outside.Do(ctx, egress.Request{URL: uri, Accept: "application/json", MaxBytes: maxSectorBytes})
	if err != nil {
		return nil, err
	}
	if answer.Status != 200 {
		return nil, errors.New("the answer is not a document")
	}
	var listed []string
	if err := json.Unmarshal(answer.Body, &listed); err != nil || len(listed) > maxSectorEntries {
		return nil, errors.New("the document is not a list of texts")
	}
	return listed, nil
}

// checkKeys refuses a set of keys that is none, or that has one that is not public:
// a client that sends such a one has shown it to whoever looks at the record (DR-06).
func checkKeys(set json.RawMessage) error {
	if set == nil {
		return nil
	}
	if _, err := jose.ParseKeySet(set); err != nil {
		return oauth.Refuse(oauth.InvalidClientMetadata, "jwks is not a JWK Set of public keys").Because(err)
	}
	return nil
}
