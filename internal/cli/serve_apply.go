package cli

import (
	"context"
	"fmt"
	"net/http"

	"authly/internal/cli/declarative"
	"authly/internal/cli/remote"
)

// Prepare is done with the administration of a server before it listens. Operator returns
// it for this process, without a token; the name stands in the audit log.
type Prepare func(ctx context.Context, issuer string, operator func(name string) (http.Handler, error)) error

// applyAtStart returns what makes a server what the files say, or nil if there are none. The
// files are read here already, so that nothing is started for a wrong one.
func (p Program) applyAtStart(from *files) (Prepare, error) {
	if len(from.names) == 0 {
		if from.prune {
			return nil, usagef("--prune needs --apply")
		}
		return nil, nil //nolint:nilnil // there is nothing to do
	}
	document, err := from.read(p.Input)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, issuer string, operator func(name string) (http.Handler, error)) error {
		handler, err := operator(document.Name)
		if err != nil {
			return err
		}
		api := remote.InProcess(issuer, handler, "authly/"+p.Version.Version)
		unseen, err := declarative.Converge(ctx, api, document, p.options(from), func(plan declarative.Plan) error {
			return plan.Discreet().Write(p.Errors)
		})
		p.tellUnseen(unseen)
		if err != nil {
			return fmt.Errorf("apply the file: %w", err)
		}
		return nil
	}, nil
}
