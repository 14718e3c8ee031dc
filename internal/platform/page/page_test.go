package page_test

import (
	"testing"
	"time"

	"authly/internal/platform/id"
	"authly/internal/platform/page"
)

func TestCursor(t *testing.T) {
	t.Parallel()
	for _, want := range []page.Position{
		{},
		{ID: id.New()},
		{ID: id.New(), At: time.UnixMicro(1).UTC()},
		{ID: id.New(), At: time.Date(1960, 1, 1, 0, 0, 0, 1000, time.UTC)},
	} {
		if got, err := page.Parse(want.Cursor()); err != nil || got != want {
			t.Errorf("%v became %v by %q: %v", want, got, want.Cursor(), err)
		}
	}
	whole := page.Position{ID: id.New(), At: time.Unix(1, 0)}.Cursor()
	for _, wrong := range []string{"!", "AA", whole[:10], whole + "AAAA", whole + "=", "AAAAAAAAAAAAAAAAAAAAAA", "AZ7bnWQzcAGqPLvOXzyi6H________"} {
		if got, err := page.Parse(wrong); err == nil {
			t.Errorf("%q is %v", wrong, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(page.Position{ID: id.New(), At: time.Unix(1, 0)}.Cursor())
	f.Add("")
	f.Fuzz(func(t *testing.T, cursor string) {
		read, err := page.Parse(cursor)
		if err != nil {
			return
		}
		if again, err := page.Parse(read.Cursor()); err != nil || again != read {
			t.Errorf("%q is %v and then %v: %v", cursor, read, again, err)
		}
	})
}
