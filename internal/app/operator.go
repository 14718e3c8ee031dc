package app

import (
	"fmt"
	"net/http"

	"authly/internal/admin"
	"authly/internal/platform/httpx"
)

// Operator returns the administration for whoever runs this program: the same
// operations with the same rules, in the process and without a token. It listens
// nowhere, and is there also when the API is switched off. Name stands in the audit log.
func (a *App) Operator(name string) (http.Handler, error) {
	router := httpx.NewRouter(httpx.Options{Logger: a.logger, Clock: a.clock, Issuer: a.settings.Issuer})
	if err := a.administration.Mount(router); err != nil {
		return nil, fmt.Errorf("prepare the administration: %w", err)
	}
	handler := router.Handler()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handler.ServeHTTP(w, r.WithContext(admin.AsOperator(r.Context(), name)))
	}), nil
}
