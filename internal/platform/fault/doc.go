// Package fault has the refusals of the application: what a caller asked for
// can't be had, and why, in words that are not those of any protocol. Pages
// translate the key, the JSON interfaces turn the kind into a problem document;
// that mapping is the edge's business (package httpx), so there is no HTTP here.
//
// An error that is not a [*Error] is a fault of our own and never shown.
package fault
