// Package page identifies where a page of a long list ends, so that the next one can start
// there: by the key of a row and never by a number of rows. So rows that are added or removed
// meanwhile shift nothing, and a late page costs as much as the first one.
//
// Not here: reading a page; see the Listing of package db.
package page
