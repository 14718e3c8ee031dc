// Package page says where a page of a long list ends, so that the next one can begin
// there: by the key of a row and never by a number of rows. What is added or removed
// meanwhile moves nothing, and a late page costs what the first one did.
//
// Not here: reading a page; see the Listing of package db.
package page
