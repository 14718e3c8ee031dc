package oidc

import (
	"bytes"
	"encoding/json"
	"slices"

	"authly/internal/protocol/jose"
	"authly/internal/protocol/oauth"
)

// The bounds of a claims parameter; the parameter itself is bounded by oauth.Params.
const (
	maxRequestedClaims  = 64
	maxClaimNameBytes   = 128
	maxRequestedValues  = 32
	maxClaimValueBytes  = 1024
	maxClaimsRequestLen = oauth.MaxParameterBytes
)

// ClaimsRequest is a claims parameter (OpenID Connect Core 1.0 section 5.5): individually
// requested claims, by where they are to be returned.
type ClaimsRequest struct {
	UserInfo map[string]ClaimRequest `json:"userinfo,omitempty"`
	IDToken  map[string]ClaimRequest `json:"id_token,omitempty"`
}

// ClaimRequest is the request for one claim (section 5.5.1). The zero value requests
// it without conditions.
type ClaimRequest struct {
	Essential bool `json:"essential,omitempty"`
	// Values are those of the value or the values member; empty means any.
	Values []json.RawMessage `json:"values,omitempty"`
}

// IsZero reports whether nothing is requested.
func (r ClaimsRequest) IsZero() bool { return len(r.UserInfo) == 0 && len(r.IDToken) == 0 }

// ParseClaimsRequest reads a claims parameter. The empty text requests nothing.
// Unknown members are ignored, at the top and in a claim's request, but
// the defined ones must have their shape: anything else is refused with invalid_request.
func ParseClaimsRequest(text string) (ClaimsRequest, error) {
	if text == "" {
		return ClaimsRequest{}, nil
	}
	malformed := oauth.Refuse(oauth.InvalidRequest, "the claims parameter is malformed")
	if len(text) > maxClaimsRequestLen {
		return ClaimsRequest{}, malformed
	}
	var parsed struct {
		UserInfo map[string]json.RawMessage `json:"userinfo"`
		IDToken  map[string]json.RawMessage `json:"id_token"`
	}
	if err := jose.UnmarshalClaims([]byte(text), &parsed); err != nil {
		return ClaimsRequest{}, malformed.Because(err)
	}
	var request ClaimsRequest
	var err error
	if request.UserInfo, err = parseMember(parsed.UserInfo); err == nil {
		request.IDToken, err = parseMember(parsed.IDToken)
	}
	if err != nil {
		return ClaimsRequest{}, malformed.Because(err)
	}
	return request, nil
}

func parseMember(member map[string]json.RawMessage) (map[string]ClaimRequest, error) {
	if len(member) == 0 {
		return nil, nil
	}
	if len(member) > maxRequestedClaims {
		return nil, errTooMuch
	}
	requests := make(map[string]ClaimRequest, len(member))
	for name, raw := range member {
		if name == "" || len(name) > maxClaimNameBytes {
			return nil, errTooMuch
		}
		request, err := parseClaimRequest(raw)
		if err != nil {
			return nil, err
		}
		requests[name] = request
	}
	return requests, nil
}

var errTooMuch = oauth.Refuse(oauth.InvalidRequest, "the claims parameter asks for too much")

// parseClaimRequest reads null or an object with essential, value and values.
func parseClaimRequest(raw json.RawMessage) (ClaimRequest, error) {
	var parsed *struct {
		Essential bool              `json:"essential"`
		Value     json.RawMessage   `json:"value"`
		Values    []json.RawMessage `json:"values"`
	}
	if err := json.Unmarshal(raw, &parsed); err != nil {
		return ClaimRequest{}, err
	}
	if parsed == nil {
		return ClaimRequest{}, nil
	}
	request := ClaimRequest{Essential: parsed.Essential, Values: parsed.Values}
	if len(parsed.Value) > 0 {
		request.Values = append(slices.Clip(request.Values), parsed.Value)
	}
	if len(request.Values) > maxRequestedValues {
		return ClaimRequest{}, errTooMuch
	}
	for i, value := range request.Values {
		if len(value) > maxClaimValueBytes {
			return ClaimRequest{}, errTooMuch
		}
		var compacted bytes.Buffer
		if err := json.Compact(&compacted, value); err != nil {
			return ClaimRequest{}, err
		}
		request.Values[i] = compacted.Bytes()
	}
	return request, nil
}

// Texts returns the requested values that are strings.
func (r ClaimRequest) Texts() []string {
	var texts []string
	for _, value := range r.Values {
		var text string
		if json.Unmarshal(value, &text) == nil {
			texts = append(texts, text)
		}
	}
	return texts
}

// Names returns the names of the requested claims, sorted.
func Names(requests map[string]ClaimRequest) []string {
	names := make([]string, 0, len(requests))
	for name := range requests {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
