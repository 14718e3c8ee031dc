package admin

import "testing"

// RFC 9110 section 13.1.1: an If-Match that names another state of the resource stops the
// change, and so does a weak tag.
func TestIfMatch(t *testing.T) {
	t.Parallel()
	tag := etag(map[string]string{"name": "Shop"})
	other := etag(map[string]string{"name": "Shop 2"})
	for _, test := range []struct {
		name, sent string
		want       bool
	}{
		{"none", "", true},
		{"any", "*", true},
		{"the tag", tag, true},
		{"the tag in a list", other + ", " + tag, true},
		{"another tag", other, false},
		{"two other tags", other + ", " + `"x"`, false},
		{"the weak tag", "W/" + tag, false},
		{"the tag without its quotes", tag[1 : len(tag)-1], false},
		{"a part of the tag", tag[:len(tag)-4], false},
		{"nothing in quotes", `""`, false},
		{"a comma", ",", false},
	} {
		if got := matches(test.sent, tag); got != test.want {
			t.Errorf("%s: %t", test.name, got)
		}
	}
	if tag == other || len(tag) != 34 {
		t.Errorf("the tags are %s and %s", tag, other)
	}
}
