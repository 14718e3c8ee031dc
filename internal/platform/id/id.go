package id

import (
	"fmt"

	"github.com/google/uuid"
)

// New returns a fresh identifier. It panics only when the operating system's
// source of randomness fails, after which nothing this program does is safe.
func New() uuid.UUID {
	id, err := uuid.NewV7()
	if err != nil {
		panic(fmt.Sprintf("read randomness for an identifier: %v", err))
	}
	return id
}
