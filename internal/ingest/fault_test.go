package ingest_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sheaf/internal/embed"
	"sheaf/internal/embed/embedtest"
	"sheaf/internal/engine"
	"sheaf/internal/faulttest"
	"sheaf/internal/ingest"
	"sheaf/internal/provider"
	"sheaf/internal/store"
)

// serviceEnv makes the test binary ingest the folder that textEnv names into the
// store that childEnv names, with the vectors of the service at this URL.
const (
	serviceEnv = "SHEAF_TEST_SERVICE"
	textEnv    = "SHEAF_TEST_TEXT"
)

// What a run through a service has on its way and what it commits at once.
const (
	serviceWorkers = 4
	serviceBatch   = 5
	serviceCommit  = 20
)

func ingestByService(ctx context.Context, url, dir, text string) error {
	e, err := newEmbedder(url)
	if err == nil {
		_, err = runInto(ctx, dir, e, ingest.Options{
			Roots: []string{text}, Workers: serviceWorkers, BatchSize: serviceBatch, CommitDocuments: serviceCommit,
		})
	}
	return err
}

// newEmbedder has a service embed that recovers within milliseconds.
func newEmbedder(url string) (embed.Embedder, error) {
	return provider.New("openai:m", embed.Options{BaseURL: url, Backoff: time.Millisecond, Dim: hashedDim})
}

func newChaos(t *testing.T, seed uint64, share float64) *embedtest.Server {
	t.Helper()
	server := embedtest.NewServer(embedtest.ServerOptions{
		Dim: hashedDim, Chaos: &embedtest.Chaos{Seed: seed, Share: share, Pause: time.Millisecond},
		Latency: func(int) time.Duration { return time.Millisecond },
	})
	t.Cleanup(server.Close)
	return server
}

// writeCorpus writes n different texts: most of them records of one file, some
// of several files, some in two places.
func writeCorpus(t *testing.T, dir string, n int) {
	t.Helper()
	lines := map[string][]byte{}
	for i := range n {
		line := fmt.Appendf(nil, "{\"text\": \"text %d of the corpus\", \"metadata\": {\"n\": %d}}\n", i, i%7)
		files := []string{"long.jsonl"}
		switch {
		case i%10 == 0:
			files = append(files, fmt.Sprintf("part%d.jsonl", i*5/n))
		case i%20 == 1:
			writeFile(t, filepath.Join(dir, fmt.Sprintf("note%d.txt", i)), fmt.Appendf(nil, "text %d of the corpus\n", i))
			continue
		}
		for _, name := range files {
			lines[name] = append(lines[name], line...)
		}
	}
	for name, text := range lines {
		writeFile(t, filepath.Join(dir, name), text)
	}
}

// inspect lists everything in a store, which must be sound, and in which every
// vector must be its text's.
func inspect(t *testing.T, dir string) (docs []string) {
	t.Helper()
	// A process that another test is just starting has this one's lock for a moment.
	problems, err := store.Check(t.Context(), dir, engine.Options{LockTimeout: 10 * time.Second})
	if err != nil || len(problems) > 0 {
		t.Errorf("%v, %+v", err, problems)
	}
	s, err := store.Open(t.Context(), dir, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for d, err := range s.Documents(t.Context(), engine.ListOptions{WithVectors: true}) {
		if err != nil {
			t.Fatal(err)
		}
		docs = append(docs, fmt.Sprintf("%s %s:%d-%d %s %s", d.ID, d.Source, d.StartLine, d.EndLine, d.Text, d.Metadata))
		if !slices.Equal(d.Vector, embedtest.Vector(d.Text, hashedDim)) {
			t.Errorf("text %q has the vector of another", d.Text)
		}
	}
	return docs
}

// TestFaults takes a corpus through a service of whose requests nearly half go
// wrong, in nine ways.
func TestFaults(t *testing.T) {
	t.Parallel()
	texts := filepath.Join(t.TempDir(), "text")
	const n = 10_000
	writeCorpus(t, texts, n)
	var undisturbed []string
	for i, test := range []struct {
		share   float64
		workers int
	}{{0, 16}, {0.05, 16}, {0.05, 3}, {0.05, 1}} {
		server := newChaos(t, uint64(i), test.share)
		e, err := newEmbedder(server.URL)
		if err != nil {
			t.Fatal(err)
		}
		dir := filepath.Join(faulttest.MemoryDir(t), "store")
		sum, err := runInto(t.Context(), dir, e, ingest.Options{Roots: []string{texts}, Workers: test.workers, BatchSize: 50})
		if err != nil || sum.Failed() {
			t.Fatalf("%+v: %v, %v", test, err, sum.Failures)
		}
		docs := inspect(t, dir)
		if undisturbed == nil {
			undisturbed = docs
		}
		if len(docs) != n+n/10 {
			t.Errorf("%+v: %d documents for %d texts, of which a tenth comes twice", test, len(docs), n)
		}
		if !slices.Equal(docs, undisturbed) {
			t.Errorf("%+v: %s", test, cmp.Diff(undisturbed, docs))
		}
		answered := server.Answered()
		delete(answered, "dimension") // what it is asked when a request fails again and again
		for text, times := range answered {
			if times != 1 {
				t.Errorf("%+v: %q was embedded %d times", test, text, times)
			}
		}
		if len(answered) != n || sum.Embedding.Texts != n {
			t.Errorf("%+v: %d texts were embedded of %d, the summary says %d", test, len(answered), n, sum.Embedding.Texts)
		}
		if requests := len(server.Requests()); test.share > 0 && requests < n/50*5/4 {
			t.Errorf("%+v: only %d requests", test, requests)
		}
	}
}

// kills is how often TestKillThroughAService kills.
const kills = 100

// TestKillThroughAService kills runs at random moments with SIGKILL, again and
// again until one comes to its end. The store is then that of a run that nothing
// disturbed, and each kill cost at most what was on its way or not committed.
func TestKillThroughAService(t *testing.T) {
	t.Parallel()
	work := faulttest.MemoryDir(t)
	texts := filepath.Join(work, "text")
	const n = 400
	writeCorpus(t, texts, n)
	reference := filepath.Join(work, "reference")
	calm := newChaos(t, 0, 0)
	if err := ingestByService(t.Context(), calm.URL, reference, texts); err != nil {
		t.Fatal(err)
	}
	want := inspect(t, reference)

	var killed, run atomic.Int64
	var wait sync.WaitGroup
	for range 2 {
		wait.Go(func() {
			for killed.Load() < kills && !t.Failed() {
				seed := uint64(run.Add(1))
				k := &killer{random: rand.New(rand.NewPCG(seed, 0))}
				server := embedtest.NewServer(embedtest.ServerOptions{
					Dim: hashedDim, Spoil: k.spoil, Chaos: &embedtest.Chaos{Seed: seed, Share: 0.05, Pause: time.Millisecond},
				})
				dir := filepath.Join(work, fmt.Sprint("store", seed))
				for k.run(t, server.URL, dir, texts) {
					killed.Add(1)
				}
				server.Close()
				if diff := cmp.Diff(want, inspect(t, dir)); diff != "" {
					t.Errorf("seed %d: after %d kills: %s", seed, k.kills, diff)
				}
				embedded := 0
				for _, times := range server.Answered() {
					embedded += times
				}
				const lost = serviceCommit + serviceBatch + (serviceWorkers+2)*serviceBatch
				if embedded < n || embedded > n+k.kills*lost {
					t.Errorf("seed %d: %d texts were embedded for %d, with %d kills", seed, embedded, n, k.kills)
				}
			}
		})
	}
	wait.Wait()
	t.Logf("%d kills in %d stores", killed.Load(), run.Load())
}

// killer kills a process at one of its next requests, or a moment after.
type killer struct {
	random *rand.Rand
	kills  int

	mu    sync.Mutex
	left  int           // requests until the kill
	delay time.Duration // after that
	kill  func() error
}

func (k *killer) spoil(embedtest.Request) *embedtest.Fault {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.left--; k.left == 0 && k.kill != nil {
		kill := k.kill
		time.AfterFunc(k.delay, func() { _ = kill() })
	}
	return nil
}

// run ingests in another process, and tells whether that was ended.
func (k *killer) run(t *testing.T, url, dir, texts string) bool {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), serviceEnv+"="+url, childEnv+"="+dir, textEnv+"="+texts)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Error(err)
		return false
	}
	k.mu.Lock()
	k.left, k.delay, k.kill = 1+k.random.IntN(12), time.Duration(k.random.IntN(5000))*time.Microsecond, cmd.Process.Kill
	k.mu.Unlock()
	err := cmd.Wait()
	if err == nil {
		return false
	}
	// A service of whose first answers three are unusable ends a run, as it should:
	// the next one makes up for that as for a kill.
	hopeless := cmd.ProcessState.ExitCode() == 1 && strings.Contains(stderr.String(), "answer of "+url)
	if cmd.ProcessState.ExitCode() >= 0 && !hopeless {
		t.Errorf("%v: %s", err, stderr.String())
		return false
	}
	k.kills++
	return true
}
