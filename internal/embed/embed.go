// Package embed turns texts into vectors. It holds the interface of an embedder,
// the pool that runs one over many batches, the errors by which a caller tells a
// refused key from a service that is away, and the embedders that need no network:
// the built-in model, BERT encoders in a folder, and a program of the user's.
// Package provider makes embedders by name.
//
// An embedder's Identity is what a store is bound to: vectors of different
// identities must not be compared. The package reads no configuration and no
// environment variable and keeps no global state.
package embed

import (
	"context"
	"errors"
	"fmt"
	"io"
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
	Long    map[int]int   // by index of the text: its tokens, where the model reads only the first Limit of them
	Limit   int           // 0 where no text is in Long

	// Foreign is what there is to say of each text in a language that the model does not know, by its index,
	// where Options.TellsForeign.
	Foreign map[int]string
}

// long adds a text of which the model reads only the first limit tokens.
func (r *Result) long(text, tokens, limit int) {
	if r.Long == nil {
		r.Long, r.Limit = map[int]int{}, limit
	}
	r.Long[text] = tokens
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

// Identity is what makes vectors comparable.
type Identity struct {
	Provider    string // its name in the table of package provider
	Model       string // as the provider calls it; empty where it has only one
	Dim         int    // numbers in a vector; 0 while unknown
	Normalized  bool   // vectors are known to have length 1 (or 0, for a text without a token)
	Fingerprint string // version or hash of the model's data, and prompts; empty where there are none
}

// String returns the name of the embedder: "builtin", "openai:text-embedding-3-small".
func (id Identity) String() string {
	if id.Model == "" {
		return id.Provider
	}
	return id.Provider + ":" + id.Model
}

// Options are what an embedder may need to know; each reads the ones that concern
// it. The zero value is usable.
type Options struct {
	BaseURL    string        // of the service, "https://host/v1"; empty: OpenAI's own
	APIKey     string        // empty: none is sent, which OpenAI's own service refuses
	APIKeyFile string        // file that holds the key; outranks APIKey
	AuthHeader string        // header that holds the key by itself; empty: Authorization, as Bearer
	ExtraBody  string        // JSON object whose members are added to each request; may be empty
	Dimensions int           // length of vector to ask for; 0: the model's own
	BatchSize  int           // texts in a request at most; 0: what suits the provider
	Timeout    time.Duration // of one request; 0: a minute
	RetryFor   time.Duration // how long a service may stay unavailable; 0: ten minutes, negative: never retry
	Backoff    time.Duration // wait after the first failure, about; 0: half a second
	RPM, TPM   int           // requests and tokens a minute at most; 0: no limit
	Truncate   bool          // embed the beginning of a text that is too long, which fails otherwise
	Dim        int           // length of the vectors, where it is known already; 0: the first answers tell

	// Fingerprint is that of the vectors to compare with, where a model has several versions; empty: the newest.
	Fingerprint string

	FindModel    func(name string) (dir string, err error) // finds a model of the Hugging Face hub on this machine
	Kernel       string                                    // best instruction set to compute with; empty: the processor's best
	Workers      int                                       // threads that compute here at once; 0: GOMAXPROCS
	Query        *string                                   // prompt before questions; nil: the model's own
	Passage      *string                                   // prompt before texts to be found; nil: the model's own
	Questions    bool                                      // texts are questions
	TellsLong    bool                                      // the caller gives the notices about Result.Long
	TellsForeign bool                                      // and those in Result.Foreign
	Told         bool                                      // people know what is assumed of the model, whose store they ask

	Notice func(string)      // receives what people should know; may be nil, may be called concurrently
	Stats  *progress.Counter // counts requests, texts, tokens and retries; may be nil
	Stderr io.Writer         // receives what a program writes to its standard error; may be nil
}

// Notify tells people something, formatted as fmt.Sprintf does.
func (o *Options) Notify(format string, args ...any) {
	if o.Notice != nil {
		o.Notice(fmt.Sprintf(format, args...))
	}
}

// foreign tells people of a text in another language, or leaves that to the caller.
func (o *Options) foreign(r *Result, text int, notice string) {
	switch {
	case notice == "":
	case o.TellsForeign:
		if r.Foreign == nil {
			r.Foreign = map[int]string{}
		}
		r.Foreign[text] = notice
	default:
		o.Notify("%s", notice)
	}
}

// Stalled tells people that a program has not answered for a while: most often it keeps its
// answers in a buffer and waits for more input.
func (o *Options) Stalled(program string, d time.Duration) {
	o.Notify("%q has not answered for %s: does it flush its output after every line?", program, d)
}

// Probe is a text that no service has a reason to refuse.
const Probe = "dimension"

// maxResolve bounds the requests that learn the length of the vectors.
const maxResolve = 8

// Resolve returns the identity of e with its Dim, which takes a few small requests
// where it is not known yet. The identity of "none" has no Dim.
func Resolve(ctx context.Context, e Embedder) (Identity, error) {
	id := e.Identity()
	if id.Provider == None {
		return id, nil
	}
	for range maxResolve {
		if id.Dim != 0 {
			return id, nil
		}
		if _, err := Vectors(ctx, e, []string{Probe}); err != nil {
			return Identity{}, err
		}
		id = e.Identity()
	}
	return Identity{}, fmt.Errorf("embedder %s: its vectors have another length in every answer", id)
}

// FillEmpty gives a vector of zeros to each text of r that has neither a vector nor
// an error: an empty text, which is not sent to services and programs.
func FillEmpty(ctx context.Context, e Embedder, r Result) error {
	for i, vector := range r.Vectors {
		if vector != nil || r.Errs[i] != nil {
			continue
		}
		id, err := Resolve(ctx, e)
		if err != nil {
			return err
		}
		r.Vectors[i] = make([]float32, id.Dim)
	}
	return nil
}

// None is the provider of stores whose vectors come with the records.
const None = "none"

// none makes no vectors.
type none struct{}

// NewNone returns the embedder "none", which refuses every text with ErrNone.
func NewNone(string, Options) (Embedder, error) { return none{}, nil }

func (none) Identity() Identity { return Identity{Provider: None} }

func (none) Embed(context.Context, []string) (Result, error) { return Result{}, ErrNone }
