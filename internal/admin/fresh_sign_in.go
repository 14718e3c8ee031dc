package admin

import (
	"fmt"
	"reflect"
)

// freshness is what an operation declares about the age of the sign-in behind a request
// (RFC 9470). The zero value declares nothing, so that a new operation has to choose.
type freshness string

const (
	// anySignIn accepts a sign-in of any age: for reading, and for what takes access away without
	// deleting a record, which must not be slow in an emergency.
	anySignIn freshness = "any"
	// freshSignIn wants a sign-in that is not older than the setting admin.fresh_sign_in.
	freshSignIn freshness = "always"
	// freshIfSensitive wants one if the body of the request is [sensitive].
	freshIfSensitive freshness = "sensitive"
)

// sensitive is implemented by the bodies of operations with [freshIfSensitive].
type sensitive interface {
	// isSensitive reports whether the body gives a right to administer, or changes a credential.
	isSensitive() bool
}

// isSensitive reports whether the fields make an administrator, or change what an existing account
// can sign in with.
func (f UserFields) isSensitive() bool { return f.Administrator.Value || f.RequirePasswordChange.Sent }

// isSensitive reports whether the new user is an administrator. What others begin with is nobody's
// credential yet.
func (n NewUser) isSensitive() bool { return n.Administrator.Value }

// isSensitive reports whether the fields make the client an administrator, or change how it proves
// itself.
func (f ClientFields) isSensitive() bool {
	return f.Administrator || f.has("token_endpoint_auth_method", "jwks", "jwks_uri")
}

// isSensitive reports whether the new client is an administrator.
func (n NewClient) isSensitive() bool { return n.Administrator }

// bodyOf returns the body of an operation's input as sensitive; nil if it is none.
func bodyOf(input any) sensitive {
	body := reflect.Indirect(reflect.ValueOf(input)).FieldByName("Body")
	if !body.IsValid() {
		return nil
	}
	read, _ := body.Interface().(sensitive)
	return read
}

// check panics for an operation that declares no freshness, or one that its input can't answer:
// both are defects of the program.
func (f freshness) check(id string, input any) {
	switch f {
	case anySignIn, freshSignIn:
	case freshIfSensitive:
		if bodyOf(input) == nil {
			panic(fmt.Sprintf("the operation %s declares that its body may be sensitive, and its body can't say so", id))
		}
	default:
		panic(fmt.Sprintf("the operation %s doesn't declare how fresh the sign-in has to be", id))
	}
}

// describe returns what the description says; "" for any sign-in.
func (f freshness) describe() string {
	const window = "not older than the setting admin.fresh_sign_in, 15 minutes by default (RFC 9470)"
	switch f {
	case freshSignIn:
		return "Needs a sign-in " + window + "."
	case freshIfSensitive:
		return "A request that makes an administrator or changes a credential needs a sign-in " + window + "."
	case anySignIn:
		return ""
	default:
		return ""
	}
}
