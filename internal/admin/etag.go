package admin

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
)

// etag returns the entity tag of what is answered (RFC 9110 section 8.8.3).
func etag(view any) string {
	encoded, err := json.Marshal(view)
	if err != nil {
		panic(fmt.Sprintf("encode a %T: %v", view, err)) // the types are ours
	}
	digest := sha256.Sum256(encoded)
	return `"` + hex.EncodeToString(digest[:16]) + `"`
}

// matches tells whether an If-Match has a tag (RFC 9110 section 13.1.1). An empty one asks
// for nothing. Weak tags never match.
func matches(ifMatch, tag string) bool {
	if ifMatch == "" || strings.TrimSpace(ifMatch) == "*" {
		return true
	}
	for each := range strings.SplitSeq(ifMatch, ",") {
		if strings.TrimSpace(each) == tag {
			return true
		}
	}
	return false
}
