package cli

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"github.com/google/uuid"

	"authly/internal/cli/remote"
)

// unknownNameError is returned for a name that nothing has.
type unknownNameError struct{ what, name string }

func (e *unknownNameError) Error() string {
	return fmt.Sprintf("nothing is called %q: it is not %s", remote.Printable(e.name), e.what)
}

// identify returns the arguments with identifiers in place of names.
func (b *bound) identify(ctx context.Context, at *connection, arguments []string) ([]string, error) {
	identified := make([]string, len(arguments))
	for i, each := range arguments {
		var err error
		if identified[i], err = b.identifyOne(ctx, at, b.arguments[i], each); err != nil {
			return nil, err
		}
	}
	return identified, nil
}

// identifyOne asks the server for what is called so, if it is not an identifier already. The
// server knows which names are the same, and answers with one at most.
func (b *bound) identifyOne(ctx context.Context, at *connection, by argument, name string) (string, error) {
	if by.by == "" || isIdentifier(name) {
		return name, nil
	}
	list := b.operations[by.from.operation]
	request := remote.Request{Method: http.MethodGet, Path: list.path, Scope: list.Scope(), Query: url.Values{by.by: {name}}}
	for item, err := range at.admin.Items(ctx, request, by.from.rows, 0) {
		if err != nil {
			return "", err
		}
		return valueOf(item, "id"), nil
	}
	return "", &unknownNameError{by.what, name}
}

// isIdentifier tells whether a text is a UUID as the server writes it; 32 digits can be a name.
func isIdentifier(text string) bool { return len(text) == 36 && uuid.Validate(text) == nil }

// knowsNamed tells an empty list of somebody from one of nobody, as far as the caller may look.
func (r *invocation) knowsNamed(ctx context.Context, at *connection, query url.Values) error {
	for name, by := range r.named {
		if by.shows == "" || !query.Has(name) {
			continue
		}
		known := r.operations[by.shows]
		_, err := at.admin.Do(ctx, remote.Request{Method: http.MethodGet, Path: fill(known.path, []string{query.Get(name)}), Scope: known.Scope()})
		switch {
		case remote.IsStatus(err, http.StatusNotFound):
			return &unknownNameError{by.what, *r.query[name]}
		case err != nil && !remote.LacksScope(err):
			return err
		}
	}
	return nil
}
