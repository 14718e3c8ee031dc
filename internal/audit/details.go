package audit

import (
	"encoding/json"
	"fmt"
)

// encode returns the text of details. An event has to fit, and must not be lost: what is
// too large is left out.
func encode(details Details) (string, error) {
	encoded, err := json.Marshal(details)
	if err == nil && len(encoded) > maxDetailsBytes {
		encoded, err = json.Marshal(Details{Reason: details.Reason, Note: "too large to be kept whole"})
	}
	if err != nil {
		return "", fmt.Errorf("encode details: %w", err)
	}
	return string(encoded), nil
}
