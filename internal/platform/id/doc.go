// Package id makes the identifiers of stored records. They are UUIDs of
// version 7 (RFC 9562 section 5.7): sortable by the time of their making, so that an
// index grows at its end. They name things and are never secrets; a handle that
// gives access to something comes from package secret.
package id
