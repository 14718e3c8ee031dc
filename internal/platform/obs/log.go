package obs

import (
	"io"
	"log/slog"
	"os"
	"strings"

	"github.com/lmittmann/tint"
)

// Options configure the log.
type Options struct {
	// Level is debug, info, warn or error; anything else means info.
	Level string
	// Format is text, json, or auto: text on a terminal and JSON elsewhere.
	Format string
}

// NewLogger returns a logger that writes to w.
func NewLogger(w io.Writer, options Options) *slog.Logger {
	level := slog.LevelInfo
	if err := level.UnmarshalText([]byte(options.Level)); err != nil {
		level = slog.LevelInfo
	}
	terminal := isTerminal(w)
	if options.Format == "json" || (options.Format != "text" && !terminal) {
		return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level}))
	}
	return slog.New(tint.NewTextHandler(w, &tint.Options{
		Level: level, TimeFormat: "15:04:05.000", NoColor: !terminal || os.Getenv("NO_COLOR") != "" || strings.EqualFold(os.Getenv("TERM"), "dumb"),
	}))
}

func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	if !ok {
		return false
	}
	status, err := file.Stat()
	return err == nil && status.Mode()&os.ModeCharDevice != 0
}
