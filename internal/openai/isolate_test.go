package openai_test

import (
	"errors"
	"math"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"sheaf/internal/embed"
	"sheaf/internal/embed/embedtest"
	"sheaf/internal/hint"
	"sheaf/internal/openai"
)

func refuseBad(text string) string {
	if strings.Contains(text, "bad") {
		return "I do not like it"
	}
	return ""
}

// checkEach checks a result: texts with "bad" in them have an error with the given words,
// the others have their vectors, and no text was answered twice.
func checkEach(t *testing.T, server *embedtest.Server, texts []string, r embed.Result, words string) {
	t.Helper()
	for i, text := range texts {
		switch err := r.Errs[i]; {
		case strings.Contains(text, "bad"):
			if err == nil || !strings.Contains(err.Error(), words) || r.Vectors[i] != nil {
				t.Errorf("%s: %v", text, err)
			}
		case err != nil:
			t.Errorf("%s: %v", text, err)
		default:
			embedtest.CheckVectors(t, texts[i:i+1], r.Vectors[i:i+1], 8)
		}
	}
	for text, n := range server.Answered() {
		if n > 1 && text != "dimension" {
			t.Errorf("%s was answered %d times", text, n)
		}
	}
}

func TestRefusedTextsAreIsolated(t *testing.T) {
	t.Parallel()
	for _, texts := range [][]string{
		slices.Concat(embedtest.Texts(100), []string{"bad 1"}, embedtest.Texts(0), []string{"good", "bad 2", "bad 3"}),
		{"bad"}, {"bad 1", "bad 2", "bad 3"}, {"bad", "good"}, {"good", "bad"},
	} {
		server, e := newService(t, embedtest.ServerOptions{Refuse: refuseBad}, embed.Options{})
		r, err := e.Embed(t.Context(), texts)
		if err != nil {
			t.Errorf("%d texts: %v", len(texts), err)
			continue
		}
		checkEach(t, server, texts, r, "refused the request (status 400): I do not like it")
		if n := len(server.Requests()); n > 40 {
			t.Errorf("%d requests", n)
		}
		if _, err := embed.Vectors(t.Context(), e, texts); err == nil || !strings.Contains(err.Error(), "I do not like it") {
			t.Errorf("Embed: %v", err)
		}
	}
}

// A service that refuses everything is not asked for each text, whether it ever
// answered or not.
func TestAServiceThatRefusesEverything(t *testing.T) {
	t.Parallel()
	for _, status := range []int{400, 413, 422} {
		for _, before := range []int{0, 1} {
			server, e := newService(t, embedtest.ServerOptions{
				Spoil: func(r embedtest.Request) *embedtest.Fault {
					if r.Input[0] == "well" {
						return nil
					}
					return &embedtest.Fault{Status: status, Body: "never"}
				},
			}, embed.Options{})
			for range before {
				if _, err := embed.Vectors(t.Context(), e, []string{"well"}); err != nil {
					t.Fatal(err)
				}
			}
			_, err := e.Embed(t.Context(), embedtest.Texts(100))
			var refused *embed.RefusedError
			if n := len(server.Requests()) - before; !errors.As(err, &refused) || !refused.Everything || n != 2 {
				t.Errorf("status %d after %d answers: %v after %d requests", status, before, err, n)
			}
		}
	}
}

// A service that takes fewer inputs a request shows it once.
func TestFewerInputsARequest(t *testing.T) {
	t.Parallel()
	server, e := newService(t, embedtest.ServerOptions{MaxInputs: 10}, embed.Options{})
	texts := embedtest.Texts(200)
	for range 2 {
		r, err := e.Embed(t.Context(), texts)
		if err != nil {
			t.Fatal(err)
		}
		embedtest.CheckVectors(t, texts, r.Vectors, 8)
	}
	refused := 0
	for _, request := range server.Requests() {
		if len(request.Input) > 10 {
			refused++
		}
	}
	if n := len(server.Requests()); refused > 5 || n > 70 {
		t.Errorf("%d of %d requests were too large", refused, n)
	}
}

// TestPoison has texts for which the service fails as if it had a problem of its own:
// with status 500, or with NaN.
func TestPoison(t *testing.T) {
	t.Parallel()
	nan := func(data *[]embedtest.Embedding) { (*data)[0].Vector[0] = float32(math.NaN()) }
	for name, fault := range map[string]embedtest.Fault{
		"status 500":  {Status: http.StatusInternalServerError, Body: "input is too large to process"},
		"number 1 is": {Edit: nan},
		"of zeros":    {Edit: func(data *[]embedtest.Embedding) { clear((*data)[0].Vector) }},
	} {
		spoil := func(r embedtest.Request) *embedtest.Fault {
			if slices.ContainsFunc(r.Input, func(text string) bool { return strings.Contains(text, "bad") }) {
				return &fault
			}
			return nil
		}
		server, e := newService(t, embedtest.ServerOptions{Spoil: spoil}, embed.Options{})
		clock := setFakeClock(e)
		if _, err := embed.Vectors(t.Context(), e, []string{"well"}); err != nil {
			t.Fatal(err)
		}
		texts := slices.Concat(embedtest.Texts(20), []string{"bad 1"}, []string{"good", "bad 2"})
		r, err := e.Embed(t.Context(), texts)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		checkEach(t, server, texts, r, "answers other texts, but not this: ")
		checkEach(t, server, texts, r, name)
		if clock.slept().Minutes() > 3 {
			t.Errorf("%s: it took %v", name, clock.slept())
		}
	}
}

// A service that after good answers has only unusable ones ends the run; one that has
// only status 500 is unavailable.
func TestAServiceThatGoesBad(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]embedtest.Fault{"HTML": {HTML: true}, "500": {Status: 500}} {
		server, e := newService(t, embedtest.ServerOptions{}, embed.Options{})
		setFakeClock(e)
		if _, err := embed.Vectors(t.Context(), e, []string{"well"}); err != nil {
			t.Fatal(err)
		}
		server.Fail(slices.Repeat([]embedtest.Fault{fault}, 200)...)
		_, err := e.Embed(t.Context(), embedtest.Texts(3))
		var answer *openai.AnswerError
		var away *embed.UnavailableError
		if name == "HTML" && !errors.As(err, &answer) || name == "500" && !errors.As(err, &away) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A service that fails for everything while a bad text is looked for is not asked at
// the pace of that search.
func TestAServiceThatGoesBadMeanwhile(t *testing.T) {
	t.Parallel()
	var away atomic.Bool
	server, e := newService(t, embedtest.ServerOptions{Spoil: func(r embedtest.Request) *embedtest.Fault {
		if slices.Equal(r.Input, []string{"bad"}) {
			away.Store(true)
		}
		if away.Load() || slices.Contains(r.Input, "bad") {
			return &embedtest.Fault{Status: http.StatusInternalServerError}
		}
		return nil
	}}, embed.Options{})
	setFakeClock(e)
	if _, err := e.Embed(t.Context(), []string{"well"}); err != nil {
		t.Fatal(err)
	}
	_, err := e.Embed(t.Context(), []string{"bad", "good"})
	var unavailable *embed.UnavailableError
	if n := len(server.Requests()); !errors.As(err, &unavailable) || n > 80 {
		t.Errorf("%v after %d requests", err, n)
	}
}

// A service that makes the same vector of all texts is no use. One that does so only of some has no good answer for those.
func TestTheSameVectorForAll(t *testing.T) {
	t.Parallel()
	same := embedtest.Fault{Edit: func(data *[]embedtest.Embedding) {
		for i := range *data {
			(*data)[i].Vector = []float32{1, 2, 3, 4, 5, 6, 7, 8}
		}
	}}
	server, e := newService(t, embedtest.ServerOptions{AlwaysFail: &same}, embed.Options{})
	setFakeClock(e)
	_, err := e.Embed(t.Context(), []string{"one text", "another"})
	var answer *openai.AnswerError
	if !errors.As(err, &answer) || !strings.Contains(err.Error(), "one and the same vector for texts with different words") || hint.Of(err) == "" {
		t.Errorf("%v", err)
	}
	if n := len(server.Requests()); n != 3 {
		t.Errorf("%d requests", n)
	}
	_, e = newService(t, embedtest.ServerOptions{Spoil: func(r embedtest.Request) *embedtest.Fault {
		if len(r.Input) > 1 && strings.HasPrefix(r.Input[0], "long") {
			return &same
		}
		return nil
	}}, embed.Options{})
	setFakeClock(e)
	r, err := e.Embed(t.Context(), []string{"long 1", "long 2"})
	if err != nil || len(r.Errs) != 2 || !strings.Contains(r.Errs[1].Error(), "answers other texts, but not this: ") {
		t.Errorf("%v, %v", r.Errs, err)
	}
}
