package app

import (
	"bytes"
	"os"
	"testing"
)

// maxLines is the hard limit of a source file; 400 is what we aim below.
const maxLines = 700

func TestFilesAreShort(t *testing.T) {
	t.Parallel()
	sources(t, func(path, _ string) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Error(err)
			return
		}
		switch lines := bytes.Count(text, []byte("\n")); {
		case lines > maxLines:
			t.Errorf("%s has %d lines; split it by noun or verb below %d", path, lines, maxLines)
		case lines > 400:
			t.Logf("%s has %d lines", path, lines)
		}
	})
}
