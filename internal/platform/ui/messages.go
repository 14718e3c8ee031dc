package ui

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"strings"
)

//go:embed messages.en.json
var englishMessages []byte

// catalogue maps message keys to texts in one language.
type catalogue map[string]string

// unknownMessage is shown for a key that the catalogue lacks: a new
// refusal must not show a user an empty box or a key.
const unknownMessage = "error.unknown"

func loadCatalogue() (catalogue, error) {
	var loaded catalogue
	if err := json.Unmarshal(englishMessages, &loaded); err != nil {
		return nil, fmt.Errorf("read the message catalogue: %w", err)
	}
	if loaded[unknownMessage] == "" {
		return nil, errors.New("the message catalogue has no " + unknownMessage)
	}
	return loaded, nil
}

func (c catalogue) has(key string) bool { return c[key] != "" }

// text returns the text for a key with {name} replaced by the value that follows
// the name in pairs. The text is plain: the template escapes it.
func (c catalogue) text(key string, pairs ...any) (string, error) {
	if len(pairs)%2 != 0 {
		return "", fmt.Errorf("message %s: a name without a value", key)
	}
	text, ok := c[key]
	if !ok {
		text = c[unknownMessage]
	}
	replacements := make([]string, 0, len(pairs))
	for i := 0; i < len(pairs); i += 2 {
		replacements = append(replacements, "{"+fmt.Sprint(pairs[i])+"}", fmt.Sprint(pairs[i+1])) //nolint:gosec // the length is even
	}
	return strings.NewReplacer(replacements...).Replace(text), nil
}

// sentence is text with each value isolated in an element of its own, so that a
// name in a right-to-left script doesn't reorder our words around it. The message
// and the values are escaped here, which is why the result may be markup.
func (c catalogue) sentence(key string, pairs ...any) (template.HTML, error) {
	escaped := make([]any, len(pairs))
	for i, part := range pairs {
		escaped[i] = part
		if i%2 == 1 {
			escaped[i] = "<bdi>" + template.HTMLEscapeString(fmt.Sprint(part)) + "</bdi>"
		}
	}
	message, ok := c[key]
	if !ok {
		message = c[unknownMessage]
	}
	text, err := catalogue{key: template.HTMLEscapeString(message)}.text(key, escaped...)
	return template.HTML(text), err //nolint:gosec // escaped above
}
