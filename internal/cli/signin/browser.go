package signin

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"authly/internal/platform/clock"
	"authly/internal/platform/relyingparty"
)

// callbackPath is where the browser comes back to, on any port (RFC 8252 section 7.3).
const callbackPath = "/callback"

// ErrNobodyCame is returned when the browser did not come back in time.
var ErrNobodyCame = errors.New("nobody signed in in time")

// Browser signs a person in through their browser.
type Browser struct {
	Provider relyingparty.Provider
	Request  relyingparty.Request // without a redirect URI and claims
	Clock    clock.Clock
	// Patience is how long it is waited for the person.
	Patience time.Duration
	// Show leads the person to an address.
	Show func(ctx context.Context, address string) error
}

// SignIn waits until the person has come back, and redeems the code.
func (b Browser) SignIn(ctx context.Context) (relyingparty.Tokens, error) {
	var listening net.ListenConfig
	listener, err := listening.Listen(ctx, "tcp4", "127.0.0.1:0")
	if err != nil {
		return relyingparty.Tokens{}, fmt.Errorf("listen for the browser: %w", err)
	}
	b.Request.RedirectURI = "http://" + listener.Addr().String() + callbackPath
	b.Request.Claims = `{"id_token":{"preferred_username":null,"name":null}}` // only shown; without a name the subject has to do
	signIn := b.Provider.Begin(b.Request, b.Clock)
	waiting := &callback{host: listener.Addr().String(), signIn: signIn, arrived: make(chan response, 1)}
	server := &http.Server{Handler: waiting, ReadHeaderTimeout: 10 * time.Second, MaxHeaderBytes: 16 << 10}
	ended := make(chan struct{})
	var failure error
	go func() {
		failure = server.Serve(listener)
		close(ended)
	}()
	defer func() { // the page with which we answered is still on its way
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
		_ = server.Shutdown(ctx)
		<-ended
	}()
	if err := b.Show(ctx, signIn.URL()); err != nil {
		return relyingparty.Tokens{}, err
	}
	patience := time.NewTimer(b.Patience)
	defer patience.Stop()
	select {
	case <-ctx.Done():
		return relyingparty.Tokens{}, context.Cause(ctx)
	case <-patience.C:
		return relyingparty.Tokens{}, fmt.Errorf("%w: %s", ErrNobodyCame, b.Patience)
	case <-ended:
		return relyingparty.Tokens{}, fmt.Errorf("listen for the browser: %w", failure)
	case came := <-waiting.arrived:
		if came.refusal != nil {
			return relyingparty.Tokens{}, came.refusal
		}
		return signIn.Redeem(ctx, came.code)
	}
}

// response is what the browser came back with.
type response struct {
	code    string
	refusal error
}

// callback answers the browser.
type callback struct {
	host    string
	signIn  *relyingparty.SignIn
	arrived chan response // has room for one: the first counts
}

// ServeHTTP takes the response. One without our state is answered and otherwise as if it
// had not been: any page of the web can send this machine a request. So is one under
// another name, with which a page could read what we answer.
func (c *callback) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
	header.Set("Cache-Control", "no-store")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("X-Content-Type-Options", "nosniff")
	if r.Host != c.host || r.URL.Path != callbackPath || r.Method != http.MethodGet {
		w.WriteHeader(http.StatusNotFound)
		_, _ = fmt.Fprint(w, page("Nothing is here", "A program that signs in waits for its answer here."))
		return
	}
	code, err := c.signIn.Code(r.URL.Query())
	if errors.Is(err, relyingparty.ErrOtherSignIn) {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = fmt.Fprint(w, page("This is another sign-in's answer", "Go back to the terminal, and use the address that is shown there."))
		return
	}
	select {
	case c.arrived <- response{code, err}:
	default: // sent twice
	}
	if err != nil {
		_, _ = fmt.Fprint(w, page("You are not signed in", "The terminal says why. You can close this window."))
		return
	}
	_, _ = fmt.Fprint(w, page("Go back to the terminal", "It goes on there. You can close this window."))
}

// page is what the browser shows; no text of a request is in it.
func page(title, text string) string {
	return `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark"><title>` + title +
		`</title><body style="font:1.1rem/1.5 system-ui,sans-serif;max-width:32rem;margin:15vh auto;padding:0 1rem"><h1 style="font-size:1.4rem">` +
		title + `</h1><p>` + text + `</p></body></html>`
}
