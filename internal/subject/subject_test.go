package subject_test

import (
	"testing"

	"github.com/google/uuid"

	"authly/internal/client"
	"authly/internal/platform/secret"
	"authly/internal/protocol/oidc"
	"authly/internal/subject"
)

func pairwise(sectorURI string, redirectURIs ...string) client.Client {
	return client.Client{Metadata: client.Metadata{
		SubjectType: client.SubjectPairwise, SectorIdentifierURI: sectorURI, RedirectURIs: redirectURIs,
	}}
}

// OpenID Connect Core 1.0 section 8.1.
func TestPairwiseSubjects(t *testing.T) {
	t.Parallel()
	service, ada, bob := subject.New(secret.New()), uuid.New(), uuid.New()
	shop := pairwise("", "https://shop.example/callback", "https://shop.example/other")
	public := client.Client{Metadata: client.Metadata{SubjectType: client.SubjectPublic}}
	if got := service.Of(public, ada); got != ada.String() {
		t.Errorf("public: %s", got)
	}
	of := service.Of(shop, ada)
	if err := oidc.ValidateSubject(of); err != nil || of == ada.String() {
		t.Errorf("%s: %v", of, err)
	}
	if again := service.Of(shop, ada); again != of {
		t.Error("it is another one each time")
	}
	if same := service.Of(pairwise("https://shop.example/sector.json", "https://elsewhere.example/callback"), ada); same != of {
		t.Error("two clients of one sector see different subjects")
	}
	for name, other := range map[string]string{
		"another user":   service.Of(shop, bob),
		"another sector": service.Of(pairwise("", "https://elsewhere.example/callback"), ada),
		"another server": subject.New(secret.New()).Of(shop, ada),
	} {
		if other == of {
			t.Errorf("%s: the same subject", name)
		}
	}
}

// Clients of one session, and even those of one sector, can't compare its sids.
func TestPairwiseSessions(t *testing.T) {
	t.Parallel()
	service, session := subject.New(secret.New()), uuid.New()
	client1, client2 := pairwise("", "https://shop.example/callback"), pairwise("", "https://shop.example/callback")
	client1.ID, client2.ID = uuid.New(), uuid.New()
	public := client.Client{ID: uuid.New(), Metadata: client.Metadata{SubjectType: client.SubjectPublic}}
	if got := service.SessionOf(public, session); got != session.String() {
		t.Errorf("public: %s", got)
	}
	of := service.SessionOf(client1, session)
	if len(of) != 43 || service.SessionOf(client1, session) != of {
		t.Errorf("%q is not the same each time, or not of 256 bits", of)
	}
	for name, other := range map[string]string{
		"the session's own":   session.String(),
		"another client":      service.SessionOf(client2, session),
		"another session":     service.SessionOf(client1, uuid.New()),
		"another server":      subject.New(secret.New()).SessionOf(client1, session),
		"the user as subject": service.Of(client1, session),
	} {
		if other == of {
			t.Errorf("%s: the same sid", name)
		}
	}
}
