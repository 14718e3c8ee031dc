package cli

import (
	"context"
	"errors"
	"io/fs"
	"syscall"

	"authly/internal/platform/fault"
)

// describe returns the text of an error for people: the reason of a refusal
// instead of its key, if it has one.
func describe(err error) string {
	var refusal *fault.Error
	if errors.As(err, &refusal) {
		if reason := refusal.Unwrap(); reason != nil {
			return reason.Error()
		}
	}
	if errors.Is(err, context.Canceled) {
		return "interrupted"
	}
	return err.Error()
}

// remedyFor returns what to do about an error, or "" if the error's own text has to do.
func remedyFor(err error) string {
	var refusal *fault.Error
	if errors.As(err, &refusal) {
		switch refusal.Key {
		case "keys.next_too_young":
			return "Try again then. If the key that signs now has become known to others, don't wait: use --force."
		case "admin.can_not_listen":
			return "Set AUTHLY_ADMIN_LISTEN (admin.listen) to an address of this machine at which nothing else listens, or remove it to have the administration at the server's own address."
		case "setup.not_administrator":
			return "No command makes an account an administrator by this. Leave out --username to create a new administrator."
		case "setup.user_unknown":
			return "Leave out --username to create a new administrator."
		case "keys.no_active_key":
			return "See the keys that there are with `authly local keys list`."
		case "keys.changed_meanwhile":
			return "Another program rotated the keys at the same time. See `authly local keys list`."
		}
		return ""
	}
	if remedy := remoteRemedy(err); remedy != "" {
		return remedy
	}
	switch {
	case errors.Is(err, errNotInThisBuild):
		return "Use a complete build, as `go build ./cmd/authly` makes it."
	case errors.Is(err, ErrNoProvider):
		return "See that the provider runs, that the issuer is written as it is in its metadata, and that this machine trusts its certificate (--ca-file)."
	case errors.Is(err, syscall.EADDRINUSE):
		return "Another program listens there. Stop it, or choose another address with --listen or AUTHLY_LISTEN."
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return "This machine doesn't have that address. Choose another with --listen or AUTHLY_LISTEN."
	case errors.Is(err, syscall.ECONNREFUSED):
		return "Nothing answers there. See that the database runs, and that AUTHLY_DATABASE_URL names its host and port."
	case errors.Is(err, syscall.EACCES), errors.Is(err, fs.ErrPermission):
		return "The user that the program runs as may not do that. Ports below 1024 need a privilege; files need their owner."
	case errors.Is(err, syscall.ENOSPC):
		return "The disk is full. Make room in the data directory's file system."
	default:
		return ""
	}
}
