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
