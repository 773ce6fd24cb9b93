// Package embed turns texts into vectors. It holds the embedders ("builtin",
// computed here and offline; "minilm" and "hf", BERT encoders computed here from
// a folder of theirs; "openai", any service that speaks OpenAI's protocol;
// "command", any program), the pool that runs one over many batches, and the
// errors by which a caller tells a refused key from a service that is away.
//
// An embedder is named PROVIDER[:MODEL]. Its Identity is what a store is bound
// to: vectors of different identities must not be compared. The package reads no
// configuration and no environment but Go's own proxy variables, keeps no global
// state, and talks to no host but the one whose URL it was given.
package embed

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"time"

	"sheaf/internal/progress"
)

// Embedder turns texts into vectors.
//
// Embed returns one vector per text, in order, or for a text that cannot be
// embedded the reason, which costs the other texts nothing. Its error is for what
// concerns all texts; the Result is then empty. All vectors of one embedder have
// the same length and finite numbers. Texts may be empty. Embed must be safe for
// concurrent use and must return soon after ctx ends.
//
// An Identity does not change, except for a Dim of 0, which means "not known
// before the first answer".
type Embedder interface {
	Embed(ctx context.Context, texts []string) (Result, error)
	Identity() Identity
}

// Result holds the vectors of some texts.
type Result struct {
	Vectors [][]float32   // one per text, in order; nil where Errs has the reason
	Errs    map[int]error // by index of the text: why it was refused
	Cut     map[int]int   // by index of the text: only its first n bytes were embedded
}

// Vectors embeds texts of which each must have a vector: a refused text is an error.
func Vectors(ctx context.Context, e Embedder, texts []string) ([][]float32, error) {
	r, err := e.Embed(ctx, texts)
	if err != nil || len(r.Errs) == 0 {
		return r.Vectors, err
	}
	var errs []error
	for i := range texts {
		errs = append(errs, r.Errs[i]) // Join leaves nil out
	}
	return nil, errors.Join(errs...)
}

// Close ends what an embedder has started, such as a program.
func Close(e Embedder) error {
	if c, ok := e.(io.Closer); ok {
		return c.Close()
	}
	return nil
}

// Hints are what suits an embedder where the user says nothing.
type Hints struct {
	Workers   int // calls of Embed at once
	BatchSize int // texts in each
}

// Hinter is an Embedder that knows what suits it.
type Hinter interface{ Hints() Hints }

// HintsOf returns what suits e: as many workers as there are processors, unless
// it says something else.
func HintsOf(e Embedder) Hints {
	if h, ok := e.(Hinter); ok {
		return h.Hints()
	}
	return Hints{Workers: runtime.GOMAXPROCS(0), BatchSize: defaultBatch}
}

// defaultBatch suits embedders that compute.
const defaultBatch = 128

// Identity is what makes vectors comparable.
type Identity struct {
	Provider    string // "builtin", "minilm", "hf", "openai", "command", "none"
	Model       string // as the provider calls it; empty where it has only one
	Dim         int    // numbers in a vector; 0 while unknown
	Normalized  bool   // vectors are known to have length 1 (or 0, for no token)
	Fingerprint string // version or hash of the model's data, and prompts; empty where there are none
}

// String returns the name by which New makes this embedder: "builtin",
// "openai:text-embedding-3-small".
func (id Identity) String() string {
	if id.Model == "" {
		return id.Provider
	}
	return id.Provider + ":" + id.Model
}

// Options are what an embedder may need to know. The zero value is usable: no
// key, and every other setting at its default.
type Options struct {
	BaseURL    string        // of the service, "https://host/v1"; empty: OpenAI's own
	APIKey     string        // empty: none is sent, which OpenAI's own service refuses
	APIKeyFile string        // file that holds the key; goes before APIKey
	Dimensions int           // length of vector to ask for; 0: the model's own
	BatchSize  int           // texts a request at most; 0: DefaultBatchSize
	Timeout    time.Duration // of one request; 0: DefaultTimeout
	RetryFor   time.Duration // how long a service may stay unavailable; 0: DefaultRetryFor, negative: never retry
	Backoff    time.Duration // about how long to wait after the first failure; 0: DefaultBackoff
	RPM, TPM   int           // requests and tokens a minute at most; 0: no limit
	Truncate   bool          // embed the beginning of a text that is too long, which otherwise fails
	Dim        int           // of the vectors, where that is known already; 0: the first answers tell

	FindModel func(name string) (dir string, err error) // finds a model of the Hugging Face hub on this machine
	Kernel    string                                    // instruction set to compute with at most; empty: the best
	Workers   int                                       // threads that compute here at once; 0: GOMAXPROCS
	Query     *string                                   // what goes before questions; nil: what the model asks for
	Passage   *string                                   // what goes before texts to be found; nil: what the model asks for
	Questions bool                                      // texts are questions

	Notice func(string)      // is told what people should know; may be nil, may be called concurrently
	Stats  *progress.Counter // counts requests, texts, tokens and retries; may be nil
	Stderr io.Writer         // gets what a program writes to its standard error; may be nil
}

// Defaults of Options.
const (
	DefaultBatchSize = 256
	DefaultTimeout   = 60 * time.Second
	DefaultRetryFor  = 10 * time.Minute
	DefaultBackoff   = 500 * time.Millisecond
)

// MaxBatchSize is the number of inputs that OpenAI takes in one request.
const MaxBatchSize = 2048

// Known lists the names that New takes, for usage texts.
const Known = "builtin, minilm, hf:NAME, hf:DIR, openai[:MODEL], command:PROGRAM, none"

// New makes the embedder named spec, "provider[:model]". It connects to nothing:
// a missing key or an unreachable service shows at the first Embed.
func New(spec string, o Options) (Embedder, error) {
	spec, err := Canonical(spec)
	if err != nil {
		return nil, err
	}
	provider, model, hasModel := strings.Cut(spec, ":")
	if model == "" && (hasModel || provider == "hf") {
		return nil, fmt.Errorf("embedder %q: no model after the colon", spec)
	}
	if hasModel && (provider == "builtin" || provider == "minilm" || provider == None) {
		return nil, fmt.Errorf("embedder %q: %s has no models to choose from", spec, provider)
	}
	if err := o.check(); err != nil {
		return nil, err
	}
	o.setDefaults()
	var e Embedder
	switch provider {
	case "builtin":
		e, err = newBuiltin(o)
	case "minilm", "hf":
		e, err = newBERT(Identity{Provider: provider, Model: model}, o)
	case "openai":
		e, err = newOpenAI(model, o)
	case "command":
		e, err = newCommand(model, o)
	case None:
		return none{}, nil
	default:
		err = fmt.Errorf("%w %q; known: %s", ErrUnknown, spec, Known)
	}
	if err != nil {
		return nil, err
	}
	return withPrompts(e, o), nil
}

func (o *Options) check() error {
	if o.Dimensions < 0 {
		return fmt.Errorf("dimensions %d: must be positive", o.Dimensions)
	}
	if o.Workers < 0 {
		return fmt.Errorf("workers %d: must be positive", o.Workers)
	}
	if o.BatchSize < 0 || o.BatchSize > MaxBatchSize {
		return fmt.Errorf("batch size %d: must be from 1 to %d", o.BatchSize, MaxBatchSize)
	}
	return nil
}

func (o *Options) setDefaults() {
	if o.BatchSize == 0 {
		o.BatchSize = DefaultBatchSize
	}
	if o.Timeout == 0 {
		o.Timeout = DefaultTimeout
	}
	if o.RetryFor == 0 {
		o.RetryFor = DefaultRetryFor
	}
	if o.RetryFor >= time.Second { // a silent service is not waited for any longer
		o.Timeout = min(o.Timeout, o.RetryFor)
	}
	if o.Backoff == 0 {
		o.Backoff = DefaultBackoff
	}
	if o.FindModel == nil {
		o.FindModel = func(name string) (string, error) { return "", fmt.Errorf("model %q: nowhere to look for it", name) }
	}
	if o.Notice == nil {
		o.Notice = func(string) {}
	}
}

// maxResolve bounds the requests that learn how long the vectors are.
const maxResolve = 8

// Resolve returns the identity of e with its Dim known, which takes some small
// requests where it was not. The identity of "none" has no Dim.
func Resolve(ctx context.Context, e Embedder) (Identity, error) {
	id := e.Identity()
	if id.Provider == (none{}).Identity().Provider {
		return id, nil
	}
	for range maxResolve {
		if id.Dim != 0 {
			return id, nil
		}
		if _, err := Vectors(ctx, e, []string{probe}); err != nil {
			return Identity{}, err
		}
		id = e.Identity()
	}
	return Identity{}, fmt.Errorf("embedder %s: its vectors have another length in every answer", id)
}

// None is the provider of stores whose vectors come with the records.
const None = "none"

// none embeds nothing: its vectors come with the records.
type none struct{}

func (none) Identity() Identity { return Identity{Provider: "none"} }

func (none) Embed(context.Context, []string) (Result, error) { return Result{}, ErrNone }
