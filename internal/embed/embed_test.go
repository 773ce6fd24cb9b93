package embed_test

import (
	"errors"
	"strings"
	"testing"

	"sheaf/internal/embed"
	"sheaf/internal/embed/embedtest"
	"sheaf/internal/progress"
	"sheaf/internal/provider"
)

func TestNone(t *testing.T) {
	t.Parallel()
	e, err := provider.New("none", embed.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := embed.Vectors(t.Context(), e, []string{"a"}); !errors.Is(err, embed.ErrNone) {
		t.Errorf("error %v, want ErrNone", err)
	}
	if id, err := embed.Resolve(t.Context(), e); err != nil || id.Dim != 0 {
		t.Errorf("%+v, %v", id, err)
	}
}

func TestBuiltinConforms(t *testing.T) {
	t.Parallel()
	e, err := provider.New("builtin", embed.Options{})
	if err != nil {
		t.Fatal(err)
	}
	embedtest.Conform(t, e)
}

func TestBuiltinCounts(t *testing.T) {
	t.Parallel()
	stats := &progress.Counter{}
	e, err := provider.New("builtin", embed.Options{Stats: stats})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := embed.Vectors(t.Context(), e, []string{"hello, world", ""}); err != nil {
		t.Fatal(err)
	}
	if want := (progress.Snapshot{Requests: 1, Texts: 2, Tokens: 3}); stats.Snapshot() != want {
		t.Errorf("counted %+v, want %+v", stats.Snapshot(), want)
	}
}

func TestBuiltinNoticesOtherScriptsOnce(t *testing.T) {
	t.Parallel()
	var notices []string
	e, err := provider.New("builtin", embed.Options{Notice: func(s string) { notices = append(notices, s) }})
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		text string
		want int
	}{{"English, even with a naïve café", 0}, {"съешь же ещё этих булок", 1}, {"東京は日本の首都です", 1}} {
		if _, err := embed.Vectors(t.Context(), e, []string{test.text}); err != nil {
			t.Fatal(err)
		}
		if len(notices) != test.want {
			t.Errorf("%d notices after %q, want %d: %q", len(notices), test.text, test.want, notices)
		}
	}
	if len(notices) > 0 && !strings.Contains(notices[0], "English") {
		t.Errorf("notice %q", notices[0])
	}
}
