package buildinfo

import (
	"runtime"
	"runtime/debug"
	"testing"
)

func TestInfo(t *testing.T) {
	suffix := ", " + runtime.Version() + ", " + runtime.GOOS + "/" + runtime.GOARCH
	for _, test := range []struct {
		name  string
		build debug.BuildInfo
		want  string
	}{
		{"nothing known", debug.BuildInfo{}, "authly devel"},
		{"go run", debug.BuildInfo{Main: debug.Module{Version: "(devel)"}}, "authly devel"},
		{"a release", debug.BuildInfo{Main: debug.Module{Version: "v1.2.3"}}, "authly v1.2.3"},
		{"a revision", debug.BuildInfo{Settings: []debug.BuildSetting{
			{Key: "vcs.revision", Value: "0123456789abcdef0123"}, {Key: "vcs.modified", Value: "false"},
		}}, "authly devel (revision 0123456789ab)"},
		{"a changed revision", debug.BuildInfo{Settings: []debug.BuildSetting{
			{Key: "vcs.revision", Value: "0123"}, {Key: "vcs.modified", Value: "true"},
		}}, "authly devel (revision 0123, modified)"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := from(&test.build).String(); got != test.want+suffix {
				t.Errorf("got %q, want %q", got, test.want+suffix)
			}
		})
	}
	if Read().Go == "" {
		t.Error("nothing is known of the test itself")
	}
}
