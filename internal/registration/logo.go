package registration

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"github.com/google/uuid"

	"authly/internal/client"
	"authly/internal/platform/clock"
	"authly/internal/platform/egress"
)

// logo is a client's picture, or the wish for one.
type logo struct {
	Client    uuid.UUID
	SourceURI string
	Attempts  int64
}

// The times of fetching a logo. The first attempt is made while the client waits
// for its registration, so that the first sign-in has it as a rule; the others by and by.
const (
	firstLogoTimeout = 2 * time.Second
	logoTimeout      = 5 * time.Second
	maxLogoAttempts  = 5
	logoBatch        = 20
	// maxDrawn bounds how many pictures are decoded at one time: each takes up to 32 MiB.
	maxDrawn = 2
)

// logoDelay is how long to wait after so many attempts that have failed.
func logoDelay(attempts int64) time.Duration {
	switch attempts {
	case 1:
		return time.Minute
	case 2:
		return 10 * time.Minute
	case 3:
		return time.Hour
	default:
		return 24 * time.Hour
	}
}

// Logos has the logos of clients. They are fetched once, from the address that
// the client has registered, drawn anew, and served by this server: a page that asked the address
// itself would tell its owner who signs in, and could be shown another picture than was looked at.
type Logos struct {
	store   store
	clock   clock.Clock
	clients Finder
	outside Outside
	drawn   chan struct{} // a place for each picture that is decoded now
}

// note keeps that a client has a logo, or none any more. It joins the transaction of ctx.
func (l *Logos) note(ctx context.Context, known client.Client) error {
	if known.LogoURI == "" {
		return l.store.deleteLogo(ctx, known.ID)
	}
	return l.store.wantLogo(ctx, known.ID, known.LogoURI, l.clock.Now())
}

// attempt makes the first attempt. A client can do without a logo, so nothing that
// goes wrong is an error here: what is left undone is done by FetchDue, which says so.
func (l *Logos) attempt(ctx context.Context, known client.Client) {
	_ = l.fetch(ctx, logo{Client: known.ID, SourceURI: known.LogoURI}, firstLogoTimeout)
}

// FetchDue makes the next attempt for each logo whose time it is.
func (l *Logos) FetchDue(ctx context.Context) error {
	due, err := l.store.dueLogos(ctx, l.clock.Now(), logoBatch)
	if err != nil {
		return fmt.Errorf("find the logos to fetch: %w", err)
	}
	for _, each := range due {
		if err := l.fetch(ctx, each, logoTimeout); err != nil {
			return fmt.Errorf("fetch a logo: %w", err)
		}
	}
	return nil
}

// fetch makes one attempt, unless somebody else does. Only what goes wrong here is an error.
func (l *Logos) fetch(ctx context.Context, wanted logo, timeout time.Duration) error {
	now := l.clock.Now()
	var next *time.Time
	if wanted.Attempts+1 < maxLogoAttempts {
		at := now.Add(logoDelay(wanted.Attempts + 1))
		next = &at
	}
	mine, err := l.store.claimLogo(ctx, wanted, now, next)
	if err != nil || !mine {
		return err
	}
	picture, err := l.picture(ctx, wanted.SourceURI, timeout)
	if err != nil {
		return nil //nolint:nilerr // it is the address that fails; the attempt is counted
	}
	return l.store.saveLogo(ctx, wanted, picture, l.clock.Now())
}

func (l *Logos) picture(ctx context.Context, uri string, timeout time.Duration) ([]byte, error) {
	answer, err := l.outside.Do(ctx, egress.Request{URL: uri, Accept: "image/png, image/jpeg, image/gif", MaxBytes: maxLogoBytes, Timeout: timeout})
	if err != nil {
		return nil, err
	}
	if answer.Status != 200 {
		return nil, errors.New("the answer is not a picture")
	}
	select {
	case l.drawn <- struct{}{}:
		defer func() { <-l.drawn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return redraw(answer.Body)
}

// logoPath is where logos are, below the issuer.
const logoPath = "/logos"

// URL returns the path of a client's logo on this server, or "" if there is none.
// It changes with the picture.
func (l *Logos) URL(ctx context.Context, record uuid.UUID, clientID string) (string, error) {
	fetchedAt, ok, err := l.store.logoTime(ctx, record)
	if err != nil || !ok {
		return "", err
	}
	return logoPath + "/" + url.PathEscape(clientID) + "?v=" + strconv.FormatInt(fetchedAt.UnixMicro(), 36), nil
}

// Image returns a client's logo as a PNG; the second result tells whether there is one.
func (l *Logos) Image(ctx context.Context, clientID string) ([]byte, bool, error) {
	known, err := l.clients.Find(ctx, clientID)
	if err != nil {
		return nil, false, err
	}
	return l.store.logoImage(ctx, known.ID)
}
