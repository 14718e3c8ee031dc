package bootstrap

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"authly/internal/platform/secret"
)

// devFile is the format of the file. Scripts depend on it.
type devFile struct {
	Issuer             string        `json:"issuer"`
	User               devFileUser   `json:"user"`
	Administrator      devFileUser   `json:"administrator"`
	PublicClient       devFileClient `json:"public_client"`
	ConfidentialClient devFileClient `json:"confidential_client"`
}

type devFileUser struct {
	Username string `json:"username"`
	Password string `json:"password"`
}

type devFileClient struct {
	ClientID     string   `json:"client_id"`
	ClientSecret string   `json:"client_secret,omitempty"`
	RedirectURIs []string `json:"redirect_uris"`
}

// maxDevFileBytes bounds what is read.
const maxDevFileBytes = 64 << 10

// readDevFile returns the content of the file, and nothing if there is no file or it
// isn't ours: it will be replaced.
func readDevFile(path string) (Dev, error) {
	file, err := os.Open(path) //nolint:gosec // in the configured data directory
	if errors.Is(err, fs.ErrNotExist) {
		return Dev{}, nil
	}
	if err != nil {
		return Dev{}, fmt.Errorf("open the file of demo credentials: %w", err)
	}
	defer func() { _ = file.Close() }()
	content, err := io.ReadAll(io.LimitReader(file, maxDevFileBytes))
	if err != nil {
		return Dev{}, fmt.Errorf("read the file of demo credentials: %w", err)
	}
	var dev devFile
	if err := json.Unmarshal(content, &dev); err != nil {
		return Dev{}, nil
	}
	return Dev{
		Issuer: dev.Issuer, File: path,
		User:               dev.User.user(),
		Administrator:      dev.Administrator.user(),
		PublicClient:       dev.PublicClient.client(),
		ConfidentialClient: dev.ConfidentialClient.client(),
	}, nil
}

func (u devFileUser) user() DevUser { return DevUser{u.Username, secret.FromString(u.Password)} }

func (u DevUser) forFile() devFileUser { return devFileUser{u.Username, u.Password.Reveal()} }

func (c devFileClient) client() DevClient {
	return DevClient{c.ClientID, secret.FromString(c.ClientSecret), c.RedirectURIs}
}

func (c DevClient) forFile() devFileClient {
	return devFileClient{c.ClientID, c.ClientSecret.Reveal(), c.RedirectURIs}
}

// writeDevFile replaces the file atomically, readable by its owner only.
func writeDevFile(path string, current Dev) error {
	content, err := json.MarshalIndent(devFile{
		Issuer:             current.Issuer,
		User:               current.User.forFile(),
		Administrator:      current.Administrator.forFile(),
		PublicClient:       current.PublicClient.forFile(),
		ConfidentialClient: current.ConfidentialClient.forFile(),
	}, "", "  ")
	if err != nil {
		return fmt.Errorf("encode the demo credentials: %w", err)
	}
	if err := replaceFile(path, append(content, '\n')); err != nil {
		return fmt.Errorf("write the file of demo credentials: %w", err)
	}
	return nil
}

// replaceFile writes a file with mode 0600 beside path and moves
// it there when it is complete.
func replaceFile(path string, content []byte) error {
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	err = errors.Join(err, file.Sync(), file.Close())
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		_ = os.Remove(file.Name())
	}
	return err
}
