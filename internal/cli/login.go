package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"authly/internal/cli/account"
	"authly/internal/cli/remote"
	"authly/internal/cli/signin"
	"authly/internal/platform/clock"
	"authly/internal/platform/relyingparty"
)

// builtInClient is the client as which this program signs people in; every server has it.
const builtInClient = "authly-cli"

// login is what somebody says about a sign-in.
type login struct {
	connectionFlags
	clientID    string
	scopes      []string
	credentials choice
	noBrowser   bool
	remember    bool
	patience    time.Duration
	maxAge      time.Duration
}

// defaultPatience is how long a browser is waited for.
const defaultPatience = 5 * time.Minute

func (p Program) loginCommand() *cobra.Command {
	wanted := &login{credentials: choice{choices: []string{"keyring", "file"}}}
	command := &cobra.Command{
		Use:   "login",
		Short: "Sign in to a server, to administer it",
		Long: `Sign in to a server through your browser, so that the other commands can administer it. The
server, and what you are given there, become a profile: with several of them, --profile and
"authly profile use" say which one is meant.

You are given what daily work needs: reading everything, and changing clients, scopes, users, sessions
and what was issued. Ask with --scopes for more, such as signing keys (admin:keys:write) and running
jobs (admin:system:write), or for less: "read", "default" and "all" stand for scopes of the administration.
It ends with your session in the browser, by your signing out there or by its time. With --remember
it lasts beyond that, until "authly logout".

Tokens are kept in the keyring of the operating system or, where there is none, in a file that
only you can read. "authly logout" gives them back.

Scripts don't sign in. They have a token in AUTHLY_TOKEN, or a client's own credentials in
AUTHLY_CLIENT_ID and AUTHLY_CLIENT_SECRET (or AUTHLY_CLIENT_SECRET_FILE).`,
		Example: `  authly login --server http://127.0.0.1:8080

  # on a machine without a browser: the address that is shown has to be opened there
  authly login --server http://127.0.0.1:8080 --no-browser --credentials file

  # only to look
  authly login --profile readonly --server http://127.0.0.1:8080 --scopes read

  # also to rotate keys
  authly login --server http://127.0.0.1:8080 --scopes default,admin:keys:write`,
		Args: noArguments,
	}
	flags := command.Flags()
	flags.SortFlags = false
	flags.StringVar(&wanted.server, "server", "", "the `URL` of the server, its issuer (default $"+variableServer+", or the profile's)")
	flags.StringVar(&wanted.profile, "profile", "", "what the profile is called: a `name` (default $"+variableProfile+", or made from the server's)")
	flags.StringVar(&wanted.caFile, "ca-file", "", "a PEM `file` with certificate authorities to trust besides the system's (default $"+variableCAFile+")")
	flags.StringVar(&wanted.api, "api", "", apiUsage)
	flags.StringSliceVar(&wanted.scopes, "scopes", nil, "the `scopes` to ask for; read, default and all stand for some of the administration (default \"default\")")
	flags.BoolVar(&wanted.remember, "remember", false, "stay signed in when the session in the browser has ended (offline access)")
	flags.BoolVar(&wanted.noBrowser, "no-browser", false, "open no browser, only show the address")
	flags.Var(&wanted.credentials, "credentials", "where the tokens are kept (default $"+variableCredentials+", or the keyring if there is one)")
	flags.StringVar(&wanted.clientID, "client-id", builtInClient, "the client as which to sign in: a public one with the redirect URI http://127.0.0.1/callback")
	flags.DurationVar(&wanted.patience, "timeout", defaultPatience, "the `time` to wait for the browser")
	flags.DurationVar(&wanted.maxAge, "max-age", 5*time.Minute, "the `time` since when you may have signed in in the browser; 0 makes you sign in there now")
	command.RunE = func(command *cobra.Command, _ []string) error { return p.login(command.Context(), wanted) }
	return command
}

func (p Program) login(ctx context.Context, wanted *login) error {
	if wanted.maxAge < 0 {
		return usagef("--max-age is %q: it can't be negative", wanted.maxAge)
	}
	book, err := p.book()
	if err != nil {
		return err
	}
	profile, err := p.profileFor(book, wanted)
	if err != nil {
		return err
	}
	at := &connection{server: profile.Server, profile: profile, book: book}
	if at.through, err = httpClient(profile.CAFile); err != nil {
		return err
	}
	provider, err := relyingparty.Discover(ctx, at.through, profile.Server)
	if err != nil {
		return at.explained(err)
	}
	given, err := signin.Browser{
		Provider: provider, Clock: clock.System(), Patience: wanted.patience,
		Request: relyingparty.Request{
			ClientID: profile.ClientID, Scopes: withOpenID(loginScopes(wanted.scopes), wanted.remember), Resource: profile.Server + remote.Path, MaxAge: wanted.maxAge,
		},
		Show: func(ctx context.Context, address string) error { return p.show(ctx, address, wanted.noBrowser) },
	}.SignIn(ctx)
	if err != nil {
		return at.explained(err)
	}
	profile.Subject, profile.Username = given.Person.Subject, given.Person.Username
	if err := p.keep(ctx, book, &profile, wanted, account.CredentialsOf(given, clock.System().Now()), provider); err != nil {
		return err
	}
	p.tell("Signed in to %s as %s.\n", profile.Server, remote.Printable(cmp.Or(profile.Username, profile.Subject)))
	if !strings.Contains(given.Scope, "admin:") {
		p.tell("The server gave no scope of the administration: is the account an administrator?\n")
	}
	return nil
}

// profileFor returns the profile that a sign-in makes or renews.
func (p Program) profileFor(book *account.Book, wanted *login) (account.Profile, error) {
	server := strings.TrimSuffix(cmp.Or(wanted.server, p.variable(variableServer)), "/")
	name := cmp.Or(wanted.profile, p.variable(variableProfile))
	var (
		profile account.Profile
		err     error
	)
	if name == "" && server != "" {
		profile, err = book.Of(server)
	} else {
		profile, err = book.Find(name)
	}
	switch {
	case errors.Is(err, account.ErrNoProfile) && server == "":
		return profile, usagef("--server is missing: say which server to sign in to")
	case errors.Is(err, account.ErrNoProfile):
		profile = account.Profile{Name: cmp.Or(name, account.NameFor(server)), Server: server}
	case err != nil:
		return profile, err
	case server != "" && profile.Server != server:
		return profile, usagef("the profile %q is of the server %s: choose another name, or delete it first", name, profile.Server)
	}
	if !account.IsName(profile.Name) {
		return profile, usagef("--profile is %q: %v", profile.Name, account.ErrInvalidName)
	}
	profile.ClientID = wanted.clientID
	if api := strings.TrimSuffix(cmp.Or(wanted.api, p.variable(variableAPI)), "/"); api != "" {
		if err := checkAPI(api); err != nil {
			return profile, err
		}
		profile.API = api
	}
	if file := cmp.Or(wanted.caFile, p.variable(variableCAFile)); file != "" {
		if profile.CAFile, err = filepath.Abs(file); err != nil {
			return profile, fmt.Errorf("find the certificate authorities: %w", err)
		}
	}
	return profile, nil
}

// show leads the person to the server's page.
func (p Program) show(ctx context.Context, address string, only bool) error {
	if only {
		p.tell("Open this address in a browser on this machine:\n\n  %s\n\n", address)
		return nil
	}
	if err := signin.Open(ctx, p.variable("BROWSER"), address); err != nil {
		p.tell("No browser could be opened. Open this address in a browser on this machine:\n\n  %s\n\n", address)
		return nil //nolint:nilerr // the person can do it
	}
	p.tell("Go on in the browser. If none has opened, open this address:\n\n  %s\n\n", address)
	return nil
}

// keep writes what was given where it belongs, and gives back what was there before.
func (p Program) keep(ctx context.Context, book *account.Book, profile *account.Profile, wanted *login, given account.Credentials, provider relyingparty.Provider) error {
	before, err := book.Credentials(ctx, *profile)
	if err == nil && !before.Refresh.IsZero() {
		if err := provider.Revoke(ctx, profile.ClientID, before.Refresh); err != nil {
			p.tell("authly: warning: what you were given before could not be given back: %v\n", err)
		}
		if err := book.Forget(ctx, *profile); err != nil {
			return err
		}
	}
	place := cmp.Or(wanted.credentials.value, p.variable(variableCredentials), string(profile.Place))
	profile.Place = account.Place(place)
	switch profile.Place {
	case account.File, account.Keyring:
		err = book.Keep(ctx, *profile, given)
	case "":
		profile.Place = account.Keyring
		if err = book.Keep(ctx, *profile, given); err != nil {
			profile.Place = account.File
			p.tell("No keyring can be used here, so the tokens are in a file that only you can read.\n")
			err = book.Keep(ctx, *profile, given)
		}
	default:
		return usagef("%s is %q, not keyring or file", variableCredentials, place)
	}
	if err == nil {
		err = book.Put(*profile)
	}
	return err
}

// signInAgain returns how the user of a profile signs in again for an operation that wants a more
// recent sign-in. Without a terminal nobody is asked: a script must not wait for a browser.
func (p Program) signInAgain(profile account.Profile) account.SignIn {
	return func(ctx context.Context, provider relyingparty.Provider, scopes []string, maxAge time.Duration) (relyingparty.Tokens, error) {
		if !isTerminal(p.Input) {
			return relyingparty.Tokens{}, nil
		}
		p.tell("This needs a more recent sign-in.\n")
		return signin.Browser{
			Provider: provider, Clock: clock.System(), Patience: defaultPatience,
			// Half of it, so that the sign-in is still recent enough for what follows.
			Request: relyingparty.Request{ClientID: profile.ClientID, Scopes: scopes, Resource: profile.Server + remote.Path, MaxAge: maxAge / 2},
			Show:    func(ctx context.Context, address string) error { return p.show(ctx, address, false) },
		}.SignIn(ctx)
	}
}

// withOpenID adds what says who signs in, and offline access if what is given is to outlive the session.
func withOpenID(scopes []string, offline bool) []string {
	all := []string{"openid", "profile"}
	if offline {
		all = append(all, "offline_access")
	}
	return append(all, scopes...)
}
