package http_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"authly/internal/testx"
)

// wordKeys are keys, which some words need.
const wordKeys = `"jwks_uri":"https://shop.example/keys"`

// Of each member and filter that is described by its words, the server takes every one of them,
// null where it is one, and nothing else.
func TestDescribedWordsAreThoseThatAreTaken(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(a *administration, token testx.RequestOption) {
		client := a.wants(a.send(token, http.MethodPost, "/clients", webApp), http.StatusCreated).Text("client_id")
		// What is said beside a member, so that its words are all that can be wrong.
		beside := map[string]string{
			"create-client":               `"client_name":"Shop","redirect_uris":["https://shop.example/cb"],` + wordKeys,
			"update-client":               wordKeys,
			"create-initial-access-token": `"name":"partner"`,
			"create-user":                 `"username":"nobody","invitation":true`,
		}
		described, members, filters := a.describe(a.t), 0, 0
		for _, operation := range described.operations {
			path := strings.Replace(strings.TrimPrefix(operation.path, adminPath), "{client_id}", client, 1)
			for _, parameter := range operation.Parameters {
				for _, word := range append(slices.Clone(parameter.Schema.Enum), "no_such_word") {
					if parameter.In != "query" || len(parameter.Schema.Enum) == 0 {
						continue
					}
					filters++
					answer := a.send(token, operation.method, path+"?"+parameter.Name+"="+fmt.Sprint(word), "")
					if (answer.Status == http.StatusOK) != (word != "no_such_word") || answer.Status != http.StatusOK && !strings.Contains(answer.Body, `"query.`+parameter.Name+`"`) {
						a.t.Errorf("%s: %d %s", answer.URL, answer.Status, answer.Body)
					}
				}
			}
			taken, ok := described.body(operation)
			if !ok {
				continue
			}
			for name, member := range taken.Properties {
				words, list := member.Enum, false
				if member.Items != nil {
					words, list = member.Items.Enum, true
				}
				if len(words) == 0 || beside[operation.ID] == "" {
					continue
				}
				members++
				if slices.Contains(words, nil) != (member.is("null") && !list) {
					a.t.Errorf("%s: null is a value of %s, or a word of it, and not both", operation.ID, name)
				}
				wrong := []any{"no_such_word", "", strings.ToUpper(fmt.Sprint(words[0])) + " "}
				for _, word := range append(slices.Clone(words), wrong...) {
					value, err := json.Marshal(word)
					must(a.t, err)
					if list {
						value = []byte("[" + string(value) + "]")
					}
					body := "{" + strings.TrimPrefix(beside[operation.ID]+`,"`+name+`":`+string(value), ",") + withNeeds(name) + "}"
					answer := a.send(token, operation.method, path, body)
					named := strings.Contains(answer.Body, `"body.`+name)
					if isWrong := slices.Contains(wrong, word); isWrong && (answer.Status != http.StatusUnprocessableEntity || !named) || !isWrong && isUnknown(answer, name) {
						a.t.Errorf("%s with %s: %d %s", operation.ID, body, answer.Status, answer.Body)
					}
				}
			}
		}
		if members < 50 || filters < 60 {
			a.t.Errorf("only %d members and %d filters have words", members, filters)
		}
	})
}

// withNeeds returns what a member can't be without.
func withNeeds(name string) string {
	if before, found := strings.CutSuffix(name, "_enc"); found {
		return `,"` + before + `_alg":"RSA-OAEP-256"`
	}
	if before, found := strings.CutSuffix(name, "_encrypted_response_alg"); found {
		return `,"` + before + `_encrypted_response_enc":null`
	}
	return ""
}

// isUnknown tells whether an answer refuses a member's word as none that there is. Other rules may
// refuse it: a client that has refresh_token needs authorization_code beside it.
func isUnknown(answer testx.Answer, name string) bool {
	var problem struct {
		Errors []struct{ Location, Message string }
	}
	if json.Unmarshal([]byte(answer.Body), &problem) != nil || answer.Status >= http.StatusInternalServerError {
		return true
	}
	for _, each := range problem.Errors {
		if strings.HasPrefix(each.Location, "body."+name) && strings.Contains(each.Message, "one of") {
			return true
		}
	}
	return false
}
