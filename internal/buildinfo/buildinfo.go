package buildinfo

import (
	"runtime"
	"runtime/debug"
	"strings"
)

// Info describes the running program.
type Info struct {
	Version  string `json:"version"`            // of the module: a tag, a pseudo-version, or "devel"
	Revision string `json:"revision,omitempty"` // of the source, if it was built from a repository
	Time     string `json:"time,omitempty"`     // of the revision, RFC 3339
	Modified bool   `json:"modified,omitempty"` // the source had changes that were not committed
	Go       string `json:"go"`
	Platform string `json:"platform"` // operating system and architecture
}

// Read returns what is known of the running program.
func Read() Info {
	build, ok := debug.ReadBuildInfo()
	if !ok {
		build = &debug.BuildInfo{}
	}
	return from(build)
}

func from(build *debug.BuildInfo) Info {
	info := Info{
		Version: strings.Trim(build.Main.Version, "()"), Go: runtime.Version(),
		Platform: runtime.GOOS + "/" + runtime.GOARCH,
	}
	if info.Version == "" {
		info.Version = "devel"
	}
	for _, setting := range build.Settings {
		switch setting.Key {
		case "vcs.revision":
			info.Revision = setting.Value
		case "vcs.time":
			info.Time = setting.Value
		case "vcs.modified":
			info.Modified = setting.Value == "true"
		}
	}
	return info
}

// shownRevision is how much of a revision people need to see.
const shownRevision = 12

// String returns one line, such as
// "authly v0.1.0 (revision 0123456789ab, modified), go1.26.0, linux/amd64".
func (i Info) String() string {
	text := "authly " + i.Version
	if i.Revision != "" {
		text += " (revision " + i.Revision[:min(shownRevision, len(i.Revision))]
		if i.Modified {
			text += ", modified"
		}
		text += ")"
	}
	return text + ", " + i.Go + ", " + i.Platform
}
