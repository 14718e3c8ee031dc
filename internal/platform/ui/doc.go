// Package ui renders every page that a person sees: embedded templates, one
// stylesheet, one catalogue of texts, and one renderer that takes a typed view
// model for each page.
//
// The pages are plain HTML forms. They need no script, load nothing from
// elsewhere and carry no inline style, so that the content security policy can
// forbid all three; two pages have a script that presses a button for the person, and one
// has frames that tell clients of a logout. The ids, names and texts that programs may rely on are written
// down in docs/pages.md and held by a test.
//
// What a client says about itself (its name, its links) is shown as text, without
// control and direction characters, and shortened; links are shown only if they
// are http or https.
//
// The package decides nothing: which page comes, what is wrong with an input and
// where a form goes are the features' business.
package ui
