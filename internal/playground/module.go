package playground

import (
	"embed"
	"fmt"
)

// The page is rendered once, the files are served as they are.
//
//go:embed static playground.html
var files embed.FS

// Assets names the shared files of the server's pages: "authly.css" and
// "logo.svg" are used.
type Assets interface {
	AssetURL(name string) (string, error)
}

// Deps are the dependencies of the page.
type Deps struct {
	Issuer string
	// ClientID of a public client that may use [RedirectURI], the authorization
	// code and refresh token grants, and the scopes in Scope.
	ClientID string
	// Scope is the initial value of the form's scopes, separated by spaces.
	Scope  string
	Assets Assets
	// LogoutURL is a path of ours including the issuer's path; "" for no such link.
	LogoutURL string
}

// RedirectURI returns the redirect URI that the page's client must have
// registered.
func RedirectURI(issuer string) string { return issuer + path }

// New returns the handler. An error is a defect of the program.
func New(deps Deps) (*Handler, error) {
	page, err := render(deps)
	if err != nil {
		return nil, fmt.Errorf("render the playground: %w", err)
	}
	return &Handler{page: page}, nil
}
