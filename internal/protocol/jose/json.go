package jose

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

const maxNesting = 32

var (
	errNotObject  = errors.New("not a JSON object")
	errDuplicate  = errors.New("a JSON object has the same member twice")
	errNested     = errors.New("JSON is nested too deeply")
	errTrailing   = errors.New("data after the JSON object")
	errNotUnicode = errors.New("JSON is not UTF-8")
)

// UnmarshalClaims decodes a JSON object into destination. It refuses duplicate
// members at any depth, which parsers read differently (RFC 7519 section 4).
// Members that differ only by case count as duplicates, because Go's decoder would
// take either for the field.
func UnmarshalClaims(payload []byte, destination any) error {
	if _, err := objectMembers(payload); err != nil {
		return fmt.Errorf("%w: %w", ErrInvalidToken, err)
	}
	if err := json.Unmarshal(payload, destination); err != nil {
		return fmt.Errorf("%w: a member has the wrong type", ErrInvalidToken)
	}
	return nil
}

// objectMembers reads one JSON object and returns its top-level names.
func objectMembers(text []byte) ([]string, error) {
	if !utf8.Valid(text) {
		return nil, errNotUnicode
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	first, err := decoder.Token()
	if err != nil || first != json.Delim('{') {
		return nil, errNotObject
	}
	members, err := walkObject(decoder, 1)
	if err != nil {
		return nil, err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errTrailing
	}
	return members, nil
}

func walkObject(decoder *json.Decoder, depth int) ([]string, error) {
	var members []string
	seen := map[string]bool{}
	for decoder.More() {
		token, err := decoder.Token()
		if err != nil {
			return nil, errNotObject
		}
		name, _ := token.(string)
		folded := strings.Map(smallestFold, name)
		if seen[folded] {
			return nil, errDuplicate
		}
		seen[folded] = true
		members = append(members, name)
		if err := walkValue(decoder, depth); err != nil {
			return nil, err
		}
	}
	_, err := decoder.Token()
	return members, err
}

// smallestFold maps all runes that differ only by case to the same one.
func smallestFold(r rune) rune {
	smallest := r
	for folded := unicode.SimpleFold(r); folded != r; folded = unicode.SimpleFold(folded) {
		smallest = min(smallest, folded)
	}
	return smallest
}

func walkValue(decoder *json.Decoder, depth int) error {
	token, err := decoder.Token()
	if err != nil {
		return errNotObject
	}
	if depth == maxNesting {
		return errNested
	}
	switch token {
	case json.Delim('{'):
		_, err = walkObject(decoder, depth+1)
		return err
	case json.Delim('['):
		for decoder.More() {
			if err := walkValue(decoder, depth+1); err != nil {
				return err
			}
		}
		_, err = decoder.Token()
		return err
	default:
		return nil
	}
}
