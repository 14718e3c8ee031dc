package declarative

import (
	"context"
	"math"
	"net/http"

	"authly/internal/cli/remote"
)

// patience is how many plans in a row may come to nothing without anything being done by others either.
const patience = 5

// Converge makes a server what a document says while others, such as further nodes that start,
// may do the same at once: whoever is overtaken draws another plan, as long as less is left to do
// each time. The first plan, if it changes something, is handed to planned before that is done. See
// [Apply] for the rest.
func Converge(ctx context.Context, api API, document Document, options Options, planned func(Plan) error) (unseen []Unseen, err error) {
	left, idle := math.MaxInt, 0
	for {
		plan, err := Make(ctx, api, document, options)
		if err != nil {
			return unseen, err
		}
		if plan.Changes() == 0 {
			return unseen, nil
		}
		if left == math.MaxInt {
			if err := planned(plan); err != nil {
				return unseen, err
			}
		}
		made, err := Apply(ctx, api, plan, func(Step) {})
		unseen = append(unseen, made...)
		if !remote.IsStatus(err, http.StatusPreconditionFailed, http.StatusConflict) {
			return unseen, err
		}
		if idle++; plan.Changes() < left {
			left, idle = plan.Changes(), 0
		}
		if idle == patience {
			return unseen, err
		}
	}
}
