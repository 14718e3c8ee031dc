package interaction_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"authly/internal/interaction"
	"authly/internal/platform/id"
	"authly/internal/protocol/oauth"
	"authly/internal/protocol/oidc"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func TestNextStep(t *testing.T) {
	t.Parallel()
	session, earlier := id.New(), noon.Add(-time.Hour)
	asked := func(prompts ...oidc.Prompt) interaction.Interaction {
		return interaction.Interaction{Request: interaction.Request{Prompts: prompts}}
	}
	signedInHere := func(under interaction.Interaction, who uuid.UUID) interaction.Interaction {
		under.SessionID, under.AuthenticatedAt = &who, &noon
		return under
	}
	withMaxAge := func(seconds string) interaction.Interaction {
		return interaction.Interaction{Request: interaction.Request{MaxAge: seconds}}
	}
	chosen := func(who uuid.UUID) interaction.Interaction {
		under := asked(oidc.PromptSelectAccount)
		under.ChosenSessionID = &who
		return under
	}
	about := func(subject string, prompts ...oidc.Prompt) interaction.Interaction {
		return interaction.Interaction{Request: interaction.Request{Subjects: []string{subject}, Prompts: prompts}}
	}
	withClass := func(class string) interaction.Interaction {
		return interaction.Interaction{Request: interaction.Request{ContextClasses: []string{class}}}
	}
	refused := asked()
	refused.Request.Refusal = &interaction.Refusal{Code: oauth.InvalidScope}
	refusedSilently := asked(oidc.PromptNone)
	refusedSilently.Request.Refusal = refused.Request.Refusal

	for name, test := range map[string]struct {
		interaction interaction.Interaction
		signedIn    bool
		allowed     bool
		want        interaction.Step
		code        oauth.ErrorCode
	}{
		"nobody is signed in":                              {asked(), false, false, interaction.StepSignIn, ""},
		"signed in, not asked yet":                         {asked(), true, false, interaction.StepConsent, ""},
		"signed in and allowed":                            {asked(), true, true, interaction.StepRespond, ""},
		"oidc-core-3.1.2.1 prompt=consent asks again":      {asked(oidc.PromptConsent), true, true, interaction.StepConsent, ""},
		"oidc-core-3.1.2.1 prompt=login":                   {asked(oidc.PromptLogin), true, true, interaction.StepSignIn, ""},
		"oidc-core-3.1.2.1 prompt=login, done":             {signedInHere(asked(oidc.PromptLogin), session), true, true, interaction.StepRespond, ""},
		"prompt=login, done with another session":          {signedInHere(asked(oidc.PromptLogin), id.New()), true, true, interaction.StepSignIn, ""},
		"oidc-core-3.1.2.1 prompt=select_account":          {asked(oidc.PromptSelectAccount), true, true, interaction.StepSelectAccount, ""},
		"prompt=select_account, nobody is signed in":       {asked(oidc.PromptSelectAccount), false, false, interaction.StepSignIn, ""},
		"prompt=select_account, signed in for this":        {signedInHere(asked(oidc.PromptSelectAccount), session), true, true, interaction.StepRespond, ""},
		"prompt=select_account, chosen":                    {chosen(session), true, true, interaction.StepRespond, ""},
		"prompt=select_account, another one was chosen":    {chosen(id.New()), true, true, interaction.StepSelectAccount, ""},
		"prompt=select_account login":                      {asked(oidc.PromptSelectAccount, oidc.PromptLogin), true, true, interaction.StepSignIn, ""},
		"prompt=create asks even who is signed in":         {asked(oidc.PromptCreate), true, true, interaction.StepSignIn, ""},
		"prompt=create does not go round in circles":       {signedInHere(asked(oidc.PromptCreate), session), true, true, interaction.StepRespond, ""},
		"oidc-core-3.1.2.1 the person of the hint":         {about("ada"), true, true, interaction.StepRespond, ""},
		"oidc-core-3.1.2.1 another person than the hint's": {about("bob"), true, true, interaction.StepSignIn, ""},
		"oidc-core-3.1.2.2 another one, silently":          {about("bob", oidc.PromptNone), true, true, interaction.StepRefuse, oauth.LoginRequired},
		"oidc-core-3.1.2.2 another one signed in":          {signedInHere(about("bob"), session), true, true, interaction.StepRefuse, oauth.LoginRequired},
		"oidc-core-5.5.1.1 essential acr, met":             {withClass("pwd"), true, true, interaction.StepRespond, ""},
		"oidc-core-5.5.1.1 essential acr, unmet":           {withClass("hardware"), true, true, interaction.StepRefuse, oauth.UnmetAuthenticationRequirements},
		"an essential acr waits for the sign-in":           {withClass("hardware"), false, false, interaction.StepSignIn, ""},
		"oidc-core-3.1.2.1 prompt=none, nobody":            {asked(oidc.PromptNone), false, false, interaction.StepRefuse, oauth.LoginRequired},
		"oidc-core-3.1.2.1 prompt=none, not allowed":       {asked(oidc.PromptNone), true, false, interaction.StepRefuse, oauth.ConsentRequired},
		"oidc-core-3.1.2.1 prompt=none, allowed":           {asked(oidc.PromptNone), true, true, interaction.StepRespond, ""},
		"oidc-core-3.1.2.1 max_age exceeded":               {withMaxAge("3599"), true, true, interaction.StepSignIn, ""},
		"oidc-core-3.1.2.1 max_age kept":                   {withMaxAge("3600"), true, true, interaction.StepRespond, ""},
		"oidc-core-3.1.2.1 max_age=0":                      {withMaxAge("0"), true, true, interaction.StepSignIn, ""},
		"max_age=0, signed in for this request":            {signedInHere(withMaxAge("0"), session), true, true, interaction.StepRespond, ""},
		"a stored max_age that is none fails closed":       {withMaxAge("soon"), true, true, interaction.StepSignIn, ""},
		"rfc9700-4.11.2 an error waits for the sign-in":    {refused, false, false, interaction.StepSignIn, ""},
		"rfc9700-4.11.2 an error after the sign-in":        {refused, true, true, interaction.StepRefuse, oauth.InvalidScope},
		"rfc9700-4.11.2 prompt=none does not wait for one": {refusedSilently, false, false, interaction.StepRefuse, oauth.InvalidScope},
	} {
		step, refusal := interaction.Next(interaction.Facts{
			Now: noon, Interaction: test.interaction, SignedIn: test.signedIn, SessionID: session, AuthenticatedAt: earlier, Allowed: test.allowed,
			Subject: "ada", ContextClass: "pwd",
		})
		code := oauth.ErrorCode("")
		if refusal != nil {
			code = refusal.Code
		}
		if step != test.want || code != test.code {
			t.Errorf("%s: got %s %s, want %s %s", name, step, code, test.want, test.code)
		}
	}
}
