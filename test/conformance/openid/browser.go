package main

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/chromedp/chromedp"
)

// visitor goes through the pages of the provider in a Chromium as the user of the plans does: signs in, allows and
// confirms. Other pages are left alone. Its methods take the context of [newTab].
type visitor struct{ issuer, username, password string }

// newTab starts a Chromium without a window and with an empty profile in a directory, and returns the context of its tab, which ends
// after patience. The certificates in the files are trusted, by their keys, whatever names they have. The function that is
// returned ends the browser.
func newTab(ctx context.Context, patience time.Duration, path, profile string, certificates ...string) (context.Context, func(), error) {
	trusted, err := keyHashes(certificates)
	if err != nil {
		return nil, nil, err
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.UserDataDir(profile), chromedp.Flag("disable-component-update", true), chromedp.Flag("ignore-certificate-errors-spki-list", strings.Join(trusted, ",")))
	allocator, cancelAllocator := chromedp.NewExecAllocator(ctx, options...)
	tab, cancelTab := chromedp.NewContext(allocator)
	stop := func() {
		_ = chromedp.Cancel(tab) // waits until it has gone, so that its profile can be removed
		cancelTab()
		cancelAllocator()
	}
	if err := chromedp.Do(tab); err != nil {
		stop()
		return nil, nil, fmt.Errorf("start Chromium: %w", err)
	}
	limited, cancel := context.WithTimeout(tab, patience)
	return limited, func() {
		cancel()
		stop()
	}, nil
}

// keyHashes returns the SHA-256 of the public keys in files of certificates, as Chromium takes them. Empty names are left out.
func keyHashes(files []string) ([]string, error) {
	var hashes []string
	for _, file := range files {
		if file == "" {
			continue
		}
		content, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("read a certificate: %w", err)
		}
		for block, rest := pem.Decode(content); block != nil; block, rest = pem.Decode(rest) {
			certificate, err := x509.ParseCertificate(block.Bytes)
			if err != nil {
				return nil, fmt.Errorf("read a certificate of %s: %w", file, err)
			}
			digest := sha256.Sum256(certificate.RawSubjectPublicKeyInfo)
			hashes = append(hashes, base64.StdEncoding.EncodeToString(digest[:]))
		}
	}
	return hashes, nil
}

// open goes to an address.
func (v visitor) open(ctx context.Context, address string) error {
	if err := chromedp.Do(ctx, chromedp.Navigate(address)); err != nil {
		return fmt.Errorf("open a page: %w", err)
	}
	return nil
}

// The elements of the provider's pages that are acted on, see docs/pages.md. A page is marked before that, so that it isn't
// acted on twice while the next one is on its way.
const findStep = `(() => {
	const ids = ["login-form", "consent-allow", "logout-confirm", "form-post-submit"];
	if (!location.href.startsWith(%q) || document.readyState !== "complete" || document.documentElement.dataset.done) return "";
	if (document.getElementById("login-error")) return "login-error";
	const found = ids.find(id => document.getElementById(id)) || "";
	if (found) document.documentElement.dataset.done = "1";
	return found;
})()`

// step acts on the page that is shown, if it is one of the provider's that waits for its user. It reports whether it was.
func (v visitor) step(ctx context.Context) (bool, error) {
	found, err := chromedp.Run(ctx, chromedp.Evaluate[string](fmt.Sprintf(findStep, v.issuer+"/")))
	if err != nil { // the page is on its way to the next one, unless time is up
		return false, ctx.Err()
	}
	switch found {
	case "":
		return false, nil
	case "login-error":
		return false, errors.New("the sign-in failed")
	case "login-form":
		return true, chromedp.Do(ctx, chromedp.SendKeys(chromedp.ID("username"), v.username), chromedp.SendKeys(chromedp.ID("password"), v.password),
			chromedp.Click(chromedp.ID("login-submit")))
	}
	return true, chromedp.Do(ctx, chromedp.Click(chromedp.ID(found)))
}

// shown returns where the browser is and what it shows, for an error, also when the time of the context is up.
func (v visitor) shown(ctx context.Context) string {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	text, _ := chromedp.Run(ctx, chromedp.Evaluate[string](`location.href.split("?")[0] + ": " + document.body.innerText.slice(0, 500)`))
	return text
}
