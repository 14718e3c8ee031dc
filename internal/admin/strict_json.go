package admin

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
)

// maxDepth bounds how deeply a document is nested; none that the API takes is as deep.
const maxDepth = 16

var (
	errNotUnicode = errors.New("it is not UTF-8")
	errTrailing   = errors.New("something follows the JSON document")
	errTooDeep    = errors.New("it is nested too deeply")
	errNotJSON    = errors.New("it is not JSON")
)

// The library's switch is one for the whole process: names of members are what they are
// described as, in these letters.
var inTheseLetters = sync.OnceFunc(func() { huma.ValidateStrictCasing = true })

// decodeStrictly reads a JSON document, and refuses what parsers read differently or
// what no database keeps: a member that is there twice (RFC 8259 section 4), text that is
// not Unicode, and the character U+0000.
func decodeStrictly(document []byte, into any) error {
	if !utf8.Valid(document) {
		return errNotUnicode
	}
	decoder := json.NewDecoder(bytes.NewReader(document))
	decoder.UseNumber()
	if err := walk(decoder, "", maxDepth); err != nil {
		return err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errTrailing
	}
	return json.Unmarshal(document, into)
}

// walk reads one value; at is its place in the document.
func walk(decoder *json.Decoder, at string, depth int) error {
	token, err := decoder.Token()
	switch {
	case err != nil:
		return errNotJSON
	case depth == 0:
		return errTooDeep
	}
	switch found := token.(type) {
	case string:
		return checkText(found, at)
	case json.Delim:
		if found == '[' {
			return walkArray(decoder, at, depth)
		}
		return walkObject(decoder, at, depth)
	default:
		return nil
	}
}

func walkArray(decoder *json.Decoder, at string, depth int) error {
	for number := 0; decoder.More(); number++ {
		if err := walk(decoder, fmt.Sprintf("%s[%d]", at, number), depth-1); err != nil {
			return err
		}
	}
	return closed(decoder)
}

func walkObject(decoder *json.Decoder, at string, depth int) error {
	seen := map[string]bool{}
	for decoder.More() {
		token, err := decoder.Token()
		name, isText := token.(string)
		if err != nil || !isText {
			return errNotJSON
		}
		if err := checkText(name, at); err != nil {
			return err
		}
		place := strings.TrimPrefix(at+"."+name, ".")
		// The decoder takes either for the field.
		folded := strings.ToLower(strings.ToUpper(name))
		if seen[folded] {
			return fmt.Errorf("%.100q is there twice", place)
		}
		seen[folded] = true
		if err := walk(decoder, place, depth-1); err != nil {
			return err
		}
	}
	return closed(decoder)
}

// closed reads the end of an array or object.
func closed(decoder *json.Decoder) error {
	if _, err := decoder.Token(); err != nil {
		return errNotJSON
	}
	return nil
}

func checkText(text, at string) error {
	if strings.ContainsRune(text, 0) {
		return fmt.Errorf("%.100q has the character U+0000", at)
	}
	return nil
}
