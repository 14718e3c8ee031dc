// Package ui renders every page for people: embedded templates, one
// stylesheet, one catalogue of texts, and one renderer with a typed view
// model for each page.
//
// The pages are plain HTML forms. They need no script, load nothing from
// elsewhere and carry no inline style, so that the content security policy can
// forbid all three; two pages have a script that presses a button for the user, and one
// has frames that tell clients of a logout. The ids, names and texts that programs may rely on are
// documented in docs/pages.md and checked by a test.
//
// What a client says about itself (its name, its links) is shown as text, without
// control and direction characters, and shortened; links are shown only if they
// are http or https.
//
// The package decides nothing: which page is shown, what is wrong with an input and
// where a form posts to is decided by the features.
package ui
