package main

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"text/template"
)

//go:embed plans/*.json
var planFiles embed.FS

// writePlans fills in the configurations and returns their files. Each is a JSON
// document as the suite takes it; see README.md for which plan it belongs to.
func writePlans(directory string, filled values) ([]string, error) {
	if err := os.MkdirAll(directory, 0o700); err != nil {
		return nil, fmt.Errorf("make the directory of the plans: %w", err)
	}
	parsed, err := template.New("").Option("missingkey=error").Funcs(template.FuncMap{"json": asJSON}).ParseFS(planFiles, "plans/*.json")
	if err != nil {
		return nil, fmt.Errorf("read the plans: %w", err)
	}
	names, err := fs.Glob(planFiles, "plans/*.json")
	if err != nil {
		return nil, err
	}
	var written []string
	for _, name := range names {
		var text bytes.Buffer
		if err := parsed.ExecuteTemplate(&text, filepath.Base(name), filled); err != nil {
			return nil, fmt.Errorf("fill in %s: %w", name, err)
		}
		if filepath.Base(name) == "browser.json" { // part of the others
			continue
		}
		var indented bytes.Buffer
		if err := json.Indent(&indented, text.Bytes(), "", "  "); err != nil {
			return nil, fmt.Errorf("%s is not JSON: %w", name, err)
		}
		file := filepath.Join(directory, filepath.Base(name))
		if err := os.WriteFile(file, indented.Bytes(), 0o600); err != nil {
			return nil, fmt.Errorf("write a plan: %w", err)
		}
		written = append(written, file)
	}
	return written, nil
}

func asJSON(value any) (string, error) {
	encoded, err := json.Marshal(value)
	return string(encoded), err
}
