// Package fault has the refusals of the application: why a request can't be
// fulfilled, independent of any protocol. Pages
// translate the key, the JSON interfaces turn the kind into a problem document.
// That mapping belongs to package httpx, so there is no HTTP here.
//
// An error that is not a [*Error] is an internal error and never shown.
package fault
