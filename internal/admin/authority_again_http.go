package admin

import (
	"context"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"authly/internal/audit"
	"authly/internal/platform/fault"
	"authly/internal/platform/httpx"
)

// lateRefusal is the error of a transaction whose request was let through, and may not be answered any more.
type lateRefusal struct {
	*refusal
	who Principal
}

func (r *lateRefusal) Error() string { return "the authority of the request has ended: " + r.kind }

// guarded returns a context in which each transaction first judges again whether the request may be made. Between the
// first judgement and a change, the body is read and passwords are hashed; meanwhile the caller can lose the token or the right.
func (a *authority) guarded(ctx context.Context, r *http.Request, scope string, known Principal) context.Context {
	return a.store.guarded(ctx, func(ctx context.Context) error {
		if err := a.lock(ctx, known); err != nil {
			return err
		}
		now, refused, err := a.judge(r.WithContext(ctx), scope)
		if err == nil && refused != nil {
			return &lateRefusal{refused, now}
		}
		return err
	})
}

// lock has changes of the caller's account wait until the transaction of ctx ends. An account that is gone is left to
// the judgement.
func (a *authority) lock(ctx context.Context, known Principal) error {
	var err error
	switch known.Kind {
	case audit.User:
		var id uuid.UUID
		if id, err = uuid.Parse(known.ID); err == nil {
			_, err = a.users.Lock(ctx, id)
		}
	case audit.Client:
		_, err = a.clients.Lock(ctx, known.ID)
	default:
		err = fmt.Errorf("a request of the administration by a %s", known.Kind)
	}
	if fault.KindOf(err) == fault.NotFound {
		return nil
	}
	return err
}

// refusedLate logs a late refusal as one at the beginning, and returns the error of the operation.
func (a *authority) refusedLate(ctx context.Context, declared operation, late *lateRefusal) error {
	if err := a.note(a.store.guarded(ctx, nil), declared.id, declared.scope, late.who, late.refusal); err != nil {
		httpx.Report(ctx, err)
	}
	header := http.Header{}
	if late.challenge != "" {
		header.Set("WWW-Authenticate", late.challenge)
	}
	return huma.ErrorWithHeaders(late.problem(), header)
}
