package embed

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"unicode"

	"golang.org/x/sync/errgroup"

	"sheaf/internal/crash"
	"sheaf/internal/transformer"
	"sheaf/internal/vector"
)

const (
	// maxPackTokens bounds the tokens that are computed at once: enough that packing the
	// weights costs little beside computing with them, few enough for the processor's caches
	// and 10 MB of memory. In int8 weights are packed once for all.
	maxPackTokens     = 1024
	maxPackTokensInt8 = 256
	// minPackTokens is how many tokens are worth a thread of their own.
	minPackTokens = 64
)

// bert computes vectors with a BERT encoder, as sentence-transformers does with the same
// folder, or with another encoder of tokens.
type bert struct {
	identity   Identity
	model      encoder
	settings   transformer.Settings
	tokens     *textTokens
	options    Options
	packTokens int                         // that are computed at once at most, if more than one text
	workspaces chan *transformer.Workspace // as many as computations that may run at once
	noticed    atomic.Bool
	foreign    *foreign // of a model that is known to know the 16 languages only
}

// encoder makes vectors of tokens. It is safe for concurrent use.
type encoder interface {
	Settings() transformer.Settings
	Fingerprint() (string, error)
	Encode(w *transformer.Workspace, texts [][]int32) ([][]float32, error)
	Close() error
}

// NewMiniLM returns the embedder "minilm": all-MiniLM-L6-v2, one model of the hub. The one model that
// it takes is "int8": the same, computed in int8.
func NewMiniLM(model string, o Options) (Embedder, error) {
	if model != "" && model != Int8 {
		return nil, fmt.Errorf("embedder \"minilm:%s\": want minilm or minilm:%s", model, Int8)
	}
	return newEncoder(Identity{Provider: "minilm", Model: model}, MiniLM, model == Int8, o)
}

// NewHF returns the embedder that computes with the BERT encoder model: a folder, or
// its name on the Hugging Face hub, and ":int8" after it to compute in int8.
func NewHF(model string, o Options) (Embedder, error) {
	dir, int8 := CutInt8(model)
	return newEncoder(Identity{Provider: "hf", Model: model}, dir, int8, o)
}

func newEncoder(id Identity, dir string, int8 bool, o Options) (Embedder, error) {
	dir, err := findFolder(dir, o)
	if err != nil {
		return nil, &ModelError{id.String(), err}
	}
	b, err := openEncoder(dir, int8, o)
	if err != nil {
		return nil, &ModelError{id.String(), err}
	}
	if o.Dimensions > b.settings.Dim {
		return nil, errors.Join(fmt.Errorf("embedder %q makes vectors of %d numbers, not %d", id, b.settings.Dim, o.Dimensions), b.model.Close())
	}
	id.Dim, id.Normalized, id.Fingerprint = b.settings.Dim, b.settings.Normalized, b.identity.Fingerprint
	if o.Dimensions != 0 && o.Dimensions != id.Dim {
		id.Dim, id.Fingerprint = o.Dimensions, WithDim(id.Fingerprint, o.Dimensions)
	}
	b.identity = id
	if b.settings.PoolingAssumed && !o.Told {
		o.Notify("%s has no modules.json, which says how it makes one vector of a text's tokens: taking their mean", id)
	}
	return b, nil
}

// findFolder returns the folder of a model that is named by it, or by its name on the hub.
func findFolder(model string, o Options) (dir string, err error) {
	switch {
	case IsFolder(model):
		return model, nil
	case o.FindModel == nil:
		return "", fmt.Errorf("model %q: nowhere to look for it", model)
	}
	return o.FindModel(model)
}

// CheckModel reports why neither an embedder nor a cross-encoder can be made of the model in dir.
func CheckModel(dir string) error {
	if transformer.IsClassifier(dir) {
		c, err := openCrossEncoder(dir, false, Options{})
		if err != nil {
			return err
		}
		return c.Close()
	}
	b, err := openEncoder(dir, false, Options{})
	if err != nil {
		return err
	}
	return b.model.Close()
}

// SaveInt8 saves in the folder of a model what computing it in int8 begins with, if it can be
// computed so.
func SaveInt8(dir string) error {
	if transformer.IsUSE(dir) {
		return nil
	}
	if err := transformer.SaveInt8(dir); !errors.Is(err, transformer.ErrNoInt8) {
		return err
	}
	return nil
}

func openEncoder(dir string, int8 bool, o Options) (*bert, error) {
	if transformer.IsUSE(dir) {
		return openUSE(dir, int8, o)
	}
	open := transformer.Open
	if int8 {
		open = transformer.OpenInt8
	}
	model, err := open(dir, o.Kernel)
	if err != nil {
		return nil, err
	}
	return newBERT(model, tokensIn(dir, model), int8, o)
}

// tokensIn returns a function that reads the tokenizer of the model in a folder.
func tokensIn(dir string, model *transformer.Model) func() (*textTokens, error) {
	s := model.Settings()
	return func() (*textTokens, error) {
		return readTokens(filepath.Join(dir, filepath.FromSlash(s.TokenizerDir)), s)
	}
}

// newBERT completes a model by its tokenizer and the memory to compute in.
func newBERT(model encoder, tokens func() (*textTokens, error), int8 bool, o Options) (*bert, error) {
	b := &bert{model: model, settings: model.Settings(), options: o, packTokens: maxPackTokens}
	if int8 {
		b.packTokens = maxPackTokensInt8
	}
	if err := b.openTokenizer(tokens); err != nil {
		return nil, errors.Join(err, model.Close())
	}
	threads := o.Workers
	if threads == 0 {
		threads = runtime.GOMAXPROCS(0)
	}
	b.workspaces = make(chan *transformer.Workspace, threads)
	for range threads {
		b.workspaces <- new(transformer.Workspace)
	}
	return b, nil
}

// openTokenizer reads the tokenizer and adds it to the fingerprint.
func (b *bert) openTokenizer(tokens func() (*textTokens, error)) (err error) {
	if b.tokens, err = tokens(); err != nil {
		return err
	}
	fingerprint, err := b.model.Fingerprint() // last, because a model in int8 is being read meanwhile
	if err != nil {
		return err
	}
	h := sha256.New()
	fmt.Fprintln(h, fingerprint)
	if err := b.tokens.describe(h); err != nil {
		return err
	}
	b.identity.Fingerprint = hex.EncodeToString(h.Sum(nil)[:fingerprintBytes])
	return nil
}

const fingerprintBytes = 8

func (b *bert) Identity() Identity { return b.identity }

// prompts returns those that the model's folder names.
func (b *bert) prompts() Prompts { return Prompts{b.settings.QueryPrompt, b.settings.PassagePrompt} }

// Embed implements Embedder. It groups the texts into packs and computes as many packs at
// the same time as Options.Workers says, over all calls.
func (b *bert) Embed(ctx context.Context, texts []string) (Result, error) {
	if ctx.Err() != nil {
		return Result{}, context.Cause(ctx)
	}
	result := Result{Vectors: make([][]float32, len(texts))}
	ids, tokens := make([][]int32, len(texts)), 0
	for i, text := range texts {
		if b.foreign != nil {
			b.options.foreign(&result, i, b.foreign.noticeScript(text, "the multilingual model", b.options.TellsForeign))
		}
		var length int
		if ids[i], length = b.ids(text); length > len(ids[i]) {
			result.long(i, length, b.settings.MaxTokens)
		}
		tokens += len(ids[i])
	}
	b.noticeLong(len(result.Long))
	err := b.inPacks(ctx, ids, func(w *transformer.Workspace, first, end int) error {
		computed, err := b.model.Encode(w, ids[first:end])
		for i, v := range computed {
			result.Vectors[first+i] = b.shorten(v)
		}
		return err
	})
	if err != nil {
		return Result{}, err
	}
	b.options.Stats.AddRequest(len(texts), tokens)
	return result, nil
}

// packLen returns how many of the texts to compute at once. share is the number of tokens
// that gives each thread the same amount of work, or fewer.
func packLen(ids [][]int32, share int) int {
	limit, tokens := max(share, minPackTokens), len(ids[0])
	n := 1
	for n < len(ids) && tokens+len(ids[n]) <= limit {
		tokens += len(ids[n])
		n++
	}
	return n
}

// inPacks calls compute with the bounds of each pack, for as many packs at the same time as there
// are workspaces. A goroutine goes on with the next pack and stays on its thread, else Go moves it to
// another processor every 10 ms, whose caches have nothing of its memory: a tenth of the time.
func (b *bert) inPacks(ctx context.Context, ids [][]int32, compute func(w *transformer.Workspace, first, end int) error) error {
	tokens := 0
	for _, text := range ids {
		tokens += len(text)
	}
	var packs [][2]int
	for first, end := 0, 0; first < len(ids); first = end {
		end = first + packLen(ids[first:], min(tokens/cap(b.workspaces), b.packTokens))
		packs = append(packs, [2]int{first, end})
	}
	group, ctx := errgroup.WithContext(ctx)
	var next atomic.Int64
	for range min(len(packs), cap(b.workspaces)) {
		group.Go(func() (err error) {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			for i := next.Add(1) - 1; i < int64(len(packs)) && err == nil; i = next.Add(1) - 1 {
				err = b.pack(ctx, packs[i][0], packs[i][1], compute)
			}
			return err
		})
	}
	return group.Wait()
}

// pack calls compute once a workspace is free.
func (b *bert) pack(ctx context.Context, first, end int, compute func(w *transformer.Workspace, first, end int) error) (err error) {
	defer crash.Catch(&err)
	var w *transformer.Workspace
	select {
	case w = <-b.workspaces:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	defer func() { b.workspaces <- w }()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return compute(w, first, end)
}

// shorten returns the first numbers of a vector, as many as were asked for. Models that are
// trained for it (Matryoshka) lose little.
func (b *bert) shorten(v []float32) []float32 {
	if len(v) == b.identity.Dim {
		return v
	}
	v = v[:b.identity.Dim:b.identity.Dim]
	if b.identity.Normalized {
		vector.Normalize(v)
	}
	return v
}

// ids returns the ids of a text, at most as many as the model reads, and how many the whole text has.
func (b *bert) ids(text string) (ids []int32, length int) {
	text = strings.TrimFunc(text, isPythonSpace)
	if b.settings.Lowercase {
		text = strings.ToLower(text)
	}
	ids = b.tokens.tokenizer.Append([]int32{b.tokens.beforeID}, text)
	length = len(ids) + 1
	return append(ids[:min(len(ids), b.settings.MaxTokens-1)], b.tokens.behindID), length
}

// isPythonSpace reports whether Python's str.strip removes r, which sentence-transformers calls first.
func isPythonSpace(r rune) bool { return unicode.IsSpace(r) || '\x1c' <= r && r <= '\x1f' }

// noticeLong tells people, once in the embedder's life, that texts are longer than what the model reads.
func (b *bert) noticeLong(texts int) {
	if texts > 0 && !b.options.TellsLong && b.noticed.CompareAndSwap(false, true) {
		b.options.Notify("%s reads the first %d tokens of a text and one is longer: the rest of it does not count (smaller chunks help)",
			b.identity, b.settings.MaxTokens)
	}
}
