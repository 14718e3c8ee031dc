package cli

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"authly/internal/cli/account"
	"authly/internal/cli/declarative"
	"authly/internal/cli/remote"
	"authly/internal/cli/signin"
	"authly/internal/platform/relyingparty"
)

// exitOf returns the status for an error that is not one of the command line or of the configuration.
func exitOf(err error) int {
	var (
		unreachable *remote.UnreachableError
		silent      *relyingparty.UnreachableError
		refusal     *relyingparty.Refusal
		unknown     *unknownNameError
	)
	switch {
	case errors.As(err, &unreachable), errors.As(err, &silent):
		return ExitUnreachable
	case isSignedOut(err), errors.Is(err, account.ErrOtherUser), errors.As(err, &refusal), remote.IsStatus(err, http.StatusUnauthorized, http.StatusForbidden):
		return ExitNotAllowed
	case errors.As(err, &unknown), errors.Is(err, account.ErrNoProfile), remote.IsStatus(err, http.StatusNotFound):
		return ExitNotFound
	case remote.IsStatus(err, http.StatusConflict, http.StatusPreconditionFailed):
		return ExitConflict
	default:
		return ExitFailure
	}
}

func isSignedOut(err error) bool {
	return errors.Is(err, errNotSignedIn) || errors.Is(err, account.ErrNoCredentials) || errors.Is(err, account.ErrEnded) || errors.Is(err, errNoServer)
}

// remoteRemedy returns what to do about an error of what was asked of a server.
func remoteRemedy(err error) string {
	var of *serverError
	server, source := "URL", ""
	if errors.As(err, &of) {
		server, source = of.server, of.source
	}
	signIn := "`authly login --server " + server + "`"
	var (
		problem     *remote.Problem
		unreachable *remote.UnreachableError
		silent      *relyingparty.UnreachableError
	)
	switch {
	case errors.Is(err, declarative.ErrNotAdopted):
		return "Whoever has it keeps its password: see whose it is. On a server that runs, `authly apply --adopt` lets it follow the file."
	case errors.Is(err, errNoServer):
		return "Sign in with " + signIn + ", or name the server with --server or " + variableServer + "."
	case isSignedOut(err):
		return "Sign in with " + signIn + ". Scripts set " + variableToken + ", or " + variableClientID + " and " + variableClientSecret + "."
	case errors.Is(err, account.ErrNoProfile):
		return "See the profiles that there are with `authly profile list`."
	case errors.Is(err, account.ErrOtherUser):
		return "Sign in as the user of the profile, or make another profile with " + signIn + " and --profile."
	case errors.Is(err, account.ErrExposed):
		return "Take the rights of others away with chmod 600, and sign in again if somebody may have read it."
	case errors.Is(err, account.ErrNoKeyring):
		return "Unlock it, or keep the tokens in a file: `authly login --credentials file`."
	case errors.Is(err, errNoSecret):
		return "Set " + variableClientSecret + ", or " + variableClientSecret + "_FILE to the file that has it."
	case errors.Is(err, errSecondSource):
		return "Unset one of them."
	case errors.Is(err, signin.ErrNobodyCame):
		return "Try again. With --no-browser the address is shown, and --timeout waits for longer."
	case errors.As(err, &unreachable), errors.As(err, &silent):
		return "See that the server runs, that " + server + " is its issuer, and that this machine trusts its certificate (--ca-file)."
	case errors.Is(err, relyingparty.ErrNoProvider):
		return "Give --server the issuer as it is in the server's metadata."
	case errors.As(err, &problem):
		return problemRemedy(problem, server, source)
	default:
		return refusalRemedy(err)
	}
}

func problemRemedy(problem *remote.Problem, server, source string) string {
	signIn := "`authly login --server " + server + "`"
	if problem.Kind == "insufficient_scope" && slices.Contains(rareScopes(), problem.Scope) {
		signIn = "`authly login --server " + server + " --scopes " + scopesDefault + "," + problem.Scope + "`"
	}
	bySource := "Sign in again with " + signIn + "."
	if source == variableToken || source == variableClientID {
		bySource = source + " says who you are: see that it is of this server, and may do this."
	}
	switch {
	case problem.Kind == remote.KindStepUp && source == variableToken:
		return "Set " + variableToken + " to a token of a sign-in that is more recent, as " + signIn + " and `authly token` give it."
	case problem.Kind == remote.KindStepUp:
		return "Sign in again with " + signIn + ", and repeat the command. With a terminal it asks by itself."
	case problem.Status == http.StatusUnauthorized:
		return bySource
	case problem.Kind == "insufficient_scope":
		return "What you were given does not have the scope " + problem.Scope + ". " + bySource
	case problem.Kind == "not_administrator":
		return "An administrator of the server can make the account one, or has disabled it. `authly whoami` shows which account it is."
	case problem.Kind == "address_refused":
		return "The server's setting admin.networks says from where it can be administered."
	case problem.Status == http.StatusNotFound && problem.Kind == "":
		return "The server has no such operation: it may be of another version, its administration may have an address of its own (--api; the setting admin.listen), or be switched off (admin.enabled)."
	case problem.Status == http.StatusPreconditionFailed:
		return "Somebody has changed it meanwhile. See how it is now, and try again."
	case problem.Status == http.StatusTooManyRequests, problem.Status == http.StatusServiceUnavailable:
		return "Try again in a moment."
	default:
		return ""
	}
}

func refusalRemedy(err error) string {
	switch {
	case relyingparty.IsRefusal(err, "access_denied"):
		return "Allow it on the server's page, with an account that is an administrator."
	case relyingparty.IsRefusal(err, "invalid_client"), relyingparty.IsRefusal(err, "unauthorized_client"):
		return "See that the server has the client, that it is not disabled, and that its secret is right."
	case relyingparty.IsRefusal(err, "invalid_scope"), relyingparty.IsRefusal(err, "invalid_target"):
		return "The client may ask for less. An administrator of the server can give it the scopes and the resource of the administration."
	case errors.Is(err, context.DeadlineExceeded):
		return "Try again."
	default:
		return ""
	}
}
