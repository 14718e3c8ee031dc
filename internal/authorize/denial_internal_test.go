package authorize

import (
	"errors"
	"testing"

	"authly/internal/interaction"
	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
	"authly/internal/protocol/oauth"
)

// What ends between the page and the answer counts for a denial too: it is answered to a client that still may be
// answered, and logged for a person who is still signed in.
func TestWhatHappensBeforeADenial(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change string
		may    bool
	}{
		"nothing":                   {`UPDATE clients SET contacts = '["ada@example.com"]'`, true},
		"consent withdrawn":         {withdrawn, true},
		"client disabled":           {`UPDATE clients SET state = 'disabled', epoch = epoch + 1`, false},
		"client deleted":            {`DELETE FROM clients`, false},
		"redirect URI removed":      {`UPDATE clients SET redirect_uris = '["https://app.example/elsewhere"]'`, false},
		"user disabled":             {`UPDATE users SET state = 'disabled'`, false},
		"user deleted":              {`DELETE FROM users`, false},
		"session ended":             {`UPDATE sessions SET ended_at = created_at`, false},
		"session expired":           {`UPDATE sessions SET expires_at = created_at`, false},
		"session idle for too long": {`UPDATE sessions SET idle_expires_at = created_at`, false},
		"answered already":          {`UPDATE interactions SET completed_at = created_at`, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dbtest.Each(t, func(t *testing.T, database *db.DB) {
				s := newSetting(t, database)
				asked, err := s.interactions.Begin(t.Context(), s.request)
				if err != nil {
					t.Fatal(err)
				}
				if _, _, step := s.decide(); step != interaction.StepConsent {
					t.Fatal(step)
				}
				s.exec(test.change)
				response, err := s.service.deny(t.Context(), asked, s.who.session)
				const denials = `SELECT count(*) FROM audit_events WHERE action = 'consent.deny'`
				if test.may {
					if err != nil || response.Error != oauth.AccessDenied || response.RedirectURI != callback || s.count(denials) != 1 {
						t.Errorf("%+v, %v, %d events", response, err, s.count(denials))
					}
					return
				}
				if !errors.Is(err, errChanged) || s.count(denials) != 0 || name != "answered already" && s.count(`SELECT count(*) FROM interactions WHERE completed_at IS NOT NULL`) != 0 {
					t.Errorf("%+v, %v, %d events", response, err, s.count(denials))
				}
			})
		})
	}
}
