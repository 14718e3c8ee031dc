package archtest

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// goList runs go list in the module's root.
func goList(t *testing.T, arguments ...string) string {
	t.Helper()
	list := exec.CommandContext(t.Context(), "go", append([]string{"list"}, arguments...)...)
	list.Dir = root
	var complaint bytes.Buffer
	list.Stderr = &complaint
	output, err := list.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, complaint.String())
	}
	return strings.TrimSpace(string(output))
}

// TestLibc holds that SQLite runs on exactly the libc that it was tested with:
// modernc.org/libc does not promise that a newer version still fits, and any
// other dependency can raise it unnoticed.
func TestLibc(t *testing.T) {
	ours, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := os.ReadFile(goList(t, "-m", "-f", "{{.GoMod}}", "modernc.org/sqlite"))
	if err != nil {
		t.Fatal(err)
	}
	want := requirement(string(theirs), "modernc.org/libc")
	if want == "" {
		t.Fatal("modernc.org/sqlite requires no modernc.org/libc any more: this test has to be thought over")
	}
	if got := requirement(string(ours), "modernc.org/libc"); got != want {
		t.Errorf("go.mod requires modernc.org/libc %q; the version of modernc.org/sqlite was tested with %q", got, want)
	}
}

func TestRequirement(t *testing.T) {
	const goMod = "module a\n\nrequire modernc.org/one v1.0.0\n\nrequire (\n\tmodernc.org/libc/v2 v2.0.0\n\tmodernc.org/libc v1.80.1 // indirect\n)\n"
	for module, want := range map[string]string{
		"modernc.org/one":     "v1.0.0",
		"modernc.org/libc":    "v1.80.1",
		"modernc.org/libc/v2": "v2.0.0",
		"modernc.org/none":    "",
	} {
		if got := requirement(goMod, module); got != want {
			t.Errorf("%s: got %q, want %q", module, got, want)
		}
	}
}

// licences are those under which what we link may be passed on under ours, by
// words that only they have.
var licences = []struct{ name, words string }{
	{"MIT", "Permission is hereby granted, free of charge, to any person obtaining a copy"},
	{"BSD", "Redistribution and use in source and binary forms, with or without modification, are permitted"},
	{"Apache-2.0", "Apache License Version 2.0"},
	{"ISC", "Permission to use, copy, modify, and/or distribute this software for any purpose"},
	{"ISC", "Permission to use, copy, modify, and distribute this software for any purpose"},
	{"MPL-2.0", "Mozilla Public License Version 2.0"},
	{"MPL-2.0", "Mozilla Public License, version 2.0"},
	{"Unlicense", "This is free and unencumbered software released into the public domain"},
}

var (
	licenceFile = regexp.MustCompile(`(?i)^(licen[cs]e|copying)([.-].*)?$`)
	spaces      = regexp.MustCompile(`[\s>]+`) // some quote their licence
)

func licenceOf(text string) string {
	text = spaces.ReplaceAllString(text, " ")
	for _, licence := range licences {
		if strings.Contains(text, licence.words) {
			return licence.name
		}
	}
	return ""
}

// TestLicences holds that everything that a build or a test of this module
// links comes with a licence that allows it.
func TestLicences(t *testing.T) {
	listed := goList(t, "-e", "-deps", "-test", "-f", "{{with .Module}}{{if not .Main}}{{.Path}} {{.Dir}}{{end}}{{end}}", "./...")
	modules := strings.Split(listed, "\n")
	slices.Sort(modules)
	modules = slices.DeleteFunc(slices.Compact(modules), func(line string) bool { return line == "" })
	if len(modules) < 10 {
		t.Fatalf("only %d modules are linked: this is not the tree", len(modules))
	}
	for _, line := range modules {
		module, directory, _ := strings.Cut(line, " ")
		entries, err := os.ReadDir(directory)
		if err != nil {
			t.Errorf("%s: %v", module, err)
			continue
		}
		var found []string
		for _, entry := range entries {
			if !licenceFile.MatchString(entry.Name()) || entry.IsDir() {
				continue
			}
			text, err := os.ReadFile(filepath.Join(directory, entry.Name()))
			if err != nil {
				t.Errorf("%s: %v", module, err)
				continue
			}
			if name := licenceOf(string(text)); name != "" {
				found = append(found, name)
			}
		}
		if len(found) == 0 {
			t.Errorf("%s has no licence that is known to suit ours", module)
		}
	}
}

func TestLicenceOf(t *testing.T) {
	for text, want := range map[string]string{
		"\n  Apache License\n  Version 2.0, January 2004": "Apache-2.0",
		"GNU AFFERO GENERAL PUBLIC LICENSE\nVersion 3":    "",
		"All rights reserved.":                            "",
	} {
		if got := licenceOf(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}
