package authorize

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"

	"authly/internal/client"
	"authly/internal/platform/clock"
	"authly/internal/platform/egress"
	"authly/internal/protocol/jose"
	"authly/internal/protocol/oauth"
)

// ClientKeys verifies what clients signed.
type ClientKeys interface {
	Verify(ctx context.Context, known client.Client, token string, expected jose.Expectation) ([]byte, error)
}

// Asker asks an address that a client registered.
type Asker interface {
	Do(ctx context.Context, request egress.Request) (egress.Response, error)
}

// requestObjects reads request objects (RFC 9101, OpenID Connect Core 1.0 section 6).
type requestObjects struct {
	issuer string
	keys   ClientKeys
	asker  Asker // nil: no request_uri is fetched
	clock  clock.Clock
}

const requestClockSkew = time.Minute

// repeatable are the parameters that may come more than once.
func repeatable() []string { return []string{"resource", "ui_locales", "audience"} }

// apply returns the parameters that count: those of the request object before those
// beside it, and for a client that always has to sign nothing else. Without an object
// they are the ones that were sent. The error is an [*oauth.Error].
func (o requestObjects) apply(ctx context.Context, known client.Client, params oauth.Params) (oauth.Params, error) {
	token, err := o.find(ctx, known, params)
	if err != nil {
		return params, err
	}
	if token == "" {
		if known.RequireSignedRequestObject {
			return params, oauth.Refuse(oauth.InvalidRequest, "the client has to send a signed request object")
		}
		return params, nil
	}
	expected := jose.Expectation{Types: []string{"", jose.TypeJWT, jose.TypeRequestObject}, Algorithms: jose.Algorithms()}
	if known.RequestObjectAlgorithm != "" {
		expected.Algorithms = []jose.Algorithm{known.RequestObjectAlgorithm}
	}
	payload, err := o.keys.Verify(ctx, known, token, expected)
	if err != nil {
		return params, oauth.Refuse(oauth.InvalidRequestObject, "the request object is not signed with a key of the client").Because(err)
	}
	claims := map[string]json.RawMessage{}
	if err := jose.UnmarshalClaims(payload, &claims); err != nil {
		return params, oauth.Refuse(oauth.InvalidRequestObject, "the request object is malformed").Because(err)
	}
	if err := o.check(known, claims); err != nil {
		return params, err
	}
	return merge(known, params, claims)
}

// find returns the request object, "" if there is none.
func (o requestObjects) find(ctx context.Context, known client.Client, params oauth.Params) (string, error) {
	address := params.Get("request_uri")
	switch {
	case address == "":
		return params.Get("request"), nil
	case params.Has("request"):
		return "", oauth.Refuse(oauth.InvalidRequest, "request and request_uri were sent together") // section 6.1
	case o.asker == nil:
		return "", oauth.Refuse(oauth.RequestURINotSupported, "the request_uri parameter is not supported")
	case !known.HasRequestURI(address):
		return "", oauth.Refuse(oauth.InvalidRequestURI, "the request_uri is not registered for this client")
	}
	answer, err := o.asker.Do(ctx, egress.Request{
		URL: address, Accept: "application/" + jose.TypeRequestObject + ", application/jwt", MaxBytes: jose.MaxTokenBytes,
	})
	if err == nil && (!answer.IsOK() || !slices.Contains([]string{"application/" + jose.TypeRequestObject, "application/jwt", "application/jose"}, answer.ContentType)) {
		err = fmt.Errorf("the answer has the status %d and the type %.40q", answer.Status, answer.ContentType)
	}
	if err != nil {
		return "", oauth.Refuse(oauth.InvalidRequestURI, "the request_uri could not be fetched").Because(err)
	}
	return string(bytes.TrimSpace(answer.Body)), nil
}

// check holds what the object says about itself (RFC 9101 sections 4, 5 and 6.3).
func (o requestObjects) check(known client.Client, claims map[string]json.RawMessage) error {
	refuse := func(description string) error { return oauth.Refuse(oauth.InvalidRequestObject, description) }
	for _, name := range []string{"request", "request_uri"} {
		if _, nested := claims[name]; nested {
			return refuse("the request object has a request within")
		}
	}
	for _, name := range []string{"iss", "client_id"} {
		if raw, there := claims[name]; there && !isText(raw, known.ClientID) {
			return refuse(name + " of the request object is not the client")
		}
	}
	audience, there := claims["aud"]
	if !there && known.RequireSignedRequestObject {
		return refuse("aud of the request object is missing")
	}
	if there && !o.isMeant(audience) {
		return refuse("aud of the request object is not this server")
	}
	now := o.clock.Now()
	for _, limit := range []struct {
		name  string
		after bool // the time has to be in the past
	}{{"exp", false}, {"nbf", true}, {"iat", true}} {
		raw, there := claims[limit.name]
		if !there {
			continue
		}
		var seconds float64
		if json.Unmarshal(raw, &seconds) != nil {
			return refuse(limit.name + " of the request object is not a time")
		}
		ahead := seconds - float64(now.UnixMilli())/1000
		if limit.after && !(ahead <= requestClockSkew.Seconds()) || !limit.after && !(ahead > -requestClockSkew.Seconds()) {
			return refuse("the request object is not valid at this time")
		}
	}
	return nil
}

func (o requestObjects) isMeant(audience json.RawMessage) bool {
	if isText(audience, o.issuer) {
		return true
	}
	var list []string
	return json.Unmarshal(audience, &list) == nil && slices.Contains(list, o.issuer)
}

func isText(raw json.RawMessage, want string) bool {
	var text string
	return json.Unmarshal(raw, &text) == nil && text == want
}

// notParameters are claims about the object itself.
func notParameters() []string { return []string{"iss", "aud", "exp", "nbf", "iat", "jti", "sub"} }

// merge puts the parameters of an object over those beside it. What the rules for
// all parameters refuse is refused here too.
func merge(known client.Client, beside oauth.Params, claims map[string]json.RawMessage) (oauth.Params, error) {
	values := url.Values{}
	if !known.RequireSignedRequestObject { // RFC 9101 section 5: only what is signed counts; OpenID Connect leaves more room
		for _, name := range beside.Names() {
			values[name] = beside.All(name)
		}
	}
	values.Del("request")
	values.Del("request_uri")
	for name, raw := range claims {
		if slices.Contains(notParameters(), name) {
			continue
		}
		texts, err := parameterOf(name, raw)
		if err != nil {
			return beside, oauth.Refuse(oauth.InvalidRequestObject, "a parameter of the request object is malformed").Because(err)
		}
		if len(texts) > 0 {
			values[name] = texts
		}
	}
	values.Set("client_id", known.ClientID)
	merged, err := oauth.ParseParams(values, repeatable()...)
	if err != nil {
		return beside, oauth.Refuse(oauth.InvalidRequestObject, "the request object has parameters that are not allowed").Because(err)
	}
	return merged, nil
}

var errNoParameter = errors.New("neither a text, a number nor an object")

// parameterOf returns a claim as it would be sent as a parameter: numbers such as
// max_age in digits, objects such as claims as JSON, and a list of texts for those
// parameters that may repeat. Empty and null ones count as not sent.
func parameterOf(name string, raw json.RawMessage) ([]string, error) {
	var value any
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	if err := decoder.Decode(&value); err != nil {
		return nil, err
	}
	switch value := value.(type) {
	case nil:
		return nil, nil
	case string:
		if value == "" {
			return nil, nil
		}
		return []string{value}, nil
	case json.Number:
		return []string{value.String()}, nil
	case map[string]any:
		var compacted bytes.Buffer
		if err := json.Compact(&compacted, raw); err != nil {
			return nil, err
		}
		return []string{compacted.String()}, nil
	case []any:
		if !slices.Contains(repeatable(), name) {
			return nil, errNoParameter
		}
		texts := make([]string, len(value))
		for i, entry := range value {
			text, ok := entry.(string)
			if !ok {
				return nil, errNoParameter
			}
			texts[i] = text
		}
		return texts, nil
	default:
		return nil, errNoParameter
	}
}
