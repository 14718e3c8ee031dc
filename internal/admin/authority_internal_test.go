package admin

import (
	"context"
	"testing"

	"authly/internal/audit"
)

// Only the operator needs no token: a principal that was put into a context for another
// reason, such as a page that acts for a person, gives no authority.
func TestOnlyTheOperatorNeedsNoToken(t *testing.T) {
	t.Parallel()
	for kind, want := range map[audit.ActorKind]bool{audit.Operator: true, audit.User: false, audit.Client: false, "": false} {
		ctx := context.WithValue(t.Context(), principalKey{}, Principal{Kind: kind})
		if got := isOperator(ctx); got != want {
			t.Errorf("kind %q: operator %t, want %t", kind, got, want)
		}
	}
	if isOperator(t.Context()) || !isOperator(AsOperator(t.Context(), "authly")) {
		t.Error("the context of a request is the operator's, or that of the operator isn't")
	}
}
