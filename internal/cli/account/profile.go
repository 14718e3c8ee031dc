package account

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/lockedfile"
)

var (
	// ErrNoProfile is returned for a profile that isn't there.
	ErrNoProfile = errors.New("there is no such profile")
	// ErrInvalidName is returned for what can't be the name of a profile.
	ErrInvalidName = errors.New("the name of a profile has letters, digits, dots, dashes and underscores, up to 64")
	// ErrExposed is returned for a file of ours that others can read or write.
	ErrExposed = errors.New("other users of this machine can read the file")
)

// Place is where tokens are kept.
type Place string

// The places.
const (
	Keyring Place = "keyring"
	File    Place = "file"
)

// Profile is a server with the account that somebody has there.
type Profile struct {
	Name     string `json:"name"`
	Server   string `json:"server"` // the issuer
	ClientID string `json:"client_id"`
	API      string `json:"api,omitempty"` // "" if it is at the server's own address
	CAFile   string `json:"ca_file,omitempty"`
	Place    Place  `json:"credentials"`
	Subject  string `json:"subject"`
	Username string `json:"username,omitempty"`
}

// Book has all profiles of a person.
type Book struct{ directory string }

// Open returns the book that is kept in a directory, which is made when something is
// written to it.
func Open(directory string) *Book { return &Book{directory} }

// pages is what the file of profiles has.
type pages struct {
	Current  string    `json:"current"`
	Profiles []Profile `json:"profiles"`
}

func (p pages) find(name string) (Profile, error) {
	for _, profile := range p.Profiles {
		if profile.Name == name {
			return profile, nil
		}
	}
	return Profile{}, fmt.Errorf("%w: %q", ErrNoProfile, name)
}

// List returns all profiles by name, and the name of the one that counts when none is named.
func (b *Book) List() ([]Profile, string, error) {
	read, err := b.read()
	return read.Profiles, read.Current, err
}

// Find returns a profile, the current one for "".
func (b *Book) Find(name string) (Profile, error) {
	read, err := b.read()
	if err != nil {
		return Profile{}, err
	}
	if name == "" {
		name = read.Current
	}
	if name == "" {
		return Profile{}, ErrNoProfile
	}
	return read.find(name)
}

// Of returns the profile of a server: the current one if it is one of them.
func (b *Book) Of(server string) (Profile, error) {
	read, err := b.read()
	if err != nil {
		return Profile{}, err
	}
	server = strings.TrimSuffix(server, "/")
	if current, err := read.find(read.Current); err == nil && current.Server == server {
		return current, nil
	}
	for _, profile := range read.Profiles {
		if profile.Server == server {
			return profile, nil
		}
	}
	return Profile{}, fmt.Errorf("%w of the server %s", ErrNoProfile, server)
}

// Put writes a profile, in place of one of the same name, and makes it the current one.
func (b *Book) Put(profile Profile) error {
	if !IsName(profile.Name) {
		return ErrInvalidName
	}
	return b.change(func(p *pages) error {
		p.Profiles = slices.DeleteFunc(p.Profiles, func(other Profile) bool { return other.Name == profile.Name })
		p.Profiles = append(p.Profiles, profile)
		slices.SortFunc(p.Profiles, func(x, y Profile) int { return strings.Compare(x.Name, y.Name) })
		p.Current = profile.Name
		return nil
	})
}

// IsName tells whether a profile may be called so; names are part of the names of files.
func IsName(name string) bool { return nameSyntax.MatchString(name) }

// Use makes a profile the current one.
func (b *Book) Use(name string) error {
	return b.change(func(p *pages) error {
		found, err := p.find(name)
		p.Current = found.Name
		return err
	})
}

// Delete removes a profile.
func (b *Book) Delete(name string) error {
	return b.change(func(p *pages) error {
		if _, err := p.find(name); err != nil {
			return err
		}
		p.Profiles = slices.DeleteFunc(p.Profiles, func(other Profile) bool { return other.Name == name })
		if p.Current == name {
			p.Current = ""
		}
		return nil
	})
}

var (
	nameSyntax = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)
	notInName  = regexp.MustCompile(`[^A-Za-z0-9._-]+`)
)

// NameFor returns what the profile of a server is called unless somebody says otherwise.
func NameFor(server string) string {
	_, rest, found := strings.Cut(server, "://")
	if !found {
		rest = server
	}
	name := strings.Trim(notInName.ReplaceAllString(rest, "-"), "-._")
	return name[:min(len(name), 64)]
}

func (b *Book) path(name string) string { return filepath.Join(b.directory, name) }

func (b *Book) read() (pages, error) {
	var read pages
	text, err := readOwn(b.path("profiles.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return read, nil
	}
	if err != nil {
		return read, err
	}
	if err := json.Unmarshal(text, &read); err != nil {
		return read, fmt.Errorf("read %s: %w", b.path("profiles.json"), err)
	}
	return read, nil
}

// change writes the profiles anew; those who do so at once take turns.
func (b *Book) change(work func(*pages) error) error {
	return b.locked("profiles", func() error {
		read, err := b.read()
		if err != nil {
			return err
		}
		if err := work(&read); err != nil {
			return err
		}
		text, err := json.MarshalIndent(read, "", "  ")
		if err != nil {
			return fmt.Errorf("write the profiles: %w", err)
		}
		return writeOwn(b.path("profiles.json"), append(text, '\n'))
	})
}

// locked runs work while no other program of this person's does work under the same name.
func (b *Book) locked(name string, work func() error) error {
	if err := b.prepare(); err != nil {
		return err
	}
	unlock, err := lockedfile.MutexAt(b.path(name + ".lock")).Lock()
	if err != nil {
		return fmt.Errorf("wait for others who use %s: %w", b.directory, err)
	}
	defer unlock()
	return work()
}

// prepare makes the directory, for its owner only.
func (b *Book) prepare() error {
	const ownersOnly = 0o700
	if err := os.MkdirAll(b.directory, ownersOnly); err != nil {
		return fmt.Errorf("make the directory of the profiles: %w", err)
	}
	if runtime.GOOS == "windows" { // there the profile's directory is the person's own
		return nil
	}
	if err := os.Chmod(b.directory, ownersOnly); err != nil {
		return fmt.Errorf("keep others out of %s: %w", b.directory, err)
	}
	return nil
}

// readOwn reads a file that nobody else may read.
func readOwn(path string) ([]byte, error) {
	status, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if runtime.GOOS != "windows" && status.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%w: %s", ErrExposed, path)
	}
	text, err := os.ReadFile(path) //nolint:gosec // of this package's own making
	if err != nil {
		return nil, fmt.Errorf("read the profiles: %w", err)
	}
	return text, nil
}

// writeOwn replaces a file by another, wholly or not at all.
func writeOwn(path string, text []byte) error {
	made, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*") // 0600
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	_, err = made.Write(text)
	if err == nil {
		err = made.Sync()
	}
	err = errors.Join(err, made.Close())
	if err == nil {
		err = os.Rename(made.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, errors.Join(err, os.Remove(made.Name())))
	}
	return nil
}
