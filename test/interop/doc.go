// Package interop lets clients of other makers use the server as they find it.
package interop
